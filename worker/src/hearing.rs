//! Whether this worker hears its masters and its broker. Sessions tell ([`Ears`]); a listener beside them
//! ([`Listener`]) keeps the time, which runs on from session to session, has the link built anew, and in the end
//! ends the worker for its supervisor.
//!
//! The listener is no part of the session's loop on purpose: a loop that hangs tells nothing, and is noticed for it.

use std::time::Duration;

use scaleout_common::protocol::liveness::{Hearing, Liveness, judge};
use scaleout_common::protocol::timing::{DEAF_MAX, HEARTBEAT_EVERY, HEARTBEAT_REPEAT};
use tokio::sync::watch;
use tokio::time::Instant;

/// How often the listener looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a session says. Counts, not moments: the listener sees that they changed, whatever the clocks did.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// There is a session that wants to hear.
    listens: bool,
    /// Answers to hellos and heartbeats, and looks that found no master to hear.
    answers: u64,
    /// Subscriptions that were confirmed.
    services: u64,
    /// It is not subscribed as it wants to be.
    unserved: bool,
}

/// The session's end; clones tell the same listener.
#[derive(Clone, Debug)]
pub(crate) struct Ears {
    heard: watch::Sender<Heard>,
    rebuilds: watch::Receiver<u64>,
}

/// The end beside the sessions.
#[derive(Debug)]
pub(crate) struct Listener {
    heard: watch::Receiver<Heard>,
    rebuilds: watch::Sender<u64>,
}

/// Makes both ends.
pub(crate) fn hearing() -> (Ears, Listener) {
    let (heard, heard_by) = watch::channel(Heard::default());
    let (rebuild, rebuilds) = watch::channel(0);
    (Ears { heard, rebuilds }, Listener { heard: heard_by, rebuilds: rebuild })
}

impl Ears {
    /// A session begins that wants to hear; or one ends, and nobody does.
    pub(crate) fn listen(&self, listens: bool) {
        self.heard.send_modify(|heard| heard.listens = listens);
    }

    /// A hello or heartbeat was answered, or a look has found no master at all.
    pub(crate) fn answered(&self) {
        self.heard.send_modify(|heard| heard.answers += 1);
    }

    /// Whether the session is subscribed as it wants to be.
    pub(crate) fn served(&self, served: bool) {
        self.heard.send_if_modified(|heard| {
            let changes = heard.unserved == served;
            heard.unserved = !served;
            heard.services += u64::from(changes && served);
            changes
        });
    }

    /// Resolves when the link that is up from now on must be built anew.
    pub(crate) fn rebuilds(&self) -> Rebuilds {
        let mut rebuilds = self.rebuilds.clone();
        rebuilds.mark_unchanged();
        Rebuilds(rebuilds)
    }
}

/// Waits for the order to build the link anew.
pub(crate) struct Rebuilds(watch::Receiver<u64>);

impl Rebuilds {
    /// Never resolves when the listener is gone: the worker ends then.
    pub(crate) async fn ordered(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The worker is alive and hears nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this worker hears nothing, although its link was built anew: no heartbeat was answered for {} s{}. \
     Look whether a master runs and is ready (scaleout status, /readyz), and whether the broker of setting \
     rabbitmq.url can be reached and has no alarm on. The worker ends for its supervisor to start it anew; what it \
     finished and could not report is in its journal",
    .unanswered_for.as_secs(),
    .unserved_for.map_or_else(String::new, |time| format!(", and no subscription was open for {} s", time.as_secs()))
)]
pub(crate) struct Deaf {
    unanswered_for: Duration,
    unserved_for: Option<Duration>,
}

impl Listener {
    /// Listens until the worker is deaf for good.
    pub(crate) async fn deaf(self) -> Deaf {
        let mut clock = Clock::default();
        let mut looked = Instant::now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = Instant::now();
            // A process that was frozen, or a machine that slept, was not deaf: it did not listen.
            let passed = now.duration_since(looked).min(2 * LOOK_EVERY);
            looked = now;
            let heard = *self.heard.borrow();
            match clock.pass(passed, heard) {
                Liveness::Well => {}
                Liveness::Rebuild => {
                    tracing::error!(hearing = ?clock.hearing, "nothing was heard for {} s: the link is built anew", DEAF_MAX.as_secs());
                    clock.hearing.rebuilds += 1;
                    self.rebuilds.send_modify(|number| *number += 1);
                }
                Liveness::Exit => {
                    let Hearing { unanswered_for, unserved_for, .. } = clock.hearing;
                    return Deaf { unanswered_for, unserved_for };
                }
            }
        }
    }
}

/// The time that has passed unheard.
#[derive(Debug)]
struct Clock {
    hearing: Hearing,
    heard: Heard,
}

impl Default for Clock {
    fn default() -> Self {
        let hearing = Hearing { unanswered_for: Duration::ZERO, unserved_for: None, rebuilds: 0 };
        Self { hearing, heard: Heard::default() }
    }
}

impl Clock {
    fn pass(&mut self, passed: Duration, heard: Heard) -> Liveness {
        let before = std::mem::replace(&mut self.heard, heard);
        let hearing = &mut self.hearing;
        if !heard.listens {
            *hearing = Self::default().hearing;
            return Liveness::Well;
        }
        let was_answered = heard.answers != before.answers;
        hearing.unanswered_for = if was_answered { Duration::ZERO } else { hearing.unanswered_for + passed };
        let was_served = heard.services != before.services;
        hearing.unserved_for = match hearing.unserved_for {
            _ if !heard.unserved => None,
            Some(time) if !was_served => Some(time + passed),
            _ => Some(Duration::ZERO),
        };
        if hearing.unserved_for.is_none() && hearing.unanswered_for <= HEARTBEAT_EVERY + HEARTBEAT_REPEAT {
            hearing.rebuilds = 0;
        }
        judge(*hearing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds from `began` until the event, on the paused clock.
    async fn after(began: Instant, event: impl Future) -> u64 {
        event.await;
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_deaf_worker_builds_its_link_anew_and_then_ends() {
        let (ears, listener) = hearing();
        ears.listen(true);
        let began = Instant::now();
        let mut rebuilds = ears.rebuilds();
        let (deaf, rebuilt) = tokio::join!(listener.deaf(), after(began, rebuilds.ordered()));
        assert_eq!((rebuilt, began.elapsed().as_secs()), (60, 120));
        let said = deaf.to_string();
        assert!(said.contains("answered for 120 s.") && said.contains("rabbitmq.url"), "{said}");
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_that_come_and_go_do_not_set_the_clock_back() {
        let (ears, listener) = hearing();
        let began = Instant::now();
        let sessions = async {
            loop {
                // As a fenced session and its successor do.
                ears.clone().listen(true);
                tokio::time::sleep(Duration::from_secs(20)).await;
            }
        };
        tokio::select! {
            _ = listener.deaf() => {}
            () = sessions => {}
        }
        assert_eq!(began.elapsed().as_secs(), 120);
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_not_enough_without_a_served_subscription() {
        let (ears, listener) = hearing();
        ears.listen(true);
        ears.served(false);
        let answers = async {
            loop {
                ears.answered();
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        };
        let mut rebuilds = ears.rebuilds();
        let deaf = tokio::select! {
            deaf = async { tokio::join!(listener.deaf(), rebuilds.ordered()).0 } => deaf,
            () = answers => unreachable!("it never ends"),
        };
        assert_eq!(deaf.unserved_for.map(|time| time.as_secs()), Some(120));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_heard_in_time_keeps_the_worker_alive() {
        let (ears, listener) = hearing();
        ears.listen(true);
        let mut rebuilds = ears.rebuilds();
        let hours = async {
            for _ in 0..60 {
                tokio::time::sleep(Duration::from_secs(55)).await;
                ears.answered();
                // Subscriptions that change are unserved for moments, again and again.
                ears.served(false);
                ears.served(true);
                ears.served(false);
            }
            ears.listen(false);
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        };
        tokio::select! {
            deaf = listener.deaf() => panic!("{deaf}"),
            () = rebuilds.ordered() => panic!("built anew"),
            () = hours => {}
        }
    }

    #[test]
    fn a_rebuild_that_helped_is_forgotten() {
        let s = Duration::from_secs;
        let mut clock = Clock::default();
        let mut heard = Heard { listens: true, ..Heard::default() };
        assert_eq!(clock.pass(s(60), heard), Liveness::Rebuild);
        clock.hearing.rebuilds += 1;
        assert_eq!(clock.pass(s(59), heard), Liveness::Well);
        heard.answers += 1;
        assert_eq!(clock.pass(s(1), heard), Liveness::Well);
        assert_eq!(clock.pass(s(60), heard), Liveness::Rebuild);
    }
}
