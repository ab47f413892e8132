//! Rates, averages and short histories. Each takes the time from its caller.

mod rate;
mod sparkline;
mod window;

pub use rate::{Peak, RateMeter};
pub use sparkline::{History, Sparkline};
pub use window::{Window1024, WindowTotals};
