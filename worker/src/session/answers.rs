//! What each event does to the session.

use std::sync::Arc;
use std::time::Duration;

use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::wire::{
    ClaimAnswer, ClaimAnswers, ClaimVerdict, HeartbeatAnswer, HelloVerdict, Outcome, OutcomeKind,
    PackageGrant, Stop,
};
use tokio::time::Instant;

use super::actor::{Actor, Ending, LOOK_WITHOUT_HEARTBEAT, Phase};
use super::deliveries::DeliveryName;
use super::event::{Answer, Event, Linked};
use super::pulse::{Beat, Pulse};
use super::waiting::{Granted, unstarted};
use crate::guard::{BootTime, boot_time};
use crate::runtime::Ended;

/// How long claiming pauses after a package could not be loaded; doubling with each.
const LOAD_PAUSE_MIN: Duration = Duration::from_secs(1);
const LOAD_PAUSE_MAX: Duration = Duration::from_secs(60);

/// Heartbeats sent at once after a look at most, one for each master.
const HEARTBEATS_AT_ONCE_MAX: u32 = 16;

impl Actor {
    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Linked(link) => self.linked(link),
            Event::Unlinked { number } => {
                if self.link.as_ref().is_some_and(|link| link.number == number) {
                    self.unlinked();
                }
            }
            Event::Delivered { name, priority, tasks } => self.deliveries.hold(name, priority, &tasks),
            Event::Marked { name, marker } => {
                if self.deliveries.is_held(name) {
                    self.markers.hold(name, marker, Instant::now());
                }
            }
            Event::Subscribed { number } => self.subscribing.subscribed(number),
            Event::Unreadable { name } => {
                self.deliveries.done(name);
            }
            Event::Answered(answer) => self.answered(answer),
            Event::Looked { number, began, consumers } => self.looked(number, began, consumers),
            Event::Ended { execution, attempt, ended, took } => {
                self.attempts.ended((execution, attempt));
                self.subscribing.freed(Instant::now());
                self.rate.finished(took);
                self.unloadable = 0;
                self.ended(execution, attempt, ended);
            }
            Event::Unloadable { execution, attempt, error } => {
                self.attempts.ended((execution, attempt));
                self.unloadable(execution, attempt, error);
            }
            Event::OutcomesPublished { link } => self.reporting_ended(link, true),
            Event::OutcomesUnpublished { link } => self.reporting_ended(link, false),
        }
    }

    /// What ends badly once the fence has passed was killed by the guard: a new session gives it back, as lost unless
    /// this one was cut off. What was fenced alone, while the session goes on, would be held for ever: a new session
    /// gives that back, too.
    fn ended(&mut self, execution: ExecutionId, attempt: Attempt, ended: Option<Ended>) {
        match ended {
            Some(Ended { kind, error, result })
                if kind == OutcomeKind::Succeeded || !self.told.guard.is_over() =>
            {
                self.outcomes.add(Outcome { execution, attempt, kind, error, result });
            }
            _ => {
                tracing::warn!(%execution, attempt, "an attempt was fenced: the session begins anew");
                self.fenced.push((execution, attempt));
                self.end = Some(Ending::Over { above: self.shared.session.counter });
            }
        }
    }

    /// This worker cannot get what others may: the execution goes back, and the worker claims no more for a while,
    /// or it would fail the whole queue faster than healthy ones can work on it.
    fn unloadable(&mut self, execution: ExecutionId, attempt: Attempt, error: String) {
        self.unloadable += 1;
        let pause = LOAD_PAUSE_MIN.saturating_mul(1 << self.unloadable.min(6)).min(LOAD_PAUSE_MAX);
        tracing::error!(%execution, attempt, error, pause_s = pause.as_secs(), "cannot load a package: claiming pauses");
        self.claim_after = Some(Instant::now() + pause);
        let error = Some(error);
        self.outcomes.add(Outcome { execution, attempt, kind: OutcomeKind::Returned, error, result: None });
    }

    /// Everything that waits for an answer goes out again, with the new inbox.
    fn linked(&mut self, link: Linked) {
        self.unlinked();
        self.link = Some(link);
        self.outcomes.reconnected();
        self.repeat_claims(true, Instant::now());
        match &mut self.phase {
            Phase::Greeting { sent, .. } => {
                // Say hello at once, but the lease still counts from the first one.
                if let Some((at, _)) = sent {
                    *at -= scaleout_common::protocol::timing::HELLO_REPEAT;
                }
            }
            Phase::Welcome { pulse } => {
                let (Beat::Send { number } | Beat::LookAndSend { number }) = pulse.send(boot_time()) else {
                    return;
                };
                self.send_heartbeat(number);
            }
        }
    }

    fn unlinked(&mut self) {
        self.link = None;
        self.publishing = 0;
        self.deliveries.unsubscribed();
        self.markers.unsubscribed();
        self.subscribing.unlinked();
    }

    /// Answers to an older session are dropped.
    fn answered(&mut self, answer: Answer) {
        let session = self.shared.session;
        match answer {
            Answer::Hello(answer) if answer.session == session => self.welcomed(answer.verdict),
            Answer::Heartbeat(answer) if answer.session == session => self.heartbeat_answered(answer),
            Answer::Claims(answers) if answers.session == session => self.claims_answered(answers),
            Answer::Applied(applied) if applied.session == session => {
                for key in applied.applied {
                    self.outcomes.applied(key);
                }
            }
            Answer::Stops(stops) if stops.session == session => self.stop(&stops.stops),
            Answer::Markers(seen) if seen.session == session => {
                for name in self.markers.seen(&seen.markers) {
                    self.deliveries.done(name);
                }
            }
            other => tracing::debug!(?other, "an answer to another session is dropped"),
        }
    }

    fn welcomed(&mut self, verdict: HelloVerdict) {
        let Phase::Greeting { sent: Some((_, first)), .. } = self.phase else { return };
        self.told.ears.answered();
        match verdict {
            HelloVerdict::Welcome { pools, enabled } => {
                tracing::info!(session = %self.shared.session, ?pools, enabled, "the session is welcome");
                let pulse = Pulse::new(first);
                self.told.guard.fence(pulse.fence());
                self.phase = Phase::Welcome { pulse };
                self.writing.welcome = true;
                self.subscribing.serve(pools.into_iter().filter(|_| enabled));
            }
            HelloVerdict::SessionEnded { highest } => {
                tracing::warn!(highest, "the masters know a later session of this worker: beginning anew");
                self.end = Some(Ending::Over { above: highest });
            }
            HelloVerdict::IdentityInUse { host } => {
                let reason = format!(
                    "another worker serves under this worker's id on host {host}: its data folder was copied; \
                     remove the file `id` from this worker's data folder to give it an id of its own"
                );
                self.end = Some(Ending::Refused { reason });
            }
        }
    }

    fn heartbeat_answered(&mut self, answer: HeartbeatAnswer) {
        if answer.session_ended {
            self.session_ended();
            return;
        }
        if let Phase::Welcome { pulse } = &mut self.phase
            && let Some(fence) = pulse.answered(answer.number)
        {
            self.told.guard.fence(fence);
            self.told.ears.answered();
        }
        self.stop(&answer.stops);
        self.subscribing.serve(answer.pools.into_iter().filter(|_| answer.enabled));
        if answer.drain {
            self.drain();
        }
    }

    fn looked(&mut self, number: u64, began: BootTime, consumers: Option<u32>) {
        let no_masters = consumers == Some(0);
        if no_masters {
            self.told.ears.answered();
        }
        let Phase::Welcome { pulse } = &mut self.phase else {
            if no_masters {
                // Nobody is there to welcome it: it cannot want to be subscribed.
                self.told.ears.served(true);
            }
            return;
        };
        match consumers {
            // No master can take leases now.
            Some(0) => {
                if let Some(fence) = pulse.no_masters(began) {
                    self.told.guard.fence(fence);
                }
            }
            // The queue deals them out in turn: one for each master, as some may be unable to answer.
            Some(masters) if number != LOOK_WITHOUT_HEARTBEAT => {
                for _ in 1..masters.min(HEARTBEATS_AT_ONCE_MAX) {
                    self.send_heartbeat(number);
                }
            }
            _ => {}
        }
    }

    fn claims_answered(&mut self, answers: ClaimAnswers) {
        let packages: Vec<Arc<PackageGrant>> = answers.packages.into_iter().map(Arc::new).collect();
        let mut not_yours = Vec::new();
        for answer in answers.answers {
            // Only a claim that is still unanswered may start anything.
            let Some(delivery) = self.claims.answered(answer.number) else { continue };
            match answer.verdict {
                ClaimVerdict::SessionEnded => return self.session_ended(),
                ClaimVerdict::NotYours => not_yours.extend(self.give_back_or_drop(&answer, delivery)),
                _ => self.claim_answered(delivery, answer, &packages),
            }
        }
        if !not_yours.is_empty() {
            tracing::warn!(
                count = not_yours.len(),
                "claims were refused: this worker does not serve that pool now"
            );
            self.return_deliveries(not_yours.into_iter());
        }
    }

    /// The delivery, if it is to go back to its queue.
    fn give_back_or_drop(&mut self, answer: &ClaimAnswer, delivery: DeliveryName) -> Option<DeliveryName> {
        let (execution, attempt) = (answer.execution, answer.attempt);
        if !self.refusals.refused(execution, attempt) {
            return Some(delivery);
        }
        if self.deliveries.done(delivery) {
            tracing::error!(
                %execution,
                attempt,
                "a task is refused again and again: somebody has put it into the queue of a pool that is not its own; it \
                 is dropped, and sent to its own queue if it is missing there"
            );
        }
        None
    }

    fn claim_answered(
        &mut self,
        delivery: DeliveryName,
        answer: ClaimAnswer,
        packages: &[Arc<PackageGrant>],
    ) {
        self.deliveries.done(delivery);
        let (execution, attempt) = (answer.execution, answer.attempt);
        self.refusals.answered(execution, attempt);
        match (answer.verdict, answer.grant) {
            (ClaimVerdict::Granted, Some(grant)) => match packages.get(grant.package as usize).cloned() {
                Some(package) => {
                    let stopped = self.attempts.granted(Granted {
                        execution,
                        attempt,
                        grant,
                        package,
                        granted_at: Instant::now(),
                    });
                    stopped.into_iter().for_each(|outcome| self.outcomes.add(outcome));
                }
                None => self.damaged_grant(answer.number),
            },
            (ClaimVerdict::Granted, None) => self.damaged_grant(answer.number),
            (ClaimVerdict::GrantedStop, _) => {
                self.outcomes.add(unstarted(execution, attempt, OutcomeKind::Stopped));
            }
            (verdict, _) => tracing::debug!(%execution, attempt, ?verdict, "a claim was refused"),
        }
    }

    /// What was granted is this session's, and cannot be run: a new session gives it back.
    fn damaged_grant(&mut self, number: u64) {
        tracing::error!(number, "a grant names no package: beginning anew");
        self.end = Some(Ending::Over { above: self.shared.session.counter });
    }

    fn return_deliveries(&mut self, deliveries: impl Iterator<Item = DeliveryName>) {
        if let Some(link) = &self.link {
            deliveries
                .filter(|name| self.deliveries.give_back(*name))
                .for_each(|name| link.subscriptions.requeue(name));
        }
        // Until a heartbeat's answer says which pools are served.
        self.subscribing.refused();
    }

    fn stop(&mut self, stops: &[Stop]) {
        for stop in stops {
            let stopped = self.attempts.stop((stop.execution, stop.attempt));
            stopped.into_iter().for_each(|outcome| self.outcomes.add(outcome));
        }
    }

    fn session_ended(&mut self) {
        tracing::error!(session = %self.shared.session, "the masters have ended this session: beginning anew");
        self.end = Some(Ending::Over { above: self.shared.session.counter });
    }
}
