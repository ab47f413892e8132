//! Real-time scheduling of a round, so that nothing else on the machine is in its latencies.

use std::process::{Command, Stdio};

/// Processes that run before all ordinary ones, until this is dropped: the proxy, and load and servers, which are threads of
/// this process. The kernel leaves one twentieth of each second to the others.
#[derive(Debug)]
pub(crate) struct RealTime {
    processes: Vec<String>,
}

impl RealTime {
    /// Raises this process and the proxy's; `None` where the kernel does not let us.
    pub(crate) fn begin(proxy: &[i32]) -> Option<Self> {
        let own = std::process::id().to_string();
        let processes: Vec<String> = proxy.iter().map(i32::to_string).chain([own]).collect();
        // Undone when dropped, also if only some could be raised.
        let raised = Self { processes };
        raised
            .processes
            .iter()
            .all(|pid| change(&["--fifo", "--all-tasks", "--pid", "1", pid]))
            .then_some(raised)
    }
}

impl Drop for RealTime {
    fn drop(&mut self) {
        for pid in &self.processes {
            change(&["--other", "--all-tasks", "--pid", "0", pid]);
        }
    }
}

/// Runs chrt(1) of util-linux; says whether it did what it was asked for.
fn change(arguments: &[&str]) -> bool {
    let mut command = Command::new("chrt");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
