//! The session's loop.

use std::time::Duration;

use scaleout_broker::{Outgoing, jitter};
use scaleout_common::protocol::claim::claims_ahead;
use scaleout_common::protocol::timing::HELLO_REPEAT;
use scaleout_common::settings::Worker;
use scaleout_common::wire::{Claims, Heartbeat, Hello, Markers, Message};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempts::{Attempts, Shared};
use super::claims::{ClaimBook, room_for_claims};
use super::cut_off::Turns;
use super::deliveries::Deliveries;
use super::ending::Draining;
use super::event::{Event, Linked};
use super::markers::MarkerBook;
use super::outcomes::OutcomeBook;
use super::pulse::{Beat, Pulse};
use super::rate::Rate;
use super::refusals::Refusals;
use super::reporting::{PUBLISHING_MAX, Writing};
use super::start::SessionEnd;
use super::subscribing::{Subscribing, Wish};
use super::waiting::Key;
use crate::guard::{BootTime, Guard, boot_time};
use crate::hearing::Ears;
use crate::journal::Journal;

/// The loop turns at least this often: repeats and the fence need no finer clock.
const TURN_EVERY: Duration = Duration::from_millis(50);

/// Events handled in one turn at most.
const EVENTS_PER_TURN: usize = 1_024;

/// Hellos that go unanswered before the session looks whether there is any master.
const HELLOS_BEFORE_LOOKING: u32 = 2;

/// Numbers a look that goes with no heartbeat; those count from one.
pub(super) const LOOK_WITHOUT_HEARTBEAT: u64 = 0;

/// Claims in one message at most.
const CLAIMS_PER_MESSAGE: usize = 400;

/// What the loop is told when it begins.
pub(super) struct Told {
    pub(super) hello: Hello,
    /// Asks the link to look how many masters there are; the number comes back with the answer.
    pub(super) looks: watch::Sender<u64>,
    pub(super) guard: Guard,
    /// Cancelled: drain.
    pub(super) stop: CancellationToken,
    pub(super) ears: Ears,
    pub(super) journal: Arc<Journal>,
}

/// All state of a session.
pub(super) struct Actor {
    pub(super) told: Told,
    pub(super) shared: Arc<Shared>,
    pub(super) link: Option<Linked>,
    pub(super) phase: Phase,
    pub(super) deliveries: Deliveries,
    pub(super) claims: ClaimBook,
    pub(super) refusals: Refusals,
    pub(super) attempts: Attempts,
    pub(super) markers: MarkerBook,
    pub(super) outcomes: OutcomeBook,
    pub(super) writing: Writing,
    /// Publishes of outcomes over the present link that have not ended.
    pub(super) publishing: usize,
    pub(super) subscribing: Subscribing,
    pub(super) rate: Rate,
    pub(super) draining: Option<Draining>,
    pub(super) drain_grace: Duration,
    /// Packages that could not be loaded one after another, and when to claim again.
    pub(super) unloadable: u32,
    pub(super) claim_after: Option<Instant>,
    pub(super) turns: Turns,
    /// Attempts that ended fenced: nothing may be said of them.
    pub(super) fenced: Vec<Key>,
    /// Set when the session must end.
    pub(super) end: Option<Ending>,
}

/// Before and after the welcome.
pub(super) enum Phase {
    /// When the hello was last sent, and first: the lease begins no earlier than the first was sent.
    Greeting {
        sent: Option<(Instant, BootTime)>,
        /// How often it was sent.
        times: u32,
    },
    Welcome {
        pulse: Pulse,
    },
}

/// Why the session ends.
pub(super) enum Ending {
    Over { above: u64 },
    Refused { reason: String },
    Drained,
}

impl Actor {
    pub(super) fn new(told: Told, shared: Arc<Shared>, settings: &Worker) -> Self {
        Self {
            told,
            attempts: Attempts::new(shared.clone(), settings.slots()),
            shared,
            link: None,
            phase: Phase::Greeting { sent: None, times: 0 },
            deliveries: Deliveries::default(),
            claims: ClaimBook::default(),
            refusals: Refusals::default(),
            markers: MarkerBook::default(),
            outcomes: OutcomeBook::default(),
            writing: Writing::default(),
            publishing: 0,
            subscribing: Subscribing::default(),
            rate: Rate::default(),
            draining: None,
            drain_grace: settings.drain_grace(),
            unloadable: 0,
            claim_after: None,
            turns: Turns::new(boot_time()),
            fenced: Vec::new(),
            end: None,
        }
    }

    /// Runs until the session ends; nothing of it runs on return.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>) -> SessionEnd {
        let mut arrived = Vec::with_capacity(EVENTS_PER_TURN);
        let stop = self.told.stop.clone();
        let guard = self.told.guard.clone();
        let ending = loop {
            if let Some(ending) = self.end.take() {
                break ending;
            }
            tokio::select! {
                _ = events.recv_many(&mut arrived, EVENTS_PER_TURN) => {}
                () = tokio::time::sleep(self.rest(Instant::now())) => {}
                () = stop.cancelled(), if self.draining.is_none() => self.drain(),
                () = guard.lost() => {
                    tracing::error!("the guard is gone: the session ends");
                    break Ending::Over { above: self.shared.session.counter };
                }
            }
            for event in arrived.drain(..) {
                self.handle(event);
            }
            self.turn(Instant::now());
        };
        self.finish(ending, events).await
    }

    /// For how long there is nothing to do unless something happens.
    fn rest(&self, now: Instant) -> Duration {
        if !matches!(self.phase, Phase::Welcome { .. }) {
            return TURN_EVERY;
        }
        // Room for another publish comes with an event.
        let may_publish = self.link.is_some() && self.publishing < PUBLISHING_MAX;
        let publish =
            if may_publish && self.outcomes.has_unpublished() { self.until_publish(now) } else { TURN_EVERY };
        publish.min(self.until_journal(now)).min(TURN_EVERY)
    }

    /// Once all that has arrived is handled: do what follows from it, everything in batches.
    fn turn(&mut self, now: Instant) {
        self.turns.turn(boot_time());
        match self.phase {
            Phase::Greeting { .. } => self.greet(now),
            Phase::Welcome { .. } => {
                self.beat();
                self.repeat_claims(false, now);
                // Unanswered claims may bring company; what has ended and is not applied would be lost beside it.
                self.attempts.start_waiting(self.claims.len() == 0 && self.outcomes.is_empty());
                self.attempts.return_late(now).into_iter().for_each(|outcome| self.outcomes.add(outcome));
                self.drain_further(now);
                self.subscribe(now);
                self.claim(now);
                self.forward_markers(now);
                self.acknowledge();
                // The publish does not wait for the journal: it narrows the window in which a crash lets an attempt run
                // again, and does not close it, while waiting for the disk would cost every execution its time.
                self.write_journal(now);
                self.publish_outcomes(now);
                // Not before the welcome, which asks for nothing: the clock of those that could not subscribe runs on
                // from session to session.
                self.told.ears.served(self.subscribing.is_served());
            }
        }
    }

    fn greet(&mut self, now: Instant) {
        // What the hello carries is still to be delivered, even if there is nothing more to do.
        if self.draining.is_some() && self.told.hello.previous.is_empty() {
            self.end = Some(Ending::Drained);
            return;
        }
        let Phase::Greeting { sent, times } = &mut self.phase else { return };
        if self.link.is_none() || sent.is_some_and(|(at, _)| now.duration_since(at) < HELLO_REPEAT) {
            return;
        }
        let first = sent.map_or_else(boot_time, |(_, first)| first);
        *sent = Some((now, first));
        *times += 1;
        if *times > HELLOS_BEFORE_LOOKING {
            // Without any master there is nobody to hear, and this worker is not deaf.
            self.told.looks.send_replace(LOOK_WITHOUT_HEARTBEAT);
        }
        self.send_claim_message(&self.told.hello);
    }

    fn beat(&mut self) {
        let Phase::Welcome { pulse } = &mut self.phase else { return };
        let beat = pulse.beat(boot_time(), jitter());
        let silence = pulse.silence(boot_time());
        match beat {
            Beat::Wait => {}
            Beat::Send { number } => self.send_heartbeat(number),
            Beat::LookAndSend { number } => {
                self.send_heartbeat(number);
                self.told.looks.send_replace(number);
            }
            Beat::Fenced => {
                tracing::error!(
                    silence_s = silence.as_secs(),
                    "no heartbeat was answered for too long: the session stops everything and begins anew"
                );
                self.end = Some(Ending::Over { above: self.shared.session.counter });
            }
        }
    }

    pub(super) fn send_heartbeat(&self, number: u64) {
        let running = u32::try_from(self.attempts.running()).unwrap_or(u32::MAX);
        self.send_claim_message(&Heartbeat { session: self.shared.session, number, running, leaving: false });
    }

    /// Claims the deliveries it holds, as many as it may.
    fn claim(&mut self, now: Instant) {
        if self.link.is_none() || !self.claims.may_send(now) || !self.may_claim(now) {
            return;
        }
        let in_hand = self.attempts.in_hand() + self.claims.len();
        let mut room = room_for_claims(self.attempts.slots(), in_hand, self.claims_ahead());
        let mut claims = Vec::new();
        while room > 0
            && let Some(delivery) = self.deliveries.take()
        {
            claims.push(self.claims.claim(delivery, now));
            room -= 1;
        }
        self.send_claims(&claims);
    }

    fn may_claim(&self, now: Instant) -> bool {
        self.draining.is_none()
            && !self.attempts.has_alone()
            && !self.outcomes.is_flooded()
            && self.claim_after.is_none_or(|after| now >= after)
    }

    fn claims_ahead(&self) -> usize {
        claims_ahead(self.rate.per_second(self.attempts.slots()))
    }

    pub(super) fn repeat_claims(&mut self, all: bool, now: Instant) {
        if self.link.is_some() {
            let repeated = self.claims.repeat(all, now);
            self.send_claims(&repeated);
        }
    }

    fn send_claims(&self, claims: &[scaleout_common::wire::Claim]) {
        for part in claims.chunks(CLAIMS_PER_MESSAGE) {
            self.send_claim_message(&Claims { session: self.shared.session, claims: part.to_vec() });
        }
    }

    fn subscribe(&mut self, now: Instant) {
        let wish = Wish {
            open: self.may_claim(now),
            free_slots: self.attempts.free_slots(),
            ahead: self.claims_ahead(),
            per_message: self.deliveries.per_message(),
        };
        self.subscribing.observe(wish.free_slots, now);
        if self.subscribing.is_saturated(now) {
            // Granted ahead of time that has not come: others may be idle.
            for outcome in self.attempts.return_surplus() {
                self.outcomes.add(outcome);
            }
        }
        let Some(link) = &self.link else { return };
        if let Some(wanted) = self.subscribing.decide(&wish, now) {
            tracing::debug!(?wanted, "subscriptions change");
            self.deliveries.unsubscribed();
            self.markers.unsubscribed();
            let pools = wanted.pools.len() as u64;
            for number in 0..pools * scaleout_common::priority::Priority::ALL.len() as u64 {
                self.deliveries.subscribed(wanted.number + number);
            }
            link.subscriptions.want(wanted);
        }
    }

    /// Markers take no claim and no slot: they go on at once, however busy the session is.
    fn forward_markers(&mut self, now: Instant) {
        if self.link.is_none() {
            return;
        }
        let due = self.markers.take_due(now);
        for part in due.forward.chunks(CLAIMS_PER_MESSAGE) {
            self.send_claim_message(&Markers { session: self.shared.session, markers: part.to_vec() });
        }
        if !due.given_up.is_empty() {
            let markers = due.given_up.len();
            tracing::warn!(markers, "no master has answered markers: they are let go, and others will come");
        }
        for name in due.given_up {
            self.deliveries.done(name);
        }
    }

    fn acknowledge(&mut self) {
        if let Some(link) = &self.link {
            for name in self.deliveries.take_acks() {
                link.subscriptions.ack_through(name);
            }
        }
    }

    pub(super) fn send_claim_message<M: Message + Serialize>(&self, message: &M) {
        let Some(link) = &self.link else { return };
        match Outgoing::to_claims(message, &link.inbox) {
            Ok(outgoing) => {
                if let Err(error) = link.claims.publish_and_forget(outgoing) {
                    tracing::debug!(%error, "a message to the masters waits for its repeat");
                }
            }
            Err(error) => tracing::error!(%error, "a message to the masters cannot be written"),
        }
    }
}
