//! Stopping an attempt from outside, with its reason.

use tokio::sync::watch;

/// Why an attempt is stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// The master says so: a user canceled it, or it is overdue. Ends `stopped`.
    Told,
    /// The worker drains and its grace is over. Ends `returned`.
    HandBack,
    /// The session is over: everything is killed at once, and nothing is reported.
    Fenced,
}

/// The side that stops.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Option<StopCause>>);

/// The side that is stopped.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<StopCause>>);

/// A fresh pair, for one attempt or, cloned, for several.
pub fn stop_signal() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Stops. The first cause stands, but a fence overrides it.
    pub fn stop(&self, cause: StopCause) {
        self.0.send_if_modified(|current| {
            let changes = current.is_none() || (cause == StopCause::Fenced && *current != Some(cause));
            if changes {
                *current = Some(cause);
            }
            changes
        });
    }
}

impl Stop {
    /// Waits until it is stopped; for ever if nobody can stop it any more.
    pub(crate) async fn stopped(&mut self) -> StopCause {
        self.wait_for(|_| true).await
    }

    /// Waits until it is fenced.
    pub(super) async fn fenced(&mut self) {
        self.wait_for(|cause| cause == StopCause::Fenced).await;
    }

    async fn wait_for(&mut self, which: impl Fn(StopCause) -> bool) -> StopCause {
        let found = self.0.wait_for(|cause| cause.is_some_and(&which)).await.map(|cause| *cause);
        match found {
            Ok(Some(cause)) => cause,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_cause_stands_until_the_fence() {
        let (stopper, mut stop) = stop_signal();
        stopper.stop(StopCause::Told);
        stopper.stop(StopCause::HandBack);
        assert_eq!(stop.stopped().await, StopCause::Told);
        stopper.stop(StopCause::Fenced);
        stopper.stop(StopCause::Told);
        stop.fenced().await;
        assert_eq!(stop.stopped().await, StopCause::Fenced);
    }
}
