//! A daemon that goes to another network namespace than the one it is started in.

use std::ffi::OsStr;
use std::fs;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::daemon::{Daemon, VIP, config};
use crate::lan::{Lan, run};

pub(crate) fn entered() {
    own_names();
    run(async {
        let mut lan = Lan::new().await;
        let [there, here] = &mut lan.nodes;
        there.is_named("blue");
        here.is_named("red");

        let blue = format!("net_namespace blue\n{}", config(100, &[VIP], ""));
        let mut daemon = Daemon::start(here, "blue", &blue);
        there.gains(VIP).await;
        assert!(!here.has(VIP).await);
        daemon.reconfigure(&blue.replace("blue", "red"));
        daemon.says("the running configuration stays: `net_namespace` is another one").await;
        assert!(there.has(VIP).await);
        daemon.stop().await;
        there.loses(VIP).await;

        // The command line comes before the file.
        let options = ["-s", "red"].map(OsStr::new);
        let mut daemon = Daemon::start_with(there, "option", &blue, &options);
        here.gains(VIP).await;
        assert!(!there.has(VIP).await);
        daemon.stop().await;

        let mut daemon = Daemon::start(here, "green", &blue.replace("blue", "green"));
        daemon.says("there is no network namespace `green`").await;
        assert!(daemon.last_line().contains("ip netns add green"), "{}", daemon.last_line());
        assert_eq!(daemon.exit().await.code(), Some(1));
    });
}

/// Names of network namespaces that nobody outside this test sees.
fn own_names() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).unwrap();
    mount(Some("none"), "/run", Some("tmpfs"), MsFlags::empty(), nothing).unwrap();
    fs::create_dir("/run/netns").unwrap();
}
