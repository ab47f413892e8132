//! Waiting for programs, never for ever.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The id that the kernel's interfaces take.
pub(crate) fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("process ids are positive 32-bit numbers")
}

/// Asks a program to end, and kills it when it has not after `patience`. Nothing is done about one that has ended.
pub(crate) fn end(child: &mut Child, patience: Duration) {
    if has_ended(child, Duration::ZERO) {
        return;
    }
    // It may end just now.
    let _ = kill(Pid::from_raw(pid(child)), Signal::SIGINT);
    if !has_ended(child, patience) {
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Whether a program ended within `limit`.
fn has_ended(child: &mut Child, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Ok(None) => return false,
            Ok(Some(_)) | Err(_) => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_that_ignores_the_request_is_killed() {
        let mut stubborn =
            Command::new("sh").args(["-c", "trap '' INT; while :; do sleep 0.01; done"]).spawn().unwrap();
        end(&mut stubborn, Duration::from_millis(200));
        assert!(stubborn.try_wait().unwrap().is_some());
        end(&mut stubborn, Duration::from_secs(60));
    }
}
