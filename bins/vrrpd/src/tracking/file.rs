//! A file with a number in it (`vrrp_track_file`), by inotify.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::keepalived::{InitFile, TrackFile};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tracing::{info, warn};
use vrrp::Health;

use super::Reporter;
use crate::sys;

/// A directory that is not there is looked for this often.
const PATIENCE: Duration = Duration::from_secs(1);
/// No number needs more.
const LONGEST: u64 = 128;

/// Which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileSpec {
    pub(super) name: String,
    path: PathBuf,
    init: Option<InitFile>,
}

impl FileSpec {
    pub(super) fn new(file: &TrackFile) -> Self {
        Self { name: file.name.clone(), path: file.file.clone(), init: file.init_file }
    }
}

/// Reports the number, for ever. A file that is not there says 0, as in keepalived.
pub(super) async fn follow(spec: FileSpec, reporter: Reporter) {
    if let Some(init) = spec.init
        && let Err(error) = make(&spec.path, init)
    {
        warn!("Track file {}: cannot write {}: {error}", spec.name, spec.path.display());
    }
    let (mut last, mut watching) = (None, None);
    loop {
        // Kept over changes of the file: to close one keeps the whole worker waiting, for 10 ms and more.
        let watch =
            watching.take().map_or_else(|| Watch::new(spec.path.parent().unwrap_or(Path::new("/"))), Ok);
        // Read after the watch began: what changes in between is told.
        let number = read(&spec);
        if last != Some(number) {
            info!("Track file {} says {number}", spec.name);
            last = Some(number);
            reporter.report(Health::Number(number), format!("its number is {number}")).await;
        }
        match watch {
            Ok(watch) => watching = watch.change(&spec.path).await.then_some(watch),
            Err(_) => tokio::time::sleep(PATIENCE).await,
        }
    }
}

/// `init_file`: writes the file if it is not there, or in any case with `overwrite`.
fn make(path: &Path, init: InitFile) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(init.overwrite).create(init.overwrite).create_new(!init.overwrite);
    // Not through a link that somebody has put there.
    options.custom_flags(nix::libc::O_NOFOLLOW);
    match options.open(path) {
        Ok(mut file) => writeln!(file, "{}", init.value),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn read(spec: &FileSpec) -> i32 {
    let mut options = OpenOptions::new();
    // A FIFO without a writer must not stop the daemon.
    options.read(true).custom_flags(nix::libc::O_NONBLOCK);
    let Ok(file) = options.open(&spec.path) else { return 0 };
    match text(&file) {
        Ok(text) => number(&text).unwrap_or_else(|| {
            warn!("Track file {}: {} has no number in it: taken as 0", spec.name, spec.path.display());
            0
        }),
        Err(error) => {
            warn!("Track file {}: cannot read {}: {error}", spec.name, spec.path.display());
            0
        }
    }
}

fn text(file: &File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The whole number a text begins with; nothing is 0, and what is too large is the largest there is.
fn number(text: &str) -> Option<i32> {
    let Some(word) = text.split_whitespace().next() else { return Some(0) };
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let most = if word.starts_with('-') { i32::MIN } else { i32::MAX };
    Some(word.parse().unwrap_or(most))
}

/// Whether something has happened to the file, and to its directory itself.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    file: bool,
    directory: bool,
}

/// A directory being watched: a file that is replaced is another one.
struct Watch(AsyncFd<OwnedFd>);

impl Watch {
    fn new(directory: &Path) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::CLOSE_WRITE | WatchFlags::DELETE | WatchFlags::MOVE;
        let own = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
        inotify::add_watch(&queue, directory, flags | own)?;
        Ok(Self(sys::register(queue)?))
    }

    /// Waits until the file may have changed. Whether this still is its directory.
    async fn change(&self, path: &Path) -> bool {
        loop {
            let Ok(mut ready) = self.0.readable().await else { return false };
            match self.heard(path) {
                Heard { directory: true, .. } => return false,
                Heard { file: true, .. } => return true,
                Heard { .. } => ready.clear_ready(),
            }
        }
    }

    /// What the events there are are about.
    fn heard(&self, path: &Path) -> Heard {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.0, &mut buffer);
        let mut heard = Heard::default();
        loop {
            match events.next() {
                Ok(event) => {
                    let lost = event.events().intersects(
                        ReadFlags::DELETE_SELF
                            | ReadFlags::MOVE_SELF
                            | ReadFlags::IGNORED
                            | ReadFlags::QUEUE_OVERFLOW,
                    );
                    let name = event.file_name().map(|name| name.to_bytes());
                    // What a link leads to is elsewhere, and replaced by other names.
                    let ours = name.is_some() && name == path.file_name().map(|n| n.as_encoded_bytes());
                    heard.directory |= lost;
                    heard.file |= ours || path.is_symlink();
                }
                Err(Errno::INTR) => {}
                Err(_) => return heard,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::sync::mpsc;

    use super::super::{Report, TrackerName};
    use super::*;

    #[test]
    fn a_file_begins_with_its_number() {
        for (text, expected) in [
            ("5\n", Some(5)),
            ("-5", Some(-5)),
            ("+7 and words", Some(7)),
            ("", Some(0)),
            (" \n", Some(0)),
            ("99999999999", Some(i32::MAX)),
            ("-99999999999", Some(i32::MIN)),
            ("five", None),
            ("5x", None),
            ("-", None),
        ] {
            assert_eq!(number(text), expected, "{text:?}");
        }
    }

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("vrrpd-file-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }

    fn followed(path: &Path, init: Option<InitFile>) -> mpsc::Receiver<Report> {
        let (reports, inbox) = mpsc::channel(8);
        let spec = FileSpec { name: "f".to_owned(), path: path.to_owned(), init };
        let reporter = Reporter { tracker: TrackerName::File("f".to_owned()), reports };
        tokio::spawn(follow(spec, reporter));
        inbox
    }

    async fn next(inbox: &mut mpsc::Receiver<Report>) -> Health {
        let report = tokio::time::timeout(Duration::from_secs(10), inbox.recv()).await;
        report.expect("a change is heard long before").expect("it follows for ever").health
    }

    #[tokio::test]
    async fn a_file_that_is_written_replaced_and_removed_is_heard() {
        let directory = directory("heard");
        let file = directory.join("weight");
        let mut inbox = followed(&file, None);
        assert_eq!(next(&mut inbox).await, Health::Number(0));
        fs::write(&file, "10\n").unwrap();
        assert_eq!(next(&mut inbox).await, Health::Number(10));
        fs::write(directory.join("new"), "-20\n").unwrap();
        fs::rename(directory.join("new"), &file).unwrap();
        assert_eq!(next(&mut inbox).await, Health::Number(-20));
        fs::remove_file(&file).unwrap();
        assert_eq!(next(&mut inbox).await, Health::Number(0));
        fs::remove_dir(&directory).unwrap();
    }

    #[tokio::test]
    async fn a_directory_that_is_replaced_is_looked_into_again() {
        let directory = directory("replaced");
        let file = directory.join("weight");
        fs::write(&file, "1\n").unwrap();
        let mut inbox = followed(&file, None);
        assert_eq!(next(&mut inbox).await, Health::Number(1));
        let old = directory.with_extension("old");
        fs::rename(&directory, &old).unwrap();
        assert_eq!(next(&mut inbox).await, Health::Number(0));
        fs::create_dir(&directory).unwrap();
        fs::write(&file, "2\n").unwrap();
        assert_eq!(next(&mut inbox).await, Health::Number(2));
        fs::write(&file, "3\n").unwrap();
        assert_eq!(next(&mut inbox).await, Health::Number(3));
        fs::remove_dir_all(&directory).unwrap();
        fs::remove_dir_all(&old).unwrap();
    }

    #[tokio::test]
    async fn a_file_is_made_only_if_it_is_not_there_or_is_to_be_overwritten() {
        let directory = directory("made");
        let file = directory.join("weight");
        for (value, overwrite, said) in [(7, false, 7), (8, false, 7), (9, true, 9)] {
            let mut inbox = followed(&file, Some(InitFile { value, overwrite }));
            assert_eq!(next(&mut inbox).await, Health::Number(said), "{value} {overwrite}");
        }
        fs::remove_dir_all(&directory).unwrap();
    }
}
