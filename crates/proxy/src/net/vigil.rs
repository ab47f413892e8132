//! Who waits for something that nearly always comes soon, and has to do more only if it does not.

use std::cell::RefCell;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How long is not soon, give or take as much again.
const SOON: Duration = Duration::from_millis(100);

thread_local! {
    static WAITING: RefCell<Waiting> = RefCell::default();
}

#[derive(Default)]
struct Waiting {
    tasks: Vec<Waker>,
    /// The task that wakes them, while there is nobody to wake.
    keeper: Option<Waker>,
}

/// A timer without a timer: ready when polled again, at the latest after a coarse tick that all of a worker share.
#[derive(Debug, Default)]
pub(crate) struct Vigil {
    begun: bool,
}

impl Vigil {
    /// Pending the first time.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.begun {
            return Poll::Ready(());
        }
        self.begun = true;
        WAITING.with_borrow_mut(|waiting| {
            waiting.tasks.push(cx.waker().clone());
            if let Some(keeper) = waiting.keeper.take() {
                keeper.wake();
            }
        });
        Poll::Pending
    }
}

/// Wakes those whose wait was not short, for as long as the worker lives. Sleeps while nobody waits.
pub(crate) async fn keep_vigils() {
    loop {
        std::future::poll_fn(|cx| {
            WAITING.with_borrow_mut(|waiting| {
                if waiting.tasks.is_empty() {
                    waiting.keeper = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
        })
        .await;
        tokio::time::sleep(SOON).await;
        let tasks = WAITING.with_borrow_mut(|waiting| std::mem::take(&mut waiting.tasks));
        tasks.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "local", start_paused = true)]
    async fn a_vigil_ends_with_the_next_tick() {
        tokio::task::spawn_local(keep_vigils());
        for _ in 0..3 {
            let (started, mut vigil) = (tokio::time::Instant::now(), Vigil::default());
            std::future::poll_fn(|cx| vigil.poll(cx)).await;
            assert!(started.elapsed() <= SOON, "{:?}", started.elapsed());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
}
