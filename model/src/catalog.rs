//! The catalog: its statements, each as atomic as the transaction that it stands for. Decisions are those of
//! `scaleout_common::protocol`; what only SQL decides is mirrored from `master/src/catalog/sql`, named at each.

use std::time::Duration;

use scaleout_common::protocol::claim::{ClaimOf, Claimed, answer_claim};
use scaleout_common::protocol::hello::{HelloDecision, KnownWorker, decide_hello};
use scaleout_common::protocol::lease::after_loss;
use scaleout_common::protocol::outcome::{HeldRow, Next, StopReason, after_outcome};
use scaleout_common::status::{Move, Status, may};
use scaleout_common::wire::{ClaimVerdict, Hello, OutcomeKind};

use crate::clock::is_expired;
use crate::guards::Guard;
use crate::protocol::Protocol;
use crate::state::{Dispatch, Ended, Execution, Session, SessionRow, Stage, State, Task};

impl Execution {
    pub(crate) fn stopping(&self) -> Option<StopReason> {
        StopReason::ALL.into_iter().find(|reason| reason.code() == self.stop_reason)
    }
}

impl State {
    pub(crate) fn row(&self, session: Session) -> Option<&SessionRow> {
        self.catalog.sessions.iter().find(|row| row.session == session)
    }

    pub(crate) fn row_mut(&mut self, session: Session) -> Option<&mut SessionRow> {
        self.catalog.sessions.iter_mut().find(|row| row.session == session)
    }

    pub(crate) fn execution(&self, task: Task) -> &Execution {
        &self.catalog.executions[usize::from(task.execution)]
    }

    fn execution_mut(&mut self, task: Task) -> &mut Execution {
        &mut self.catalog.executions[usize::from(task.execution)]
    }

    /// Every change of a status goes through here, so that the watcher sees it.
    fn set_status(&mut self, execution: u8, how: Move, to: Status) {
        let row = &mut self.catalog.executions[usize::from(execution)];
        self.seen.unknown_move |= !may(row.status, how, to);
        row.status = to;
        let first = &mut self.seen.ended[usize::from(execution)];
        *first = first.or(to.is_terminal().then_some(to));
    }

    /// `make_due_pending.sql`: created → pending, with a dispatch row.
    pub(crate) fn make_due(&mut self, execution: u8, master: u8) {
        let row = &mut self.catalog.executions[usize::from(execution)];
        row.due = false;
        let task = Task { execution, attempt: row.attempt };
        self.set_status(execution, Move::Due, Status::Pending);
        self.dispatch(Dispatch { task, master, stage: Stage::Waiting });
    }

    pub(crate) fn dispatch(&mut self, row: Dispatch) {
        self.catalog.dispatches.push(row);
        self.catalog.dispatches.sort_unstable();
        self.catalog.dispatches.dedup();
    }

    /// One claim of `master/src/catalog/protocol/claims.rs`: `lock_session.sql`, `grant.sql`, `claimed.sql`, then the
    /// answer. `None`: no answer now, the lease has run out and nobody has taken it.
    pub(crate) fn grant(
        &mut self,
        protocol: &Protocol,
        session: Session,
        number: u8,
        task: Task,
    ) -> Option<ClaimVerdict> {
        let row = self.row(session);
        if protocol.guards.hold(Guard::LiveSession) {
            let Some(row) = row.filter(|row| !row.ended) else { return Some(ClaimVerdict::SessionEnded) };
            if is_expired(row) {
                return None;
            }
        }
        let refused = protocol.guards.hold(Guard::RefusalSticks)
            && row.is_some_and(|row| number <= row.refused_through);
        let allowed = self.catalog.workers[usize::from(session.worker)].1 && !refused;
        let execution = self.execution(task);
        let pending = execution.status == Status::Pending || !protocol.guards.hold(Guard::ClaimCompareAndSet);
        if allowed && pending && execution.attempt == task.attempt {
            self.hold(session, number, task);
        }
        let verdict = self.answer(protocol, session, number, task, allowed);
        if verdict == ClaimVerdict::NotYours
            && let Some(row) = self.row_mut(session)
        {
            row.refused_through = row.refused_through.max(number);
        }
        Some(verdict)
    }

    fn hold(&mut self, session: Session, number: u8, task: Task) {
        self.seen.granted_after_cancel |= self.seen.canceled[usize::from(task.execution)];
        let execution = self.execution_mut(task);
        execution.holder = Some((session, number));
        execution.grant = Some((session, task.attempt));
        self.set_status(task.execution, Move::Grant, Status::Running);
    }

    fn answer(
        &self,
        protocol: &Protocol,
        session: Session,
        number: u8,
        task: Task,
        allowed: bool,
    ) -> ClaimVerdict {
        let execution = self.execution(task);
        let holder = execution.holder.filter(|_| execution.status.is_held()).map(|(holder, claim)| {
            let same = holder == session && !protocol.guards.hold(Guard::ClaimNumbers);
            (holder.id(), u64::from(if same { number } else { claim }))
        });
        let claimed =
            Claimed { status: execution.status, attempt: execution.attempt.into(), holder, allowed };
        let claim = ClaimOf { session: session.id(), number: number.into(), attempt: task.attempt.into() };
        answer_claim(Some(claimed), claim)
    }

    /// `apply_outcomes.sql`, which a test of master holds against `after_outcome`.
    pub(crate) fn apply(&mut self, protocol: &Protocol, ended: Ended) {
        let task = ended.task;
        let execution = self.execution(task);
        let (attempt, session) = (
            execution.attempt == task.attempt,
            execution.holder.is_some_and(|(holder, _)| holder == ended.session),
        );
        if !execution.status.is_held()
            || (!attempt && protocol.guards.hold(Guard::AttemptMatch))
            || (!session && protocol.guards.hold(Guard::SessionMatch))
        {
            return;
        }
        let held = HeldRow {
            attempt: execution.attempt.into(),
            stopping: execution.stopping(),
            failures: execution.failures.into(),
            retries: protocol.scope.retries.into(),
            retry_delay: Duration::ZERO,
            losses: execution.losses.into(),
        };
        let how = if ended.kind == OutcomeKind::Returned { Move::HandBack } else { Move::Outcome };
        let next = after_outcome(held, ended.kind);
        self.seen.stale_report |= !attempt || !session;
        self.go_on(task.execution, how, next);
    }

    fn go_on(&mut self, execution: u8, how: Move, next: Next) {
        let row = &mut self.catalog.executions[usize::from(execution)];
        let (to, failures) = match next {
            Next::Ends { status, failures } => (status, failures),
            Next::Again { attempt, failures, .. } => {
                row.attempt = small(attempt);
                row.due = true;
                (Status::Created, failures)
            }
        };
        row.failures = small(failures);
        self.set_status(execution, how, to);
    }

    /// `lose_attempts.sql`, which a test of master holds against `after_loss`.
    fn lose(&mut self, session: Session) {
        let held = |row: &Execution| {
            row.grant == Some((session, row.attempt))
                && row.status.is_held()
                && row.holder.is_some_and(|(holder, _)| holder == session)
        };
        let lost: Vec<usize> = (0..self.catalog.executions.len())
            .filter(|index| held(&self.catalog.executions[*index]))
            .collect();
        for index in &lost {
            let row = &mut self.catalog.executions[*index];
            let (failures, losses) = (row.failures.into(), row.losses.into());
            let after = after_loss(row.attempt.into(), row.stopping(), failures, losses, lost.len() == 1);
            row.losses = small(after.losses);
            row.grant = None;
            self.go_on(*index as u8, Move::Loss, after.next);
        }
    }

    /// Ends a session and moves on what it held: `take_leases.sql`, `leave.sql`.
    pub(crate) fn end_session(&mut self, session: Session) {
        if let Some(row) = self.row_mut(session).filter(|row| !row.ended) {
            row.ended = true;
            self.lose(session);
        }
    }

    /// `master/src/catalog/protocol/sessions.rs`. The counter that was welcomed or refused above.
    pub(crate) fn hello(
        &mut self,
        protocol: &Protocol,
        session: Session,
        previous: &[Ended],
    ) -> Result<(), u8> {
        let known = self.known_worker(session.worker);
        let mut decision = decide_hello(known.as_ref(), &hello_of(session));
        if !protocol.guards.hold(Guard::RisingCounter)
            && matches!(decision, HelloDecision::SessionEnded { .. })
        {
            decision = HelloDecision::Begin;
        }
        match decision {
            HelloDecision::Begin => self.begin_session(protocol, session, previous),
            HelloDecision::Repeat => {
                if let Some(row) = self.row_mut(session) {
                    row.lease_age = 0;
                }
            }
            HelloDecision::SessionEnded { highest } => return Err(small(highest as u32)),
            HelloDecision::IdentityInUse { .. } => {}
        }
        Ok(())
    }

    fn known_worker(&self, worker: u8) -> Option<KnownWorker> {
        let counter = self.catalog.workers[usize::from(worker)].0;
        let row = self.row(Session { worker, counter })?;
        Some(KnownWorker {
            counter: counter.into(),
            machine: String::new(),
            host: String::new(),
            nonce: counter.into(),
            alive: !row.ended && !is_expired(row),
            ended: row.ended,
        })
    }

    /// Ends the sessions before, applies what the hello carries as the sessions it belongs to, then loses the rest.
    fn begin_session(&mut self, protocol: &Protocol, session: Session, previous: &[Ended]) {
        self.catalog.workers[usize::from(session.worker)].0 = session.counter;
        let others = self.catalog.sessions.iter_mut();
        let mut before = Vec::new();
        for row in others.filter(|row| row.session.worker == session.worker && !row.ended) {
            row.ended = true;
            before.push(row.session);
        }
        for ended in previous {
            self.apply(protocol, *ended);
        }
        before.into_iter().for_each(|session| self.lose(session));
        self.catalog.sessions.retain(|row| row.session != session);
        self.catalog.sessions.push(SessionRow { session, ended: false, lease_age: 0, refused_through: 0 });
        self.catalog.sessions.sort_unstable_by_key(|row| row.session);
    }

    /// `cancel_executions.sql`: created, pending → canceled; running → stopping, in one statement.
    pub(crate) fn cancel(&mut self, execution: u8) {
        let status = self.catalog.executions[usize::from(execution)].status;
        self.cancel_if(execution, status);
        self.seen.canceled[usize::from(execution)] = true;
    }

    /// Cancels what is still in the status that was read.
    pub(crate) fn cancel_if(&mut self, execution: u8, read: Status) {
        let row = &mut self.catalog.executions[usize::from(execution)];
        if row.status != read {
            return;
        }
        let to = if read == Status::Running { Status::Stopping } else { Status::Canceled };
        if to == Status::Stopping {
            row.stop_reason = StopReason::User.code();
        }
        self.set_status(execution, Move::Cancel, to);
    }

    /// `stop_overdue.sql`: running → stopping.
    pub(crate) fn stop_overdue(&mut self, execution: u8) {
        self.catalog.executions[usize::from(execution)].stop_reason = StopReason::Timeout.code();
        self.set_status(execution, Move::Overdue, Status::Stopping);
    }

    /// `fail_overdue.sql`: stopping → failed.
    pub(crate) fn fail_overdue(&mut self, execution: u8) {
        self.set_status(execution, Move::Overdue, Status::Failed);
    }
}

fn hello_of(session: Session) -> Hello {
    Hello {
        session: session.id(),
        // A session's own: no data folder is cloned here.
        nonce: session.counter.into(),
        machine: String::new(),
        host: String::new(),
        name: String::new(),
        user: String::new(),
        version: String::new(),
        capacity: 1,
        pools: Vec::new(),
        previous: Vec::new(),
    }
}

fn small(number: u32) -> u8 {
    u8::try_from(number).expect("the scope's bounds keep counts far below 256")
}
