//! A worker: one session after another (`worker/src/session`), beside its guard (`worker/src/guard`).

use scaleout_common::wire::{ClaimVerdict, OutcomeKind};

use crate::guards::Guard;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::state::{ATTEMPTS_SEEN, Claim, Ended, Phase, Session, State, Task, Worker};

impl State {
    pub(crate) fn worker(&self, worker: u8) -> &Worker {
        &self.workers[usize::from(worker)]
    }

    pub(crate) fn worker_mut(&mut self, worker: u8) -> &mut Worker {
        &mut self.workers[usize::from(worker)]
    }

    /// The session that the worker is in, or was in last.
    pub(crate) fn session(&self, worker: u8) -> Session {
        Session { worker, counter: self.worker(worker).counter }
    }

    /// A new session begins: the lock is free, the counter is raised (`worker/src/guard/lock.rs`).
    pub(crate) fn restart(&mut self, worker: u8) {
        let found = self.worker_mut(worker);
        found.counter += 1;
        found.phase = Phase::Greeting;
        found.last_number = 0;
        self.say_hello(worker);
    }

    pub(crate) fn say_hello(&mut self, worker: u8) {
        let (session, worker) = (self.session(worker), self.worker(worker));
        let previous = worker.carried.clone();
        self.broker.send(Message::Hello { session, previous });
    }

    /// `Actor::welcomed`: the hello counts as an answered heartbeat, sent when it was first sent.
    pub(crate) fn welcomed(&mut self, session: Session) {
        let worker = self.worker_mut(session.worker);
        if worker.counter == session.counter && worker.phase == Phase::Greeting {
            worker.phase = Phase::Serving;
            worker.carried.clear();
        }
    }

    pub(crate) fn refused(&mut self, session: Session, highest: u8) {
        if self.session(session.worker) == session {
            self.over(session.worker);
            let worker = self.worker_mut(session.worker);
            worker.counter = worker.counter.max(highest);
        }
    }

    /// A delivery is claimed as soon as it is held (`ClaimBook::claim`).
    pub(crate) fn take_task(&mut self, worker: u8, task: Task) {
        let session = self.session(worker);
        let worker = self.worker_mut(worker);
        worker.last_number += 1;
        let number = worker.last_number;
        worker.claims.push(Claim { number, task, delivery: true });
        self.broker.send(Message::Claim { session, number, task });
    }

    /// `Actor::claims_answered`.
    pub(crate) fn answered(
        &mut self,
        protocol: &Protocol,
        session: Session,
        number: u8,
        task: Task,
        verdict: ClaimVerdict,
    ) {
        if self.session(session.worker) != session || self.worker(session.worker).phase != Phase::Serving {
            return;
        }
        let worker = self.worker_mut(session.worker);
        let unanswered = worker.claims.iter().position(|claim| claim.number == number);
        let claim = match unanswered {
            Some(index) => worker.claims.remove(index),
            None if protocol.guards.hold(Guard::StartUnanswered) => return,
            None => Claim { number, task, delivery: false },
        };
        match verdict {
            ClaimVerdict::SessionEnded => {
                self.give_back(claim);
                self.over(session.worker);
            }
            ClaimVerdict::NotYours => self.give_back(claim),
            ClaimVerdict::Granted => self.granted(session, task),
            ClaimVerdict::GrantedStop => self.report(session.worker, task, OutcomeKind::Stopped),
            _ => {}
        }
    }

    /// A delivery that is not acknowledged.
    fn give_back(&mut self, claim: Claim) {
        if claim.delivery {
            self.broker.send(Message::Task(claim.task));
        }
    }

    /// `Attempts::granted`.
    fn granted(&mut self, session: Session, task: Task) {
        let worker = self.worker_mut(session.worker);
        if worker.stops.contains(&task) {
            self.report(session.worker, task, OutcomeKind::Stopped);
        } else if worker.draining {
            self.report(session.worker, task, OutcomeKind::Returned);
        } else {
            worker.waiting.push(task);
        }
    }

    /// `Attempts::start_waiting`.
    pub(crate) fn start(&mut self, worker: u8, task: Task) {
        let session = self.session(worker);
        let worker = self.worker_mut(worker);
        worker.waiting.retain(|other| *other != task);
        worker.processes.push((session, task));
        worker.processes.sort_unstable();
        self.seen.started_after_stop |= worker.heard.contains(&task);
        let starts = &mut self.seen.starts[usize::from(task.execution)];
        let counted = &mut starts[usize::from(task.attempt).min(ATTEMPTS_SEEN - 1)];
        *counted = (*counted + 1).min(2);
    }

    /// What runs ends, and is reported if its session still serves.
    pub(crate) fn end(&mut self, worker: u8, process: (Session, Task), kind: OutcomeKind) {
        let processes = &mut self.worker_mut(worker).processes;
        if let Some(index) = processes.iter().position(|other| *other == process) {
            processes.remove(index);
        }
        if self.session(worker) == process.0 && self.worker(worker).phase == Phase::Serving {
            self.report(worker, process.1, kind);
        }
    }

    fn report(&mut self, worker: u8, task: Task, kind: OutcomeKind) {
        let ended = Ended { session: self.session(worker), task, kind };
        self.worker_mut(worker).outcomes.push(ended);
    }

    /// `Actor::publish_outcomes`.
    pub(crate) fn publish_outcome(&mut self, protocol: &Protocol, ended: Ended) {
        self.broker.send(Message::Outcome(ended));
        if !protocol.guards.hold(Guard::OutcomesKept) {
            self.worker_mut(ended.session.worker).outcomes.retain(|other| *other != ended);
        }
    }

    pub(crate) fn applied(&mut self, session: Session, task: Task) {
        if self.session(session.worker) == session {
            self.worker_mut(session.worker).outcomes.retain(|ended| ended.task != task);
        }
    }

    /// `Attempts::stop`.
    pub(crate) fn stop(&mut self, protocol: &Protocol, session: Session, task: Task) {
        if self.session(session.worker) != session || self.worker(session.worker).phase != Phase::Serving {
            return;
        }
        let worker = self.worker_mut(session.worker);
        worker.heard.push(task);
        let runs = worker.processes.contains(&(session, task));
        let waits = worker.waiting.contains(&task);
        if waits {
            worker.waiting.retain(|other| *other != task);
            self.report(session.worker, task, OutcomeKind::Stopped);
        } else if runs || protocol.guards.hold(Guard::StopRemembered) {
            worker.stops.push(task);
        }
    }

    /// Claims no more; what has not started goes back.
    pub(crate) fn drain(&mut self, worker: u8) {
        let waiting = std::mem::take(&mut self.worker_mut(worker).waiting);
        waiting.into_iter().for_each(|task| self.report(worker, task, OutcomeKind::Returned));
        self.worker_mut(worker).draining = true;
    }

    /// The session ends by itself: nothing of it runs any more, what is not applied travels in the next hello.
    pub(crate) fn over(&mut self, worker: u8) {
        self.unlink(worker);
        let session = self.session(worker);
        let worker = self.worker_mut(worker);
        worker.processes.retain(|(other, _)| *other != session);
        let outcomes = std::mem::take(&mut worker.outcomes);
        worker.carried.extend(outcomes);
        worker.forget();
    }

    /// The worker process dies; what it started goes on until its guard kills it.
    pub(crate) fn kill_worker(&mut self, protocol: &Protocol, worker: u8) {
        self.unlink(worker);
        let worker = self.worker_mut(worker);
        let outcomes = std::mem::take(&mut worker.outcomes);
        worker.carried.extend(outcomes);
        if !protocol.scope.journal {
            worker.carried.clear();
        }
        worker.forget();
    }

    /// The connection breaks and comes back.
    pub(crate) fn reconnect(&mut self, protocol: &Protocol, worker: u8) {
        self.unlink(worker);
        if !protocol.guards.hold(Guard::ClaimsKept) {
            self.worker_mut(worker).claims.clear();
        }
    }
}

impl Worker {
    /// What only the process remembers.
    fn forget(&mut self) {
        self.phase = Phase::Down;
        self.claims.clear();
        self.waiting.clear();
        self.stops.clear();
        self.heard.clear();
        self.draining = false;
        self.guard_gone = false;
        (self.silence, self.beats, self.answers) = (0, 0, 0);
    }
}
