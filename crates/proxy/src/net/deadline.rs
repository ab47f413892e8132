//! Inactivity limits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A limit on how long nothing may happen. Made when first waited for: most waits end before that.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// A limit; `None` never passes.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { limit, sleep: None }
    }

    /// Something happened: the time starts anew with the next wait.
    pub(crate) fn restart(&mut self) {
        self.sleep = None;
    }

    /// Another limit from now on.
    pub(crate) fn change(&mut self, limit: Option<Duration>) {
        self.limit = limit;
        self.sleep = None;
    }

    /// Ready when the limit has passed since the first wait after the last [`Self::restart`].
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(limit) = self.limit else { return Poll::Pending };
        let sleep =
            self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + limit)));
        sleep.as_mut().poll(cx)
    }
}

/// Runs `future` for at most `limit`; `None` when the time passed first.
pub(crate) async fn within<F: Future>(limit: Option<Duration>, future: F) -> Option<F::Output> {
    let mut deadline = Deadline::new(limit);
    let mut future = std::pin::pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => deadline.poll(cx).map(|()| None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_future_that_is_late_yields_nothing() {
        let late = tokio::time::sleep(Duration::from_secs(2));
        assert!(within(Some(Duration::from_secs(1)), late).await.is_none());
        let early = tokio::time::sleep(Duration::from_secs(1));
        assert!(within(Some(Duration::from_secs(2)), early).await.is_some());
        assert!(within(None, tokio::time::sleep(Duration::from_secs(9))).await.is_some());
    }
}
