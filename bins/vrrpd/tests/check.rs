//! What `vrrpd -t` says to a script: its exit status.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::process::{Command, Output};

const VALID: &str = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n  192.0.2.10\n }\n}\n";

/// Runs `vrrpd` with these options on a file of this text, or on one that is not there.
fn vrrpd(name: &str, text: Option<&str>, options: &[&str]) -> Output {
    let path = std::env::temp_dir().join(format!("vrrpd-check-{}-{name}.conf", std::process::id()));
    if let Some(text) = text {
        fs::write(&path, text).unwrap();
    }
    let output =
        Command::new(env!("CARGO_BIN_EXE_vrrpd")).args(options).arg("-f").arg(&path).output().unwrap();
    // One that was never written is not there to be removed.
    let _ = fs::remove_file(&path);
    output
}

#[test]
fn a_checked_configuration_gives_keepalived_s_exit_status() {
    let without_id = VALID.replace("virtual_router_id 51", "");
    let unknown = format!("frobnicate 3\n{VALID}");
    let unclosed = &VALID[..VALID.len() - 2];
    let cases = [
        ("valid", Some(VALID), 0),
        ("without-id", Some(without_id.as_str()), 5),
        ("unknown", Some(unknown.as_str()), 5),
        ("unclosed", Some(unclosed), 5),
        ("missing", None, 5),
    ];
    for (name, text, status) in cases {
        let output = vrrpd(name, text, &["-t"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{name}: {said}");
        assert_eq!(said.contains("error:"), status != 0, "{name}: {said}");
    }
}

#[test]
fn a_configuration_with_errors_is_not_run() {
    let output = vrrpd("broken", Some("vrrp_instance {\n}\n"), &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("vrrpd does not start: the configuration has errors"), "{said}");
}
