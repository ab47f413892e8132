//! Two nodes that have the address at the same time, and what a client has of it.

use std::fs;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::client::{EVERY, answer, longest_gap, neighbour};
use crate::daemon::{Daemon, SLACK, VIP, config};
use crate::keepalived::Keepalived;
use crate::lan::{Host, Lan, run};

/// The promise for a client after a split has healed.
const BACK: Duration = Duration::from_millis(100);
/// Every second, as most are configured.
const SECONDS: &str = "advert_int 1";

async fn mac(host: &Host) -> String {
    let link = host.handle.link("eth0").await.unwrap().unwrap();
    link.mac.unwrap().to_string()
}

/// A client that was served by node 2 during the split is served by node 1 again.
async fn heal(lan: &mut Lan, client: &UdpSocket) {
    lan.join(1, true).await;
    let gap = longest_gap(client, 1, Duration::from_millis(500)).await;
    assert!(gap < BACK + SLACK, "{gap:?}");
    assert_eq!(neighbour(VIP), mac(&lan.nodes[0]).await);
}

pub(crate) fn healed() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let mut better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], ""));
        lan.nodes[0].gains(VIP).await;
        let mut worse = Daemon::backup(&lan.nodes[1]).await;
        answer(&lan.nodes[0], 1);
        answer(&lan.nodes[1], 2);
        longest_gap(&client, 1, EVERY).await;
        // The second one comes early after the first: clients wait no longer for that.
        for _ in 0..2 {
            lan.join(1, false).await;
            longest_gap(&client, 2, EVERY).await;
            assert_eq!(neighbour(VIP), mac(&lan.nodes[1]).await);
            heal(&mut lan, &client).await;
        }
        worse.says("Entering BACKUP STATE").await;
        better.signal(nix::sys::signal::Signal::SIGTERM);
        better.says("Stopped").await;
        assert!(!better.has_said("with higher priority"));
    });
}

pub(crate) fn answered() {
    run(async {
        let mut lan = Lan::new().await;
        let told = std::env::temp_dir().join(format!("vrrpd-netns-{}-split", std::process::id()));
        let command = format!("notify_split \"sh -c 'echo $0 $1 $2 $3 >> {}'\"", told.display());
        let mut daemon = Daemon::start(&lan.nodes[0], "ours", &config(200, &[VIP], &command));
        lan.nodes[0].gains(VIP).await;
        // Nobody answers so far. Then somebody has it without a word.
        let key = lan.nodes[1].key(VIP, 32);
        lan.nodes[1].handle.add_own(key).await.unwrap();
        let rival = mac(&lan.nodes[1]).await;
        daemon.says(&format!("split brain: {rival} answers for {VIP}")).await;
        lan.nodes[1].handle.remove(key).await.unwrap();
        daemon.says("split brain is over").await;
        let expected = "INSTANCE VI_1 SPLIT 200\nINSTANCE VI_1 SPLIT_ENDED 200\n";
        while fs::read_to_string(&told).unwrap_or_default() != expected {
            tokio::time::sleep(EVERY).await;
        }
        fs::remove_file(told).unwrap();
    });
}

pub(crate) fn healed_beside_keepalived() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let text = |priority| config(priority, &[VIP], "").replace("advert_int 0.1", SECONDS);
        let _better = Daemon::start(&lan.nodes[0], "better", &text(200));
        lan.nodes[0].gains(VIP).await;
        let Some(_worse) = Keepalived::start(&lan.nodes[1], "worse", &text(100)) else { return };
        answer(&lan.nodes[0], 1);
        answer(&lan.nodes[1], 2);
        longest_gap(&client, 1, Duration::from_secs(1)).await;
        lan.join(1, false).await;
        longest_gap(&client, 2, Duration::from_millis(1_200)).await;
        heal(&mut lan, &client).await;
    });
}
