//! Inactivity limits.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::clock;

/// A limit on how long nothing may happen. The timer is made when first waited for. A restart leaves it as it is, because
/// most waits end long before their limit: a timer that goes off too early is set again, for what is left.
#[derive(Debug)]
pub(crate) struct Deadline {
    limit: Option<Duration>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// When the wait began that is going on.
    since: Option<Instant>,
}

impl Deadline {
    /// A limit; `None` never passes.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { limit, sleep: None, since: None }
    }

    /// Something happened: the time starts anew with the next wait.
    pub(crate) fn restart(&mut self) {
        self.since = None;
    }

    /// Another limit from now on.
    pub(crate) fn change(&mut self, limit: Option<Duration>) {
        *self = Self::new(limit);
    }

    /// Ready when the limit has passed since the first wait after the last [`Self::restart`].
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(limit) = self.limit else { return Poll::Pending };
        let since = *self.since.get_or_insert_with(|| match self.sleep {
            Some(_) => clock::recent().into(),
            None => clock::now().into(),
        });
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + limit)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= since + limit {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(since + limit);
        }
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

    async fn is_over(deadline: &mut Deadline) -> bool {
        poll_fn(|cx| Poll::Ready(deadline.poll(cx).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_pushes_the_limit_back_and_a_change_replaces_it() {
        let mut deadline = Deadline::new(Some(Duration::from_secs(10)));
        let started = Instant::now();
        assert!(!is_over(&mut deadline).await);
        tokio::time::advance(Duration::from_secs(8)).await;
        clock::now();
        deadline.restart();
        assert!(!is_over(&mut deadline).await);
        poll_fn(|cx| deadline.poll(cx)).await;
        assert_eq!(started.elapsed().as_secs(), 18);
        clock::now();
        deadline.change(Some(Duration::from_secs(1)));
        poll_fn(|cx| deadline.poll(cx)).await;
        assert_eq!(started.elapsed().as_secs(), 19);
    }
}
