//! What a node runs for the address to be of use.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::process::{Child, Command};

use crate::daemon::{Daemon, SLACK, VIP, config};
use crate::lan::{Lan, run};

/// Version 3, 100 ms: (256 − 100)/256 of the interval.
const SKEW: Duration = Duration::from_millis(61);
/// After four missed beats.
const BEAT_TIMEOUT: Duration = Duration::from_millis(80);
const BEAT_INTERVAL: Duration = Duration::from_millis(20);

/// A name in the directory for temporary files that no other case uses.
pub(crate) fn temporary(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("vrrpd-netns-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// The node with priority 200, which depends on `more`.
fn better(lan: &Lan, scripts: &str, more: &str) -> Daemon {
    Daemon::start(&lan.nodes[0], "better", &(scripts.to_owned() + &config(200, &[VIP], more)))
}

fn track_lbd(socket: &std::path::Path) -> String {
    format!(" track_lbd {{\n socket {}\n }}", socket.display())
}

/// Beats as one worker that is ready, until it is aborted.
async fn beat(mut daemon: UnixStream) {
    let mut beats = tokio::time::interval(BEAT_INTERVAL);
    loop {
        beats.tick().await;
        if daemon.write_all(b"beat 1 0/1 ready\n").await.is_err() {
            return;
        }
    }
}

pub(crate) fn dead_lbd() {
    run(async {
        let mut lan = Lan::new().await;
        let socket = temporary("dead.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut better = better(&lan, "", &track_lbd(&socket));
        let lbd = tokio::spawn(beat(listener.accept().await.unwrap().0));
        lan.nodes[0].gains(VIP).await;
        let _worse = Daemon::backup(&lan.nodes[1]).await;

        lbd.abort();
        let at = std::time::Instant::now();
        let taken = lan.nodes[1].gains(VIP).await - at;
        assert!(taken < SKEW + SLACK, "{taken:?}");
        better.says("lbd is dead").await;
        better.says("sent 0 priority").await;

        let _lbd = tokio::spawn(beat(listener.accept().await.unwrap().0));
        better.says("lbd is ready").await;
        lan.nodes[1].loses(VIP).await;
        std::fs::remove_file(socket).unwrap();
    });
}

pub(crate) fn hung_lbd() {
    run(async {
        let mut lan = Lan::new().await;
        let socket = temporary("hung.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        // With a weight: it yields, and keeps the address until the other one speaks.
        let track = track_lbd(&socket).replace(" }", " weight -150\n }");
        let mut better = better(&lan, "", &track);
        let (mut daemon, _) = listener.accept().await.unwrap();
        daemon.write_all(b"beat 1 0/2 ready\nbeat 1 1/2 ready\n").await.unwrap();
        let mut beats = tokio::time::interval(BEAT_INTERVAL);
        let both = async {
            loop {
                beats.tick().await;
                daemon.write_all(b"beat 1 0/2 ready\nbeat 1 1/2 ready\n").await.unwrap();
            }
        };
        let elected = async {
            lan.nodes[0].gains(VIP).await;
            Daemon::backup(&lan.nodes[1]).await
        };
        let _worse = tokio::select! {
            () = both => unreachable!("it beats for ever"),
            worse = elected => worse,
        };
        // One worker falls silent, the other one beats on.
        let at = std::time::Instant::now();
        let one = async {
            loop {
                beats.tick().await;
                daemon.write_all(b"beat 1 0/2 ready\n").await.unwrap();
            }
        };
        tokio::select! {
            () = one => unreachable!("it beats for ever"),
            taken = lan.nodes[1].gains(VIP) => {
                let taken = taken - at;
                assert!(taken < BEAT_TIMEOUT + SKEW + SLACK, "{taken:?}");
            }
        }
        better.says("lbd is hung: worker 1").await;
        better.says("Changing effective priority from 200 to 50").await;
        lan.nodes[0].loses(VIP).await;
        std::fs::remove_file(socket).unwrap();
    });
}

pub(crate) fn failing_script() {
    run(async {
        let mut lan = Lan::new().await;
        let file = temporary("healthy");
        std::fs::write(&file, "").unwrap();
        let script = format!(
            "vrrp_script chk {{\n script \"/usr/bin/test -e {}\"\n interval 1\n fall 2\n rise 1\n weight -150\n}}\n",
            file.display()
        );
        let mut better = better(&lan, &script, " track_script {\n chk\n }");
        lan.nodes[0].gains(VIP).await;
        let _worse = Daemon::backup(&lan.nodes[1]).await;
        better.says("VRRP_Script(chk) succeeded").await;
        std::fs::remove_file(&file).unwrap();
        let at = std::time::Instant::now();
        let taken = lan.nodes[1].gains(VIP).await - at;
        // Two runs, and a skew time: keepalived waits for the peer's whole down interval here.
        assert!(taken < Duration::from_secs(2) + SKEW + SLACK, "{taken:?}");
        better.says("Script `chk` now returning 1").await;
        better.says("VRRP_Script(chk) failed (exited with status 1)").await;
        better.says("Changing effective priority from 200 to 50").await;
        std::fs::write(&file, "").unwrap();
        better.says("VRRP_Script(chk) succeeded").await;
        lan.nodes[1].loses(VIP).await;
        std::fs::remove_file(&file).unwrap();
    });
}

pub(crate) fn dead_process() {
    run(async {
        let mut lan = Lan::new().await;
        let unique = format!("{}.5", 70_000 + std::process::id());
        let start = || -> Child {
            Command::new("sleep").arg(&unique).stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap()
        };
        let process = format!("vrrp_track_process px {{\n process sleep {unique}\n}}\n");
        let mut tracked = start();
        let mut better = better(&lan, &process, " track_process {\n px\n }");
        lan.nodes[0].gains(VIP).await;
        let _worse = Daemon::backup(&lan.nodes[1]).await;
        tracked.start_kill().unwrap();
        let at = std::time::Instant::now();
        let taken = lan.nodes[1].gains(VIP).await - at;
        assert!(taken < SKEW + SLACK, "{taken:?}");
        better.says("Process px has 0 of 1 processes").await;
        better.says("Entering FAULT STATE").await;
        tracked.wait().await.unwrap();
        let _tracked = start();
        lan.nodes[1].loses(VIP).await;
    });
}

pub(crate) fn tracked_file() {
    run(async {
        let mut lan = Lan::new().await;
        let file = temporary("weight");
        let tracked =
            format!("vrrp_track_file f {{\n file {}\n weight 2\n init_file 5\n}}\n", file.display());
        let mut better = better(&lan, &tracked, " track_file {\n f\n }");
        better.says("Changing effective priority from 200 to 210").await;
        lan.nodes[0].gains(VIP).await;
        let _worse = Daemon::backup(&lan.nodes[1]).await;
        std::fs::write(&file, "-60\n").unwrap();
        let at = std::time::Instant::now();
        let taken = lan.nodes[1].gains(VIP).await - at;
        assert!(taken < SKEW + SLACK, "{taken:?}");
        better.says("Track file f says -60").await;
        better.says("Changing effective priority from 210 to 80").await;
        // Below -253 it is a fault.
        std::fs::write(&file, "-127\n").unwrap();
        better.says("Entering FAULT STATE").await;
        std::fs::remove_file(&file).unwrap();
        better.says("Track file f says 0").await;
        lan.nodes[1].loses(VIP).await;
    });
}
