//! How idle the process is, measured once a second from the processor time it used.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use crate::objects::Objects;

const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps `idle_percent` of the process up to date.
pub(crate) async fn measure(objects: Arc<Objects>) {
    let mut tick = tokio::time::interval(INTERVAL);
    let (mut used, mut at) = (processor_time(), Instant::now());
    loop {
        tick.tick().await;
        let (used_now, now) = (processor_time(), Instant::now());
        let available = now.duration_since(at).as_secs_f64() * objects.process.workers as f64;
        let busy = used_now.saturating_sub(used).as_secs_f64() / available.max(f64::EPSILON);
        let idle = (100.0 * (1.0 - busy)).clamp(0.0, 100.0);
        objects.process.idle_percent.store(idle as u32, Ordering::Relaxed);
        (used, at) = (used_now, now);
    }
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
