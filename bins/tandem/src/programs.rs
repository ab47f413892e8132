//! Where `lbd` and `vrrpd` come from: built on the spot under cargo, beside this program otherwise.

use lab::Error;
use serde_json::Value;
use std::env;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The directory that holds both programs.
pub(crate) fn directory(given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(dir) = given {
        return Ok(std::path::absolute(dir)?);
    }
    if let (Some(cargo), Some(manifest)) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR")) {
        return build(Path::new(&cargo), &Path::new(&manifest).join("Cargo.toml"));
    }
    let own = env::current_exe()?;
    Ok(own.parent().unwrap_or(Path::new("/")).to_owned())
}

/// Builds both in release; cargo shows its own progress on standard error, and tells on standard output where they are.
fn build(cargo: &Path, manifest: &Path) -> Result<PathBuf, Error> {
    let mut child = Command::new(cargo)
        .args(["build", "--release", "--package", "lbd", "--package", "vrrpd", "--bins"])
        .arg("--message-format=json-render-diagnostics")
        .arg("--manifest-path")
        .arg(manifest)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut found = None;
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            found = executable(&line).or(found);
        }
    }
    if !child.wait()?.success() {
        return Err(Error::Io(io::Error::other("cargo could not build lbd and vrrpd")));
    }
    let path = found.ok_or_else(|| Error::ProgramMissing("a built lbd".to_owned()))?;
    Ok(path.parent().unwrap_or(Path::new("/")).to_owned())
}

/// The path of `lbd`, if this is cargo's message about it.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_lbd = message["reason"] == "compiler-artifact" && message["target"]["name"] == "lbd";
    message["executable"].as_str().filter(|_| is_lbd).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_executable_of_lbd_counts() {
        let message = |name: &str, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","target":{{"name":"{name}"}},"executable":{executable}}}"#
            )
        };
        assert_eq!(executable(&message("lbd", r#""/t/release/lbd""#)), Some(PathBuf::from("/t/release/lbd")));
        assert_eq!(executable(&message("vrrpd", r#""/t/release/vrrpd""#)), None);
        assert_eq!(executable(&message("lbd", "null")), None);
        assert_eq!(executable("warning: something"), None);
    }
}
