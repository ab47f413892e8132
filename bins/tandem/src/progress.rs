//! What `tandem lab` shows on standard error while it works.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A line that turns while something happens; plain lines where standard error is not a terminal.
pub(crate) struct Progress {
    now: Arc<Mutex<Now>>,
    ended: Arc<AtomicBool>,
    spinner: Option<JoinHandle<()>>,
}

struct Now {
    text: String,
    since: Instant,
}

impl Progress {
    pub(crate) fn start() -> Self {
        let now = Arc::new(Mutex::new(Now { text: String::new(), since: Instant::now() }));
        let ended = Arc::new(AtomicBool::new(false));
        let spinner = stderr().is_terminal().then(|| {
            let (now, ended) = (Arc::clone(&now), Arc::clone(&ended));
            thread::spawn(move || spin(&now, &ended))
        });
        Self { now, ended, spinner }
    }

    /// What happens from now on.
    pub(crate) fn doing(&self, text: &str) {
        *lock(&self.now) = Now { text: text.to_owned(), since: Instant::now() };
        if self.spinner.is_none() {
            print(&format!("{text}\n"));
        }
    }

    /// A line that stays.
    pub(crate) fn done(&self, text: &str) {
        // Under the lock, so that the spinner does not draw over it.
        let mut now = lock(&self.now);
        now.text.clear();
        let clear = if self.spinner.is_some() { "\r\x1b[K" } else { "" };
        print(&format!("{clear}{text}\n"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(spinner) = self.spinner.take() {
            let _ = spinner.join();
            print("\r\x1b[K");
        }
    }
}

fn spin(now: &Mutex<Now>, ended: &AtomicBool) {
    for frame in ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'].into_iter().cycle() {
        if ended.load(Ordering::Relaxed) {
            return;
        }
        {
            let now = lock(now);
            if !now.text.is_empty() {
                print(&format!(
                    "\r\x1b[K{frame} {} \x1b[2m{} s\x1b[0m",
                    now.text,
                    now.since.elapsed().as_secs()
                ));
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn lock(now: &Mutex<Now>) -> MutexGuard<'_, Now> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Progress that cannot be shown is no reason to stop.
fn print(text: &str) {
    let mut err = stderr().lock();
    let _ = err.write_all(text.as_bytes());
    let _ = err.flush();
}
