//! The pure crates stay pure: what they depend on is a list, and clocks, sockets and threads are not on it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What computes HMAC-SHA256. On ARM `cpufeatures` asks `libc` whether there is hardware for it.
const HMAC: [&str; 12] = [
    "block-buffer",
    "cfg-if",
    "cmov",
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "digest",
    "hmac",
    "hybrid-array",
    "libc",
    "sha2",
    "typenum",
];

/// What `thiserror` brings: nothing of it is in the built library but its traits' code.
const ERRORS: [&str; 6] = ["proc-macro2", "quote", "syn", "thiserror", "thiserror-impl", "unicode-ident"];

#[test]
fn pure_crates_depend_on_nothing_that_does_io() {
    for (name, more) in [
        ("lb-core", &[][..]),
        ("healthcheck", &[]),
        ("vrrp", &HMAC),
        ("config", &["annotate-snippets", "anstyle", "glob", "unicode-width"]),
    ] {
        let allowed: BTreeSet<&str> = ERRORS.iter().chain(more).copied().chain([name]).collect();
        let tree = dependencies(name);
        let extra: Vec<_> = tree.iter().filter(|d| !allowed.contains(d.as_str())).collect();
        assert!(tree.contains(name), "cargo tree said nothing of {name}");
        assert!(extra.is_empty(), "{name} must stay pure, but depends on {extra:?}");
    }
}

#[test]
fn pure_crates_ask_no_clock_and_start_no_thread() {
    for name in ["lb-core", "healthcheck", "vrrp", "config"] {
        let sources = root().join("crates").join(name).join("src");
        for file in rust_files(&sources) {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for banned in [
                "Instant::now",
                "SystemTime::now",
                "std::thread",
                "std::net::Tcp",
                "std::net::Udp",
                "HashMap",
                "HashSet",
            ] {
                let used =
                    code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(banned));
                assert!(!used, "{} uses {banned}", file.display());
            }
        }
    }
}

fn dependencies(name: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--package", name])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn rust_files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "{}", directory.display());
    found
}
