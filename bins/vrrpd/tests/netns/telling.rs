//! What a daemon says of itself: on its socket, over HTTP, and in keepalived's files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;
use stats::router::NodeReport;
use vip_netlink::LinkChange;

use crate::daemon::{Daemon, VIP, config};
use crate::lan::{Host, Lan, run};

/// A directory of this process that is gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("vrrpd-telling-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn global(more: &str) -> String {
    format!("global_defs {{\n{more}\n}}\n")
}

fn report(socket: &Path) -> NodeReport {
    let mut text = String::new();
    UnixStream::connect(socket).unwrap().read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn status() {
    run(async {
        let mut lan = Lan::new().await;
        let up = LinkChange { up: Some(true), ..LinkChange::default() };
        let lo = lan.nodes[0].handle.link("lo").await.unwrap().unwrap().index;
        lan.nodes[0].handle.set_link(lo, &up).await.unwrap();
        let directory = Directory::new();
        let (socket, flag) = (directory.0.join("status.sock"), directory.0.join("flag"));
        fs::write(&flag, "").unwrap();
        let text = format!(
            "{}vrrp_script chk {{\n script \"/usr/bin/test -e {}\"\n interval 1\n}}\n{}",
            global(&format!(" status_socket {}\n prometheus_listen 127.0.0.1:9165", socket.display())),
            flag.display(),
            config(200, &[VIP], " track_script {\n chk\n }")
        );
        let mut better = Daemon::start(&lan.nodes[0], "better", &text);
        better.says("Entering MASTER STATE").await;
        lan.nodes[0].gains(VIP).await;
        let _worse = Daemon::backup(&lan.nodes[1]).await;

        let node = report(&socket);
        assert_eq!(node.pid, better.worker().as_raw().unsigned_abs());
        let [router] = &node.routers[..] else { panic!("{node:?}") };
        assert_eq!((router.name.as_str(), router.vrid, router.family.as_str()), ("VI_1", 51, "IPv4"));
        assert_eq!((router.state.as_str(), router.base_priority), ("MASTER", 200));
        assert_eq!(router.master.map(|ip| ip.to_string()).as_deref(), Some("192.0.2.1"));
        assert!(router.split_brain.is_none());
        let [vip] = &router.addresses[..] else { panic!("{router:?}") };
        assert!(vip.held && vip.advertised);
        assert_eq!((vip.interface.as_str(), vip.lease_seconds), ("eth0", Some(2.0)));
        assert_eq!(router.counters.new_master_reason, "masterNoResponse");
        assert_eq!(router.counters.master_transitions, 1);
        assert!(router.counters.advertisements_sent > 0);
        let [tracker] = &node.trackers[..] else { panic!("{node:?}") };
        assert_eq!((tracker.name.as_str(), tracker.state.as_str()), ("script chk", "UP"));
        assert_eq!(tracker.detail, "succeeded");

        let page = get(&lan.nodes[0], "/metrics");
        for line in [
            "vrrp_state{router=\"VI_1\",state=\"MASTER\"} 1",
            "vrrp_address_held{router=\"VI_1\",address=\"192.0.2.10\"} 1",
            "vrrp_tracker_up{tracker=\"script chk\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "no {line:?} in\n{page}");
        }

        fs::remove_file(&flag).unwrap();
        lan.nodes[1].gains(VIP).await;
        better
            .says("MASTER -> FAULT because script chk is down, because failed (exited with status 1)")
            .await;
        // The one that took over must have been heard.
        let router = loop {
            let router = report(&socket).routers.remove(0);
            if !router.peers.is_empty() {
                break router;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(router.state, "FAULT");
        assert!(router.addresses.iter().all(|vip| !vip.held));
        let last = &router.transitions[0];
        assert_eq!((last.from.as_str(), last.to.as_str()), ("MASTER", "FAULT"));
        assert_eq!(last.causes, ["script chk is down", "failed (exited with status 1)"]);
        let peer = &router.peers[0];
        assert_eq!((peer.address.to_string().as_str(), peer.priority), ("192.0.2.2", 100));
        assert_eq!((peer.interval_seconds, peer.checksum.as_str()), (0.1, "pseudo-header"));
        assert!(peer.heard_seconds < 1.0);
        better.signal(Signal::SIGTERM);
        assert!(better.exit().await.success());
        assert!(!socket.exists());
    });
}

pub(crate) fn structured_log() {
    run(async {
        let lan = Lan::new().await;
        let options = ["--log-format=json".as_ref()];
        let mut alone = Daemon::start_with(&lan.nodes[0], "alone", &config(200, &[VIP], ""), &options);
        alone.says("\"to\":\"MASTER\"").await;
        let line: Value = serde_json::from_str(alone.last_line()).unwrap();
        assert_eq!(line["router"], "VI_1");
        assert_eq!((&line["from"], &line["vrid"]), (&Value::from("BACKUP"), &Value::from(51)));
        assert_eq!(line["causes"], "no MASTER was heard for a down interval");
    });
}

/// Everything that both programs know in version 2.
const RICH: &str = "vrrp_script chk {\n script \"/bin/true\"\n interval 1\n weight 5\n}\n\
    vrrp_instance VI_1 {\n state MASTER\n interface eth0\n virtual_router_id 51\n priority 100\n advert_int 1\n \
    authentication {\n auth_type PASS\n auth_pass 1111\n }\n \
    virtual_ipaddress {\n 192.0.2.10/24 dev eth0 label eth0:1\n 192.0.2.11\n }\n \
    virtual_ipaddress_excluded {\n 192.0.2.12\n }\n track_interface {\n eth0\n }\n track_script {\n chk\n }\n \
    notify \"/bin/true\"\n}\n";

pub(crate) fn dumps() {
    run(async {
        let mut lan = Lan::new().await;
        let directory = Directory::new();
        let path = |name: &str| directory.0.join(name);
        let locations = format!(
            " status_socket off\n state_file_location {0}/\n stats_file_location {0}/\n json_file_location {0}/",
            directory.0.display()
        );
        let mut ours = Daemon::start(&lan.nodes[0], "ours", &(global(&locations) + RICH));
        ours.says("Entering MASTER STATE").await;
        lan.nodes[0].gains("192.0.2.12").await;

        ours.signal_number(36);
        ours.says("keepalived.json").await;
        let document: Value = serde_json::from_slice(&fs::read(path("keepalived.json")).unwrap()).unwrap();
        let instance = &document[0];
        assert_eq!(instance["data"]["state"], 2);
        assert_eq!(instance["data"]["auth_data"], "****");
        assert_eq!(instance["data"]["vips"][0], "192.0.2.10/24 dev eth0 scope global label eth0:1 set");
        assert_eq!(instance["data"]["evips"][0], "192.0.2.12 dev eth0 scope global set");
        assert_eq!(instance["stats"]["become_master"], 1);

        ours.signal(Signal::SIGUSR1);
        ours.says("keepalived.data").await;
        let text = fs::read_to_string(path("keepalived.data")).unwrap();
        for line in [" VRRP Instance = VI_1", "   State = MASTER", "   Virtual Router ID = 51"] {
            assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
        }
        assert!(!text.contains("1111"), "a dump shows no password");
        let text = fs::read_to_string(path("keepalived_parent.data")).unwrap();
        assert!(text.starts_with("------< Global definitions >------\n"), "{text}");

        ours.signal_number(63);
        ours.says("start anew").await;
        ours.signal(Signal::SIGUSR2);
        ours.says("keepalived.stats").await;
        let text = fs::read_to_string(path("keepalived.stats")).unwrap();
        assert!(text.contains("VRRP Instance: VI_1\n  Advertisements:\n    Received: 0\n"), "{text}");
        assert!(text.contains("\n  Became master: 0\n"), "cleared:\n{text}");

        if let Some(theirs) = keepalived_s_dump(&lan.nodes[1], &directory.0) {
            for part in ["data", "stats"] {
                let (theirs, ours) = (shape(&theirs[0][part]), shape(&instance[part]));
                for (name, kind) in theirs {
                    assert_eq!(ours.get(&name), Some(&kind), "{part}.{name}");
                }
            }
        }
    });
}

/// The names of an object's values, and the type of each.
fn shape(object: &Value) -> BTreeMap<String, &'static str> {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), kind(value))).collect()
}

/// What a real keepalived writes for the same configuration; `None`, said on standard error, where there is none.
fn keepalived_s_dump(host: &Host, directory: &Path) -> Option<Value> {
    let (file, pid_file) = (directory.join("keepalived.conf"), directory.join("keepalived.pid"));
    fs::write(&file, RICH).unwrap();
    let dumps = directory.join("theirs");
    fs::create_dir(&dumps).unwrap();
    let mut command = Command::new("keepalived");
    command.args(["-n", "-l", "-P", "-p"]).arg(&pid_file).arg("-r").arg(directory.join("child.pid"));
    command.arg("-f").arg(&file).env("TMPDIR", &dumps).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut keepalived) = host.inside(|| command.spawn()) else {
        eprintln!("keepalived is not installed: our dump is not compared with its own");
        return None;
    };
    let pid = Pid::from_raw(i32::try_from(keepalived.id()).unwrap());
    let dump = dumps.join("keepalived.json");
    let document = loop {
        // It is told again until it is ready to hear it: before that the signal would end it.
        if pid_file.exists() && directory.join("child.pid").exists() {
            crate::daemon::send(pid, 36);
        }
        let text = fs::read(&dump).unwrap_or_default();
        if let Ok(document) = serde_json::from_slice(&text) {
            break document;
        }
        assert_eq!(keepalived.try_wait().unwrap(), None, "keepalived has ended");
        std::thread::sleep(Duration::from_millis(50));
    };
    nix::sys::signal::kill(pid, Signal::SIGTERM).unwrap();
    keepalived.wait().unwrap();
    Some(document)
}

fn get(host: &Host, path: &str) -> String {
    let mut stream = host.inside(|| TcpStream::connect("127.0.0.1:9165")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: vrrpd\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
