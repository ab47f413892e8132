//! Access-log lines on their way from a worker to the writer: handed over some at a time, because each hand-over wakes a thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::writer::{Line, LogWriter};

/// How long a line waits for others.
const GATHER: Duration = Duration::from_millis(10);
/// Lines that are handed over at once, without waiting for more.
const FULL: usize = 256;

/// The lines of one worker that the writer does not have yet.
#[derive(Debug)]
pub(crate) struct LineBatch {
    writer: LogWriter,
    lines: RefCell<Vec<Line>>,
    /// The task that hands over, while there is nothing to hand over.
    idle: RefCell<Option<Waker>>,
}

impl LineBatch {
    /// No lines yet.
    pub(crate) fn new(writer: LogWriter) -> Rc<Self> {
        Rc::new(Self { writer, lines: RefCell::default(), idle: RefCell::default() })
    }

    /// Adds a line.
    pub(crate) fn push(&self, line: Line) {
        let waiting = {
            let mut lines = self.lines.borrow_mut();
            lines.push(line);
            lines.len()
        };
        if waiting >= FULL {
            self.hand_over();
        } else if let Some(idle) = self.idle.take() {
            idle.wake();
        }
    }

    /// Hands lines over as they gather, for as long as the worker lives.
    pub(crate) async fn run(self: Rc<Self>) {
        loop {
            poll_fn(|cx| {
                if self.lines.borrow().is_empty() {
                    self.idle.replace(Some(cx.waker().clone()));
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            tokio::time::sleep(GATHER).await;
            self.hand_over();
        }
    }

    /// Gives the writer what has gathered.
    pub(crate) fn hand_over(&self) {
        self.writer.send_all(self.lines.take());
    }
}

impl Drop for LineBatch {
    fn drop(&mut self) {
        self.hand_over();
    }
}
