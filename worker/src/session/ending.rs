//! How a session ends: it drains, or stops everything.

use std::time::Duration;

use scaleout_broker::Outgoing;
use scaleout_common::wire::{Heartbeat, Outcome, OutcomeKind, Outcomes};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::actor::{Actor, Ending, Phase};
use super::cut_off::was_cut_off;
use super::event::Event;
use super::start::SessionEnd;
use super::waiting::Key;
use crate::guard::boot_time;
use crate::hearing::Ears;
use crate::runtime::{Ended, StopCause};

/// How often a worker that drains says what it waits for.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// How long the last heartbeat is waited for.
const LEAVE_MAX: Duration = Duration::from_secs(2);

/// A session that claims no more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draining {
    since: Instant,
    /// When it last said what it waits for.
    said: Instant,
    handed_back: bool,
}

impl Actor {
    /// Claims no more; what has not started goes back.
    pub(super) fn drain(&mut self) {
        if self.draining.is_none() {
            tracing::info!(running = self.attempts.running(), "the worker drains");
            let now = Instant::now();
            self.draining = Some(Draining { since: now, said: now, handed_back: false });
        }
    }

    pub(super) fn drain_further(&mut self, now: Instant) {
        let Some(mut draining) = self.draining.take() else { return };
        for outcome in self.attempts.return_waiting() {
            self.outcomes.add(outcome);
        }
        let grace_is_over = now.duration_since(draining.since) >= self.drain_grace;
        if grace_is_over && !draining.handed_back && self.attempts.running() > 0 {
            tracing::info!(running = self.attempts.running(), "the grace is over: what runs is handed back");
            self.attempts.stop_all(StopCause::HandBack);
            draining.handed_back = true;
        }
        if now.duration_since(draining.said) >= SAY_EVERY {
            draining.said = now;
            let (running, claims, outcomes) =
                (self.attempts.running(), self.claims.len(), self.outcomes.len());
            tracing::info!(
                running,
                unanswered_claims = claims,
                unapplied_outcomes = outcomes,
                linked = self.link.is_some(),
                "the worker still drains: it waits for these"
            );
        }
        self.draining = Some(draining);
        if self.attempts.in_hand() == 0 && self.claims.len() == 0 && self.outcomes.is_empty() {
            self.end = Some(Ending::Drained);
        }
    }

    pub(super) async fn finish(mut self, ending: Ending, mut events: mpsc::Receiver<Event>) -> SessionEnd {
        let cut_off = self.held_when_cut_off();
        // Attempts report their end to the loop's queue; somebody must empty it while they are waited for.
        {
            let mut abandoned = std::pin::pin!(self.attempts.abandon());
            loop {
                tokio::select! {
                    () = &mut abandoned => break,
                    event = events.recv() => match event {
                        None => break,
                        Some(event) => achieved(event).into_iter().for_each(|outcome| self.outcomes.add(outcome)),
                    },
                }
            }
        }
        while let Ok(event) = events.try_recv() {
            achieved(event).into_iter().for_each(|outcome| self.outcomes.add(outcome));
        }
        // All of it is dead by the time that a hello says so: the next session begins once its guard has the lock.
        self.outcomes.cut_off(cut_off);
        let last = self.journal_batch();
        self.told.journal.hand_over_last(last).await;
        match ending {
            Ending::Drained => {
                leave(&self.told.ears, self.say_goodbye()).await;
                SessionEnd::Drained
            }
            Ending::Refused { reason } => SessionEnd::Refused { reason },
            Ending::Over { above } => {
                let mut unapplied = match self.phase {
                    // The hello was never answered: what it carried is still to be carried.
                    Phase::Greeting { .. } => self.told.hello.previous,
                    Phase::Welcome { .. } => Vec::new(),
                };
                let outcomes = self.outcomes.into_unapplied();
                if !outcomes.is_empty() {
                    unapplied.push(Outcomes { session: self.shared.session, outcomes });
                }
                SessionEnd::Over { above, unapplied }
            }
        }
    }

    /// What the session holds, if it ends because it was cut off.
    fn held_when_cut_off(&mut self) -> Vec<Key> {
        let now = boot_time();
        self.turns.turn(now);
        let Phase::Welcome { pulse } = &self.phase else { return Vec::new() };
        if !was_cut_off(pulse.last_answered(), self.turns, now) {
            return Vec::new();
        }
        let held = self.attempts.held().chain(self.claims.attempts()).chain(self.fenced.iter().copied());
        let held: Vec<Key> = held.collect();
        tracing::warn!(
            attempts = held.len(),
            "the session was cut off from its masters: what it held goes back, and is no loss"
        );
        held
    }

    /// The last heartbeat. If it is lost, the lease runs out and takes nothing with it.
    async fn say_goodbye(&self) {
        let (Some(link), Phase::Welcome { .. }) = (&self.link, &self.phase) else { return };
        let last = Heartbeat { session: self.shared.session, number: 0, running: 0, leaving: true };
        match Outgoing::to_claims(&last, &link.inbox) {
            Ok(message) => {
                if let Err(error) = link.claims.publish(vec![message]).await {
                    tracing::debug!(%error, "the last heartbeat was not confirmed");
                }
            }
            Err(error) => tracing::error!(%error, "the last heartbeat cannot be written"),
        }
    }
}

/// Leaves when the last heartbeat is confirmed, or soon all the same: a broker under an alarm confirms nothing. Who
/// leaves hears nothing any more, and is not deaf.
async fn leave(ears: &Ears, goodbye: impl Future<Output = ()>) {
    ears.listen(false);
    if tokio::time::timeout(LEAVE_MAX, goodbye).await.is_err() {
        tracing::debug!("the last heartbeat is not confirmed: the worker leaves without");
    }
}

/// What was achieved before everything was stopped: the next hello carries it.
fn achieved(event: Event) -> Option<Outcome> {
    match event {
        Event::Ended { execution, attempt, ended: Some(ended), .. }
            if ended.kind == OutcomeKind::Succeeded =>
        {
            let Ended { kind, error, result } = ended;
            Some(Outcome { execution, attempt, kind, error, result })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hearing::hearing;

    #[tokio::test(start_paused = true)]
    async fn a_last_heartbeat_that_is_never_confirmed_keeps_nobody() {
        let (ears, listener) = hearing();
        ears.listen(true);
        let began = Instant::now();
        leave(&ears, std::future::pending()).await;
        assert_eq!(began.elapsed(), LEAVE_MAX);
        let patience = Duration::from_secs(600);
        assert!(tokio::time::timeout(patience, listener.deaf()).await.is_err(), "who leaves is not deaf");
    }
}
