//! Ten milliseconds between two advertisements, on a machine that has other things to do.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, VIP, config};
use crate::guardian::Load;
use crate::lan::{Lan, run_for};

/// Seconds of load. The long form is ten minutes.
const SECONDS: &str = "VRRPD_REAL_TIME_SECONDS";
const SHORT: u64 = 5;
/// Beside the load itself.
const SETTING_UP: Duration = Duration::from_secs(30);

pub(crate) fn busy() {
    let seconds = std::env::var(SECONDS).map_or(SHORT, |text| text.parse().expect("a number of seconds"));
    let time = Duration::from_secs(seconds);
    run_for(time + SETTING_UP, async {
        let mut lan = Lan::new().await;
        let text = |priority| {
            let instance = config(priority, &[VIP], "").replace("advert_int 0.1", "advert_int 0.01");
            let global = "global_defs {\n status_socket off\n vrrp_rt_priority 50\n vrrp_no_swap\n}\n";
            global.to_owned() + &instance
        };
        let mut better = Daemon::start(&lan.nodes[0], "better", &text(200));
        lan.nodes[0].gains(VIP).await;
        let mut worse = Daemon::start(&lan.nodes[1], "worse", &text(100));
        worse.says("Entering BACKUP STATE (init)").await;
        if worse.has_said("vrrp_rt_priority is refused") {
            eprintln!("real time is refused on this machine: nothing is measured");
            return;
        }
        let load = Load::start();
        tokio::time::sleep(time).await;
        drop(load);
        for daemon in [&mut worse, &mut better] {
            daemon.signal(Signal::SIGTERM);
            daemon.says("Stopped").await;
        }
        assert!(!worse.has_said("Entering MASTER STATE"));
        assert!(!better.has_said("is hung") && !worse.has_said("is hung"));
    });
}
