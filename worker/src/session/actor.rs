//! The session's loop.

use std::time::Duration;

use scaleout_broker::{Outgoing, jitter};
use scaleout_common::protocol::claim::claims_ahead;
use scaleout_common::protocol::timing::HELLO_REPEAT;
use scaleout_common::settings::Worker;
use scaleout_common::wire::{Claims, Heartbeat, Hello, Message, Outcome, Outcomes};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempts::{Attempts, Shared};
use super::claims::ClaimBook;
use super::deliveries::{Deliveries, Unclaimed};
use super::event::{Event, Linked};
use super::outcomes::OutcomeBook;
use super::pulse::{Beat, Pulse};
use super::rate::Rate;
use super::start::SessionEnd;
use super::subscribing::{Subscribing, Wish};
use crate::guard::{BootTime, Guard, boot_time};
use crate::runtime::StopCause;

/// The loop turns at least this often: repeats and the fence need no finer clock.
const TURN_EVERY: Duration = Duration::from_millis(50);

/// Events handled in one turn at most.
const EVENTS_PER_TURN: usize = 1_024;

/// Claims in one message at most.
const CLAIMS_PER_MESSAGE: usize = 400;

/// Outcomes in one message at most, and bytes of their texts.
const OUTCOMES_PER_MESSAGE: usize = 400;
const OUTCOME_BYTES_PER_MESSAGE: usize = 1024 * 1024;

/// With more unapplied outcomes than this the session claims no more until masters catch up.
const OUTCOMES_MAX: usize = 5_000;

/// How long to wait before outcomes that the broker refused are published again.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// What the loop is told when it begins.
pub(super) struct Told {
    pub(super) hello: Hello,
    /// Asks the link to look how many masters there are; the number comes back with the answer.
    pub(super) looks: watch::Sender<u64>,
    pub(super) guard: Guard,
    /// Cancelled: drain.
    pub(super) stop: CancellationToken,
}

/// All state of a session.
pub(super) struct Actor {
    pub(super) told: Told,
    pub(super) shared: Arc<Shared>,
    pub(super) link: Option<Linked>,
    pub(super) phase: Phase,
    pub(super) deliveries: Deliveries,
    pub(super) claims: ClaimBook,
    pub(super) attempts: Attempts,
    pub(super) outcomes: OutcomeBook,
    pub(super) subscribing: Subscribing,
    pub(super) rate: Rate,
    /// Since when it drains.
    pub(super) draining: Option<Instant>,
    drain_grace: Duration,
    handed_back: bool,
    /// Packages that could not be loaded one after another, and when to claim again.
    pub(super) unloadable: u32,
    pub(super) claim_after: Option<Instant>,
    /// Set when the session must end.
    pub(super) end: Option<Ending>,
}

/// Before and after the welcome.
pub(super) enum Phase {
    /// When the hello was last sent, and first: the lease begins no earlier than the first was sent.
    Greeting {
        sent: Option<(Instant, BootTime)>,
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
            phase: Phase::Greeting { sent: None },
            deliveries: Deliveries::default(),
            claims: ClaimBook::default(),
            outcomes: OutcomeBook::default(),
            subscribing: Subscribing::default(),
            rate: Rate::default(),
            draining: None,
            drain_grace: settings.drain_grace(),
            handed_back: false,
            unloadable: 0,
            claim_after: None,
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
                () = tokio::time::sleep(TURN_EVERY) => {}
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

    /// Once all that has arrived is handled: do what follows from it, everything in batches.
    fn turn(&mut self, now: Instant) {
        match self.phase {
            Phase::Greeting { .. } => self.greet(now),
            Phase::Welcome { .. } => {
                self.beat();
                self.repeat_claims(false, now);
                self.attempts.start_waiting();
                self.drain_further(now);
                self.subscribe(now);
                self.claim(now);
                self.acknowledge();
                self.publish_outcomes(now);
            }
        }
    }

    fn greet(&mut self, now: Instant) {
        // What the hello carries is still to be delivered, even if there is nothing more to do.
        if self.draining.is_some() && self.told.hello.previous.is_empty() {
            self.end = Some(Ending::Drained);
            return;
        }
        let Phase::Greeting { sent } = &mut self.phase else { return };
        if self.link.is_none() || sent.is_some_and(|(at, _)| now.duration_since(at) < HELLO_REPEAT) {
            return;
        }
        let first = sent.map_or_else(boot_time, |(_, first)| first);
        *sent = Some((now, first));
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
        if self.link.is_none() || !self.may_claim(now) || self.outcomes.len() > OUTCOMES_MAX {
            return;
        }
        let ahead = self.claims_ahead();
        let mut room = (self.attempts.free_slots() + ahead)
            .saturating_sub(self.claims.len())
            .saturating_sub(self.attempts.in_hand().saturating_sub(self.attempts.running()));
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
        self.draining.is_none() && self.claim_after.is_none_or(|after| now >= after)
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
        };
        self.subscribing.observe(wish.free_slots, now);
        if self.subscribing.is_saturated(now) {
            // Granted ahead of time that has not come: others may be idle.
            for outcome in self.attempts.return_waiting() {
                self.outcomes.add(outcome);
            }
        }
        let Some(link) = &self.link else { return };
        if let Some(wanted) = self.subscribing.decide(&wish, now) {
            tracing::debug!(?wanted, "subscriptions change");
            self.deliveries.unsubscribed();
            let pools = wanted.pools.len() as u64;
            for number in 0..pools * scaleout_common::priority::Priority::ALL.len() as u64 {
                self.deliveries.subscribed(wanted.number + number);
            }
            link.subscriptions.want(wanted);
        }
    }

    fn acknowledge(&mut self) {
        if let Some(link) = &self.link {
            for name in self.deliveries.take_acks() {
                link.subscriptions.ack_through(name);
            }
        }
    }

    /// Publishes what has ended since the last turn, and what has gone unapplied for too long.
    fn publish_outcomes(&mut self, now: Instant) {
        let Some(link) = &self.link else { return };
        let mut messages = Vec::new();
        for outcomes in portions(self.outcomes.take_due(now)) {
            let report = Outcomes { session: self.shared.session, outcomes };
            match Outgoing::to_outcomes(&report, &link.inbox) {
                Ok(message) => messages.push(message),
                Err(error) => {
                    tracing::error!(%error, "outcomes cannot be written; they travel in the next hello")
                }
            }
        }
        if messages.is_empty() {
            return;
        }
        let (publisher, events) = (link.outcomes.clone(), self.shared.events.clone());
        tokio::spawn(async move {
            if let Err(error) = publisher.publish(messages).await {
                tracing::warn!(%error, "outcomes were not confirmed and will be published again");
                tokio::time::sleep(REFUSED_PAUSE).await;
                // A session that has ended meanwhile carries them in the next hello.
                let _ = events.send(Event::OutcomesUnpublished).await;
            }
        });
    }

    /// Claims no more; what has not started goes back.
    pub(super) fn drain(&mut self) {
        if self.draining.is_none() {
            tracing::info!(running = self.attempts.running(), "the worker drains");
            self.draining = Some(Instant::now());
        }
    }

    fn drain_further(&mut self, now: Instant) {
        let Some(since) = self.draining else { return };
        for outcome in self.attempts.return_waiting() {
            self.outcomes.add(outcome);
        }
        if now.duration_since(since) >= self.drain_grace && !self.handed_back && self.attempts.running() > 0 {
            tracing::info!(running = self.attempts.running(), "the grace is over: what runs is handed back");
            self.attempts.stop_all(StopCause::HandBack);
            self.handed_back = true;
        }
        if self.attempts.in_hand() == 0 && self.claims.len() == 0 && self.outcomes.is_empty() {
            self.end = Some(Ending::Drained);
        }
    }

    async fn finish(mut self, ending: Ending, mut events: mpsc::Receiver<Event>) -> SessionEnd {
        // Attempts report their end to the loop's queue; somebody must empty it while they are waited for.
        {
            let mut abandoned = std::pin::pin!(self.attempts.abandon());
            loop {
                tokio::select! {
                    () = &mut abandoned => break,
                    event = events.recv() => if event.is_none() { break },
                }
            }
        }
        match ending {
            Ending::Drained => {
                self.leave().await;
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

    /// The last heartbeat. If it is lost, the lease runs out and takes nothing with it.
    async fn leave(&self) {
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

    pub(super) fn hold(&mut self, priority: scaleout_common::priority::Priority, delivery: Unclaimed) {
        self.deliveries.hold(priority, delivery);
    }
}

/// Cuts outcomes into portions that each fit a message.
fn portions(outcomes: Vec<Outcome>) -> Vec<Vec<Outcome>> {
    let mut portions: Vec<Vec<Outcome>> = Vec::new();
    let mut bytes = 0;
    for outcome in outcomes {
        let size =
            outcome.error.as_ref().map_or(0, String::len) + outcome.result.as_ref().map_or(0, String::len);
        match portions.last_mut() {
            Some(last) if last.len() < OUTCOMES_PER_MESSAGE && bytes + size <= OUTCOME_BYTES_PER_MESSAGE => {
                bytes += size;
                last.push(outcome);
            }
            _ => {
                bytes = size;
                portions.push(vec![outcome]);
            }
        }
    }
    portions
}
