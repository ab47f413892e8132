//! Log lines as keepalived writes them to a console: a date, a colon, the text.

use std::fmt;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::cli::LogFormat;

/// Lines that wait for a reader of standard error. Beyond it they are lost: a full pipe must not stop the daemon, for
/// then its leases would run out.
const BACKLOG: usize = 4096;

/// The target of events that tell a change of state.
pub(crate) const TRANSITION: &str = "vrrpd::transition";

/// Writes a line at once, for a process without the thread that writes. Lost when standard error is full: the guardian
/// must not wait for a reader.
pub(crate) fn say(text: &str) {
    let stderr = io::stderr();
    let mut fds = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0) {
        // There is nowhere else to complain.
        let _ = stderr.lock().write_all(format!("{}: {text}\n", timestamp()).as_bytes());
    }
}

fn timestamp() -> impl fmt::Display {
    chrono::Local::now().format("%a %b %e %T %Y")
}

/// Writes what is left when dropped.
#[derive(Debug)]
pub(crate) struct LogGuard {
    queue: Queue,
    writer: Option<JoinHandle<()>>,
}

/// Starts logging to standard error: INFO and above, DEBUG too with `detail`. `RUST_LOG` overrides both.
pub(crate) fn start(detail: bool, format: LogFormat) -> LogGuard {
    let (sender, receiver) = sync_channel(BACKLOG);
    let queue = Queue(sender);
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(if detail { "debug" } else { "info" }));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(queue.clone());
    // A second call in one process keeps the first subscriber.
    let _ = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(builder.event_format(Dated).finish()),
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_current_span(false).with_span_list(false);
            tracing::subscriber::set_global_default(builder.finish())
        }
    };
    // Without a thread, which no machine refuses that lets the daemon run, there is no log.
    let writer =
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write_lines(&receiver)).ok();
    LogGuard { queue, writer }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        // With a full queue nobody reads: there is nothing to wait for.
        if self.queue.0.try_send(None).is_ok()
            && let Some(writer) = self.writer.take()
        {
            let _ = writer.join();
        }
    }
}

fn write_lines(lines: &Receiver<Option<Vec<u8>>>) {
    let mut stderr = io::stderr();
    while let Ok(Some(line)) = lines.recv() {
        // There is nowhere else to complain.
        let _ = stderr.write_all(&line);
    }
}

/// Hands lines to the writer thread; never blocks.
#[derive(Debug, Clone)]
struct Queue(SyncSender<Option<Vec<u8>>>);

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0.try_send(Some(line.to_vec())) {
            Ok(()) | Err(TrySendError::Full(_)) => Ok(line.len()),
            Err(TrySendError::Disconnected(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// The message of an event without its fields.
struct Message<'a, 'w>(&'a mut Writer<'w>);

impl Visit for Message<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // What does not fit a line of a log is lost.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

struct Dated;

impl<S, N> FormatEvent<S, N> for Dated
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "{}: ", timestamp())?;
        if event.metadata().target() == TRANSITION {
            // Its fields are for programs; the message says the same.
            event.record(&mut Message(&mut writer));
        } else {
            context.field_format().format_fields(writer.by_ref(), event)?;
        }
        writeln!(writer)
    }
}
