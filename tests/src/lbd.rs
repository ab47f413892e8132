//! A running `lbd`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{TempDir, eventually, free_port, lbd_binary};

/// `defaults` for HTTP on loopback, where everything is quick or broken.
pub const DEFAULTS: &str = "
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
    timeout http-request 10s
";

/// A frontend with statistics at `/stats` on the port `%stats%`.
pub const STATS: &str = "
frontend stats
    bind 127.0.0.1:%stats%
    stats enable
    stats uri /stats
    stats refresh 10s
";

/// An `lbd` of its own configuration, killed when dropped.
#[derive(Debug)]
pub struct Lbd {
    child: Child,
    dir: TempDir,
    ports: BTreeMap<String, u16>,
    stderr: Arc<Mutex<String>>,
}

impl Lbd {
    /// Starts it with this configuration and waits until it listens. In the text, `%name%` becomes a free port, the same
    /// for the same name, and `%dir%` the test's own directory. Two workers, and the heartbeat socket in that directory.
    ///
    /// # Panics
    /// It does not start; the message has what it wrote.
    pub fn start(config: &str) -> Self {
        Self::start_with(config, &[])
    }

    /// [`Self::start`] with more arguments, in which `%name%` is replaced too.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(config: &str, arguments: &[&str]) -> Self {
        let dir = TempDir::new();
        let mut ports = BTreeMap::new();
        let preamble = "global\n    nbthread 2\n    heartbeat %dir%/heartbeat.sock\n";
        let text = fill_in(&format!("{preamble}{config}"), &dir, &mut ports);
        let file = dir.write("lbd.cfg", &text);
        let mut command = Command::new(lbd_binary());
        command.arg("-f").arg(file);
        for argument in arguments {
            command.arg(fill_in(argument, &dir, &mut ports));
        }
        let listening = ports_of_binds(&text);
        Self::spawn(command, dir, ports, &listening)
    }

    /// Starts it with these arguments only, and waits until it listens on the ports of those that follow `--listen` and
    /// `--stats`. `%name%` is replaced as in [`Self::start`].
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_without_file(arguments: &[&str]) -> Self {
        let dir = TempDir::new();
        let mut ports = BTreeMap::new();
        let arguments: Vec<String> = arguments.iter().map(|a| fill_in(a, &dir, &mut ports)).collect();
        let listening: Vec<u16> = arguments
            .windows(2)
            .filter(|pair| pair[0] == "--listen" || pair[0] == "--stats")
            .filter_map(|pair| last_port(&pair[1]))
            .collect();
        let mut command = Command::new(lbd_binary());
        command.args(&arguments);
        Self::spawn(command, dir, ports, &listening)
    }

    fn spawn(mut command: Command, dir: TempDir, ports: BTreeMap<String, u16>, listening: &[u16]) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("lbd can be started");
        let stderr = Arc::<Mutex<String>>::default();
        let pipe = child.stderr.take().expect("stderr is piped");
        let into = Arc::clone(&stderr);
        thread::spawn(move || collect(pipe, &into));
        let mut lbd = Self { child, dir, ports, stderr };
        eventually(&format!("lbd listens on {listening:?}"), || {
            let ended = lbd.child.try_wait().expect("lbd is our child");
            assert!(ended.is_none(), "lbd ended: {ended:?}\n{}", lbd.stderr());
            listening.iter().all(|port| is_listening(*port)).then_some(())
        });
        lbd
    }

    /// The port that `%name%` became.
    ///
    /// # Panics
    /// There is no such name in the configuration.
    pub fn port(&self, name: &str) -> u16 {
        *self.ports.get(name).unwrap_or_else(|| panic!("no %{name}% in {:?}", self.ports))
    }

    /// The directory that `%dir%` became.
    pub fn dir(&self) -> &TempDir {
        &self.dir
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// It has been reaped already.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("process ids are positive");
        kill(Pid::from_raw(pid), signal).expect("lbd is our child");
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// It does not.
    pub fn await_exit(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("lbd ends", || child.try_wait().expect("lbd is our child"))
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// It is not our child any more.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("lbd is our child").is_none()
    }

    /// Whether it listens on the port that `%name%` became.
    pub fn is_listening(&self, name: &str) -> bool {
        is_listening(self.port(name))
    }
}

impl Drop for Lbd {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            // Beside the panic's own message; there is nothing to do if stderr is closed.
            let _ = writeln!(std::io::stderr(), "--- lbd {}:\n{}", self.child.id(), self.stderr());
        }
    }
}

fn collect(pipe: ChildStderr, into: &Mutex<String>) {
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        let mut text = into.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&line);
        text.push('\n');
    }
}

/// Replaces each `%name%`; other percent signs stay.
fn fill_in(text: &str, dir: &TempDir, ports: &mut BTreeMap<String, u16>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        match after.split_once('%') {
            Some((name, tail)) if is_name(name) => {
                if name == "dir" {
                    out.push_str(&dir.path().display().to_string());
                } else {
                    let port = *ports.entry(name.to_owned()).or_insert_with(free_port);
                    out.push_str(&port.to_string());
                }
                rest = tail;
            }
            _ => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn ports_of_binds(text: &str) -> Vec<u16> {
    let binds = text.lines().filter_map(|line| line.trim().strip_prefix("bind "));
    binds.filter_map(|rest| last_port(rest.split_whitespace().next()?)).collect()
}

fn last_port(address: &str) -> Option<u16> {
    address.rsplit(':').next()?.parse().ok()
}

/// Looks into the kernel's tables: a connection to find out would be one more session for `lbd` to count.
fn is_listening(port: u16) -> bool {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        text.lines().any(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (local, _, state) = (words.next(), words.next(), words.next());
            local.is_some_and(|l| l.ends_with(&wanted)) && state == Some(LISTEN)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_between_percent_signs_become_ports() {
        let (dir, mut ports) = (TempDir::new(), BTreeMap::new());
        let text = fill_in("bind :%web% 100% 50%\nserver a :%web% :%b%\n", &dir, &mut ports);
        let (web, b) = (ports["web"], ports["b"]);
        assert_eq!(text, format!("bind :{web} 100% 50%\nserver a :{web} :{b}\n"));
        assert_eq!(ports_of_binds(&text), [web]);
    }

    #[test]
    fn a_listening_port_is_seen() {
        let port = free_port();
        assert!(!is_listening(port));
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
        assert!(is_listening(port));
        drop(listener);
    }
}
