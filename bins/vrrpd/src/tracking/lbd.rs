//! The lbd on this node, by the beats of its workers (`track_lbd`).

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use healthcheck::{BeatDecoder, BeatMonitor, Liveness, Readiness};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tracing::{debug, info, warn};
use vrrp::Health;

use super::Reporter;
use crate::clock::now;
use crate::starvation::{Activity, Suspect};

/// Between two attempts to reach lbd.
const RECONNECT: Duration = Duration::from_millis(50);
/// After it has said what is no beat: another program has the socket.
const STRANGER: Duration = Duration::from_secs(1);

/// How to follow an lbd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LbdSpec {
    pub(super) socket: PathBuf,
    pub(super) timeout: Duration,
}

/// Follows it for ever.
pub(super) async fn follow(spec: LbdSpec, reporter: Reporter) {
    let mut follower = Follower {
        monitor: BeatMonitor::new(spec.timeout),
        spec: &spec,
        reporter,
        told: Liveness::Unknown,
        activity: Activity::Unknown,
        absent: false,
    };
    loop {
        let pause = match UnixStream::connect(&spec.socket).await {
            Ok(stream) => follower.listen(stream).await,
            Err(error) => {
                follower.unreachable(&error).await;
                RECONNECT
            }
        };
        tokio::time::sleep(pause).await;
    }
}

struct Follower<'a> {
    spec: &'a LbdSpec,
    monitor: BeatMonitor,
    reporter: Reporter,
    told: Liveness,
    /// What the worker did that was last found silent.
    activity: Activity,
    /// It was told that there is none.
    absent: bool,
}

impl Follower<'_> {
    /// Hears beats until the connection ends; how long to wait before the next one.
    async fn listen(&mut self, mut stream: UnixStream) -> Duration {
        self.monitor.handle_connected(now());
        // Unknown where lbd is in another pid namespace: then its silence alone counts.
        let pid = stream.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
        let mut suspect = pid.filter(|&pid| pid > 0).map(Suspect::new);
        let mut decoder = BeatDecoder::new();
        let (mut buffer, mut beats) = ([0; 1024], Vec::new());
        loop {
            let due = self.monitor.poll_timeout().unwrap_or_else(|| now() + Duration::from_secs(3600));
            let received = tokio::select! {
                // Beats that wait are heard before silence is judged.
                biased;
                received = stream.read(&mut buffer) => Some(received),
                () = tokio::time::sleep_until(due.into()) => None,
            };
            let pause = match received {
                None => {
                    self.silence(suspect.as_mut());
                    None
                }
                Some(Ok(0) | Err(_)) => Some(RECONNECT),
                Some(Ok(length)) => {
                    let verdict = decoder.feed(&buffer[..length], &mut beats);
                    for beat in beats.drain(..) {
                        self.monitor.handle_beat(now(), beat);
                    }
                    verdict.err().map(|error| {
                        warn!("track_lbd({}): {error}: is this lbd's socket?", self.spec.socket.display());
                        STRANGER
                    })
                }
            };
            if pause.is_some() {
                self.monitor.handle_closed(now());
            }
            self.tell().await;
            if let Some(pause) = pause {
                return pause;
            }
        }
    }

    /// On a busy machine an lbd that is well may be silent for a while.
    fn silence(&mut self, suspect: Option<&mut Suspect>) {
        let at = now();
        // As lbd names its threads.
        let silent = self.monitor.suspect(at).map(|worker| format!("worker-{worker}"));
        if let Some((suspect, thread)) = suspect.zip(silent) {
            self.activity = suspect.look(&thread, at);
            debug!("track_lbd({}): {thread} is silent: it {}", self.spec.socket.display(), self.activity);
            if self.activity == Activity::Starved {
                self.monitor.handle_starved(at);
                return;
            }
        }
        self.monitor.handle_timeout(at);
    }

    /// No connection, and so far no other verdict: an lbd that is not there is not well.
    async fn unreachable(&mut self, error: &io::Error) {
        if self.told == Liveness::Unknown && !self.absent {
            self.absent = true;
            info!("track_lbd({}): lbd is not there: {error}", self.spec.socket.display());
            self.reporter.report(Health::Down, format!("lbd is not there: {error}")).await;
        }
    }

    async fn tell(&mut self) {
        let verdict = self.monitor.verdict();
        if verdict == self.told {
            return;
        }
        let before = health(self.told);
        self.told = verdict;
        let sentence = sentence(verdict, self.spec.timeout, self.activity);
        info!("track_lbd({}): {sentence}", self.spec.socket.display());
        let after = health(verdict);
        if after != before || self.absent {
            self.absent = false;
            self.reporter.report(after, sentence).await;
        }
    }
}

fn health(verdict: Liveness) -> Health {
    match verdict {
        Liveness::Unknown => Health::Unknown,
        Liveness::Ready => Health::Up,
        Liveness::NotReady(_) | Liveness::Hung { .. } | Liveness::Dead => Health::Down,
    }
}

fn sentence(verdict: Liveness, timeout: Duration, activity: Activity) -> String {
    match verdict {
        Liveness::Unknown => "nothing is known of lbd".to_owned(),
        Liveness::Ready => "lbd is ready".to_owned(),
        Liveness::NotReady(Readiness::Starting) => "lbd is starting".to_owned(),
        Liveness::NotReady(Readiness::Draining) => "lbd is draining".to_owned(),
        Liveness::NotReady(Readiness::Ready) => "lbd is not ready".to_owned(),
        Liveness::Hung { worker } => {
            let silent = timeout.as_millis();
            format!("lbd is hung: worker {worker} has not beaten for {silent} ms, it {activity}")
        }
        Liveness::Dead => "lbd is dead: it closed the connection".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixListener;
    use tokio::sync::mpsc;

    use super::super::{Report, TrackerName};
    use super::*;

    struct Bench {
        socket: PathBuf,
        inbox: mpsc::Receiver<Report>,
        task: tokio::task::JoinHandle<()>,
    }

    impl Bench {
        fn start(name: &str) -> Self {
            let socket = std::env::temp_dir().join(format!("vrrpd-lbd-test-{}-{name}", std::process::id()));
            let _ = std::fs::remove_file(&socket);
            let (reports, inbox) = mpsc::channel(16);
            let timeout = Duration::from_millis(80);
            let tracker = TrackerName::Lbd { socket: socket.clone(), timeout };
            let spec = LbdSpec { socket: socket.clone(), timeout };
            let task = tokio::spawn(follow(spec, Reporter { tracker, reports }));
            Self { socket, inbox, task }
        }

        async fn next(&mut self) -> Health {
            let report = tokio::time::timeout(Duration::from_secs(5), self.inbox.recv()).await;
            report.expect("a report in time").unwrap().health
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            self.task.abort();
            let _ = std::fs::remove_file(&self.socket);
        }
    }

    #[tokio::test]
    async fn an_lbd_that_was_never_there_is_down_and_one_that_comes_is_up() {
        let mut bench = Bench::start("absent");
        assert_eq!(bench.next().await, Health::Down);
        let listener = UnixListener::bind(&bench.socket).unwrap();
        let (mut lbd, _) = listener.accept().await.unwrap();
        lbd.write_all(b"beat 1 0/1 ready\n").await.unwrap();
        assert_eq!(bench.next().await, Health::Up);
        lbd.write_all(b"beat 1 0/1 draining\n").await.unwrap();
        assert_eq!(bench.next().await, Health::Down);
    }

    #[tokio::test]
    async fn silence_is_a_hang() {
        let mut bench = Bench::start("hung");
        assert_eq!(bench.next().await, Health::Down);
        let listener = UnixListener::bind(&bench.socket).unwrap();
        let (mut lbd, _) = listener.accept().await.unwrap();
        lbd.write_all(b"beat 1 0/2 ready\nbeat 1 1/2 ready\n").await.unwrap();
        assert_eq!(bench.next().await, Health::Up);
        let since = now();
        assert_eq!(bench.next().await, Health::Down);
        assert!(since.elapsed() >= Duration::from_millis(70));
    }

    #[tokio::test]
    async fn a_closed_connection_is_a_death() {
        let mut bench = Bench::start("dead");
        assert_eq!(bench.next().await, Health::Down);
        let listener = UnixListener::bind(&bench.socket).unwrap();
        let (mut lbd, _) = listener.accept().await.unwrap();
        lbd.write_all(b"beat 1 0/1 ready\n").await.unwrap();
        assert_eq!(bench.next().await, Health::Up);
        drop(lbd);
        assert_eq!(bench.next().await, Health::Down);
    }
}
