//! What scripts and FIFOs are told.

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe::{OpenOptions, Receiver};

use crate::daemon::{Daemon, VIP, config};
use crate::health::temporary;
use crate::lan::{Lan, run};

const HEARD_WORSE: &str = "INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 190";

async fn hears(lines: &mut Lines<BufReader<Receiver>>, expected: &[&str]) {
    for line in expected {
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some(*line));
    }
}

pub(crate) fn told() {
    run(async {
        let mut lan = Lan::new().await;
        let (fifo, file, log) = (temporary("fifo"), temporary("number"), temporary("log"));
        let reload = temporary("reload");
        mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        let mut lines = BufReader::new(OpenOptions::new().open_receiver(&fifo).unwrap()).lines();
        let globals = format!(
            "global_defs {{\n vrrp_notify_fifo {}\n fifo_write_vrrp_states_on_reload\n reload_file {}\n}}\n\
             vrrp_track_file f {{\n file {}\n}}\n",
            fifo.display(),
            reload.display(),
            file.display()
        );
        // The shell's $0 to $3 are the four words that are added.
        let notify = format!(
            " track_file {{\n f\n }}\n notify_priority_changes\n notify_deleted\n \
             notify \"/bin/sh -c 'echo $0 $1 $2 $3 >> {}'\"",
            log.display()
        );
        let text = globals.clone() + &config(200, &[VIP], &notify);
        let mut daemon = Daemon::start(&lan.nodes[0], "better", &text);
        hears(&mut lines, &["INSTANCE \"VI_1\" BACKUP 200", "INSTANCE \"VI_1\" MASTER 200"]).await;
        std::fs::write(&file, "-10").unwrap();
        hears(&mut lines, &["INSTANCE \"VI_1\" MASTER_PRIORITY 190"]).await;
        std::fs::write(&reload, "wait").unwrap();
        daemon.signal(Signal::SIGHUP);
        hears(&mut lines, &["INSTANCE \"VI_1\" MASTER 190"]).await;
        assert!(!reload.exists(), "the configuration has been read");
        // A second MASTER of lower priority, on a cable that was cut.
        lan.plug(2, false).await;
        let _worse = Daemon::start(&lan.nodes[1], "worse", &config(100, &[VIP], " dont_track_primary"));
        lan.nodes[1].gains(VIP).await;
        lan.plug(2, true).await;
        hears(&mut lines, &[HEARD_WORSE]).await;
        // It is gone from the file: told as deleted, because `notify_deleted` is there.
        let other = config(200, &["192.0.2.30"], "").replace("VI_1", "VI_3").replace("51", "53");
        daemon.reconfigure(&(globals + &other));
        // Told once for each of its advertisements: the regular one, if the cable was back in time, and its last words.
        let next = loop {
            let line = lines.next_line().await.unwrap();
            if line.as_deref() != Some(HEARD_WORSE) {
                break line;
            }
        };
        // The node does not know it any more: what counts is the priority that was configured.
        assert_eq!(next.as_deref(), Some("INSTANCE \"VI_1\" DELETED 200"));
        daemon.stop().await;
        let told = loop {
            // Scripts are not waited for, by nobody.
            let told = std::fs::read_to_string(&log).unwrap_or_default();
            if told.lines().count() >= 3 {
                break told;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        let mut told: Vec<&str> = told.lines().collect();
        told.sort_unstable();
        assert_eq!(
            told,
            ["INSTANCE VI_1 BACKUP 200", "INSTANCE VI_1 DELETED 200", "INSTANCE VI_1 MASTER 200"]
        );
        for path in [fifo, file, log] {
            std::fs::remove_file(path).unwrap();
        }
    });
}
