//! When each step may happen. Repeats may when nothing of what they repeat is on its way: copies are a fault.

use scaleout_common::status::Status;
use scaleout_common::wire::OutcomeKind;

use crate::actions::Action;
use crate::clock;
use crate::guards::Guard;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::scope::Fault;
use crate::state::{Phase, Session, Stage, State, Task};

/// Everything that may happen now.
pub(crate) fn possible(protocol: &Protocol, state: &State, actions: &mut Vec<Action>) {
    let mut options = Options { protocol, state, actions };
    if protocol.scope.endless && !state.catalog.executions.iter().any(|row| row.status.is_held()) {
        // The lease is lost. All that is left to see is whether something starts nevertheless.
        return (0..protocol.scope.workers).for_each(|worker| options.of_waiting(worker));
    }
    options.of_executions();
    options.of_dispatches();
    options.of_messages();
    for worker in 0..protocol.scope.workers {
        options.of_worker(worker);
        options.of_session(worker);
    }
    for master in 0..protocol.scope.masters {
        options.of_master(master);
    }
    if protocol.scope.clock {
        options.of_clock();
    } else {
        options.of_leases();
    }
}

struct Options<'a> {
    protocol: &'a Protocol,
    state: &'a State,
    actions: &'a mut Vec<Action>,
}

impl Options<'_> {
    fn may(&mut self, action: Action, condition: bool) {
        if condition {
            self.actions.push(action);
        }
    }

    fn fault(&self, fault: Fault) -> bool {
        self.state.faults > 0 && self.protocol.scope.has(fault)
    }

    fn holds(&self, guard: Guard) -> bool {
        self.protocol.guards.hold(guard)
    }

    fn master_lives(&self) -> bool {
        self.state.masters.iter().any(|master| master.alive)
    }

    fn master_listens(&self) -> bool {
        self.state.masters.iter().any(|master| master.alive && master.open)
    }

    fn of_executions(&mut self) {
        let lives = self.master_lives();
        for execution in 0..self.protocol.scope.executions {
            let index = usize::from(execution);
            let row = &self.state.catalog.executions[index];
            let cancelable = matches!(row.status, Status::Created | Status::Pending | Status::Running);
            let cancels = self.protocol.scope.cancels && lives && !self.state.seen.canceled[index];
            let read = self.state.seen.cancel_read[index].is_some();
            let one = self.holds(Guard::CancelOneStatement);
            self.may(Action::Cancel { execution }, one && cancels && cancelable);
            self.may(Action::CancelReads { execution }, !one && cancels && cancelable && !read);
            self.may(Action::CancelWrites { execution }, !one && cancels && read);
            self.may(Action::MakeDue { execution }, lives && row.due && row.status == Status::Created);
            let overdue = row.status == Status::Running && self.fault(Fault::Overdue);
            self.may(Action::StopOverdue { execution }, lives && overdue);
            let late = row.status == Status::Stopping && row.stop_reason == 2;
            self.may(Action::FailOverdue { execution }, lives && late);
        }
    }

    fn of_dispatches(&mut self) {
        let state = self.state;
        for row in &state.catalog.dispatches {
            let alive = state.masters[usize::from(row.master)].alive;
            self.may(Action::Publish(*row), alive && row.stage == Stage::Waiting);
            self.may(Action::Confirm(*row), alive && row.stage == Stage::Published);
            let execution = state.execution(row.task);
            let waits = execution.status == Status::Pending && execution.attempt == row.task.attempt;
            let swept = !self.holds(Guard::DispatchKept) && row.stage == Stage::Confirmed;
            self.may(Action::Sweep(*row), self.master_lives() && (!waits || swept));
            let heirs =
                (0..self.protocol.scope.masters).filter(|heir| state.masters[usize::from(*heir)].alive);
            for heir in heirs.filter(|_| !alive && row.stage != Stage::Confirmed) {
                self.may(Action::Adopt(*row, heir), self.holds(Guard::DispatchAdopted));
            }
            let marker = self.protocol.scope.markers && self.holds(Guard::Marker) && self.master_lives();
            let shown = row.stage == Stage::Confirmed && state.lost_message(row.task);
            self.may(Action::SweepMarker(*row), marker && shown);
        }
    }

    fn of_messages(&mut self) {
        let state = self.state;
        for message in &state.broker.messages {
            if let Message::Task(task) = message {
                self.of_task(*task);
            } else if message.inbox().is_some() {
                self.copies(|stays| Action::Arrive { message: message.clone(), stays });
            } else {
                self.of_report(message);
            }
            let lose = Action::Lose { message: message.clone() };
            self.may(lose, self.fault(Fault::Lose));
        }
        self.may(Action::Wipe, self.fault(Fault::Wipe));
    }

    fn copies(&mut self, action: impl Fn(bool) -> Action) {
        self.actions.push(action(false));
        self.may(action(true), self.fault(Fault::Duplicate));
    }

    fn of_task(&mut self, task: Task) {
        for worker in 0..self.protocol.scope.workers {
            let found = self.state.worker(worker);
            let serves = found.phase == Phase::Serving && !found.draining && !found.guard_gone;
            if serves && found.claims.len() < 2 && self.state.catalog.workers[usize::from(worker)].1 {
                self.copies(|stays| Action::TakeTask { worker, task, stays });
            }
        }
    }

    fn of_report(&mut self, message: &Message) {
        let outcome = matches!(message, Message::Outcome(_));
        let received = if outcome { self.master_lives() } else { self.master_listens() };
        if !received {
            return;
        }
        self.copies(|stays| Action::Receive { message: message.clone(), stays });
        let order = if outcome { Guard::AppliedAfterCommit } else { Guard::AnswerAfterCommit };
        let answered = matches!(message, Message::Outcome(_) | Message::Claim { .. });
        self.may(Action::AnswerUncommitted { message: message.clone() }, answered && !self.holds(order));
        let early = outcome && !self.holds(Guard::AckAfterCommit);
        self.may(Action::AcknowledgeUncommitted { message: message.clone() }, early);
    }

    fn of_worker(&mut self, worker: u8) {
        let found = self.state.worker(worker);
        let (up, down) = (found.phase != Phase::Down, found.phase == Phase::Down);
        let guard = self.holds(Guard::WorkerGuard);
        self.may(Action::KillWorker { worker }, up && self.fault(Fault::KillWorker));
        self.may(Action::GuardKills { worker }, down && guard && !found.processes.is_empty());
        let more = self.protocol.scope.sessions_max.is_none_or(|most| found.counter < most);
        self.may(Action::Restart { worker }, down && more && (!guard || found.processes.is_empty()));
        self.may(Action::Reconnect { worker }, up && self.fault(Fault::Reconnect));
        let enabled = self.state.catalog.workers[usize::from(worker)].1;
        self.may(Action::Disable { worker }, enabled && self.fault(Fault::Disable));
        self.may(Action::Enable { worker }, !enabled);
        for (session, task) in found.processes.clone() {
            if self.protocol.scope.endless {
                continue;
            }
            let current = found.counter == session.counter && found.phase == Phase::Serving;
            let end = |kind| Action::End { worker, session, task, kind };
            self.may(end(OutcomeKind::Succeeded), current || !guard);
            self.may(end(OutcomeKind::Failed), current && self.protocol.scope.retries > 0);
            self.may(end(OutcomeKind::Stopped), current && found.stops.contains(&task));
            self.may(end(OutcomeKind::Returned), current && found.draining);
        }
    }

    fn of_session(&mut self, worker: u8) {
        let (state, session) = (self.state, self.state.session(worker));
        let found = state.worker(worker);
        let greets = |message: &Message| match message {
            Message::Hello { session: other, .. } | Message::Welcome { session: other } => *other == session,
            Message::Refused { session: other, .. } => *other == session,
            _ => false,
        };
        self.may(Action::SayHello { worker }, found.phase == Phase::Greeting && !state.broker.holds(greets));
        if found.phase != Phase::Serving {
            return;
        }
        for claim in &found.claims {
            let sent = |message: &Message| match message {
                Message::Claim { session: by, number, .. } | Message::Answer { session: by, number, .. } => {
                    (*by, *number) == (session, claim.number)
                }
                _ => false,
            };
            self.may(Action::RepeatClaim { worker, number: claim.number }, !state.broker.holds(sent));
        }
        for ended in &found.outcomes {
            let sent = |message: &Message| match message {
                Message::Outcome(other) => other == ended,
                Message::Applied { session: by, task } => (*by, *task) == (session, ended.task),
                _ => false,
            };
            self.may(Action::PublishOutcome(*ended), !state.broker.holds(sent));
        }
        self.of_waiting(worker);
        self.of_stops(worker, session);
        let ended = state.row(session).is_some_and(|row| row.ended);
        self.may(Action::LearnEnded { worker }, ended && self.master_lives());
        self.may(Action::Drain { worker }, !found.draining && self.fault(Fault::Drain));
        let empty = found.claims.is_empty() && found.outcomes.is_empty() && found.waiting.is_empty();
        let idle = empty && found.processes.is_empty();
        self.may(Action::Leave { worker }, found.draining && idle);
        let fenced = found.guard_gone || clock::is_fenced(found);
        let fence = if self.protocol.scope.clock { fenced } else { self.fault(Fault::Fence) };
        self.may(Action::Fence { worker }, fence);
    }

    fn of_waiting(&mut self, worker: u8) {
        let found = self.state.worker(worker);
        let fenced = found.guard_gone || clock::is_fenced(found);
        let asked = !fenced || !self.holds(Guard::FenceBeforeStart);
        for task in &found.waiting {
            self.may(Action::Start { worker, task: *task }, asked);
        }
    }

    /// What the session's heartbeats are told (`session_stops.sql`), or its inbox at once.
    fn of_stops(&mut self, worker: u8, session: Session) {
        for execution in 0..self.protocol.scope.executions {
            let row = &self.state.catalog.executions[usize::from(execution)];
            let task = Task { execution, attempt: row.attempt };
            let held =
                row.status == Status::Stopping && row.holder.is_some_and(|(holder, _)| holder == session);
            let told = self.state.worker(worker).heard.contains(&task);
            let sent = self.state.broker.holds(|message| *message == Message::Stop { session, task });
            self.may(Action::SendStop(session, task), held && !told && !sent && self.master_lives());
        }
    }

    fn of_master(&mut self, master: u8) {
        let found = &self.state.masters[usize::from(master)];
        let others = self.state.masters.iter().filter(|other| other.alive).count() > 1;
        if !found.alive {
            return;
        }
        self.may(Action::KillMaster { master }, others && self.fault(Fault::KillMaster));
        let gone = !self.state.broker.sentinels.contains(&self.state.catalog.epoch);
        let watches = self.holds(Guard::Sentinel) && found.repair.is_none();
        self.may(Action::Notice { master }, gone && watches);
        if let Some(repair) = found.repair {
            let first = self.holds(Guard::SentinelFirst);
            self.may(Action::Declare { master }, !repair.declared && (first || repair.dispatched));
            self.may(Action::BeginEpoch { master }, !repair.dispatched && (!first || repair.declared));
        }
    }

    /// Without a clock: a lease may run out when its session does not serve, and nothing of it runs.
    fn of_leases(&mut self) {
        let state = self.state;
        for row in state.catalog.sessions.iter().filter(|row| !row.ended) {
            let worker = state.worker(row.session.worker);
            // Whose hello has just been answered hears of it in time, or fences itself: that is for the clock to tell.
            let serves = worker.counter == row.session.counter && worker.phase != Phase::Down;
            let runs = worker.processes.iter().any(|(session, _)| *session == row.session);
            self.may(Action::TakeLease(row.session), !serves && !runs && self.master_lives());
        }
    }

    fn of_clock(&mut self) {
        let state = self.state;
        self.actions.push(Action::Tick);
        for (worker, found) in (0..).zip(&state.workers).filter(|(_, found)| found.phase == Phase::Serving) {
            self.may(Action::Beat { worker }, found.beats == 0);
            self.may(Action::Look { worker }, !self.master_listens());
            for age in 0..8 {
                self.may(
                    Action::Renew { worker, age },
                    found.beats & (1 << age) != 0 && self.master_listens(),
                );
                self.may(Action::Renewed { worker, age }, found.answers & (1 << age) != 0);
            }
        }
        for (master, found) in (0..).zip(&state.masters).filter(|(_, found)| found.alive) {
            self.may(Action::Lead { master }, state.leader.is_none());
            self.may(Action::Open { master }, !found.open);
            self.may(Action::Close { master }, found.open);
            self.actions.push(Action::Prove { master });
        }
        let Some(leader) = state.leader else { return };
        for row in state.catalog.sessions.iter().filter(|row| !row.ended && clock::is_expired(row)) {
            let may = clock::may_take(self.protocol, &state.catalog.masters[usize::from(leader)]);
            self.may(Action::TakeLease(row.session), may);
        }
    }
}
