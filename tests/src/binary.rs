//! Where the `lbd` under test is.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;

use crate::eventually;

static BINARY: OnceLock<PathBuf> = OnceLock::new();

/// The `lbd` of this workspace, in the profile of the running test. Under cargo it is brought up to date first, so that
/// no test passes on an old binary.
///
/// # Panics
/// It cannot be built, or is not there.
pub fn lbd_binary() -> &'static Path {
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("a running program has a path");
        // target/<profile>/deps/<test>
        let profile = test.parent().and_then(Path::parent).expect("tests are in a target directory");
        if let Some(cargo) = std::env::var_os("CARGO") {
            build(Path::new(&cargo), profile);
        }
        let path = profile.join("lbd");
        assert!(path.exists(), "{} is missing: run `cargo build -p lbd`", path.display());
        path
    })
}

/// Runs `lbd` with `args` to its end.
///
/// # Panics
/// It does not end within [`crate::LIMIT`].
pub fn run_lbd<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    let mut child = Command::new(lbd_binary())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lbd can be started");
    let stdout = child.stdout.take().expect("stdout is piped");
    let stderr = child.stderr.take().expect("stderr is piped");
    let stdout = thread::spawn(|| read_all(stdout));
    let stderr = thread::spawn(|| read_all(stderr));
    let mut child = Reaped(child);
    let status = eventually("lbd ends", || child.0.try_wait().expect("lbd is our child"));
    let stdout = stdout.join().expect("reading does not panic");
    let stderr = stderr.join().expect("reading does not panic");
    Output { status, stdout, stderr }
}

/// A child that does not outlive a failed test.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came before an error is what there is.
    let _ = from.read_to_end(&mut bytes);
    bytes
}

fn build(cargo: &Path, profile: &Path) {
    let name = profile.file_name().and_then(|n| n.to_str()).expect("profiles have plain names");
    let target = profile.parent().expect("a profile is in a target directory");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", "lbd"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.arg("--target-dir").arg(target);
    if name != "debug" {
        command.args(["--profile", name]);
    }
    let status = command.status().expect("cargo can be run");
    assert!(status.success(), "lbd does not build");
}
