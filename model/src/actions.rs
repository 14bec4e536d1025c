//! The steps, and how each is carried out: what it does is with whom it happens to.

use scaleout_common::wire::OutcomeKind;

use crate::message::Message;
use crate::protocol::Protocol;
use crate::state::{Dispatch, Ended, Session, Stage, State, Task};

/// One step. Workers, masters and executions go by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Cancel { execution: u8 },
    CancelReads { execution: u8 },
    CancelWrites { execution: u8 },
    MakeDue { execution: u8 },
    StopOverdue { execution: u8 },
    FailOverdue { execution: u8 },
    Publish(Dispatch),
    Confirm(Dispatch),
    Sweep(Dispatch),
    Adopt(Dispatch, u8),
    SweepMarker(Dispatch),
    Notice { master: u8 },
    Declare { master: u8 },
    BeginEpoch { master: u8 },
    TakeTask { worker: u8, task: Task, stays: bool },
    Receive { message: Message, stays: bool },
    AnswerUncommitted { message: Message },
    AcknowledgeUncommitted { message: Message },
    Arrive { message: Message, stays: bool },
    Lose { message: Message },
    Wipe,
    Reconnect { worker: u8 },
    SayHello { worker: u8 },
    RepeatClaim { worker: u8, number: u8 },
    Start { worker: u8, task: Task },
    End { worker: u8, session: Session, task: Task, kind: OutcomeKind },
    PublishOutcome(Ended),
    SendStop(Session, Task),
    LearnEnded { worker: u8 },
    Drain { worker: u8 },
    Leave { worker: u8 },
    Fence { worker: u8 },
    KillWorker { worker: u8 },
    GuardKills { worker: u8 },
    Restart { worker: u8 },
    Disable { worker: u8 },
    Enable { worker: u8 },
    KillMaster { master: u8 },
    TakeLease(Session),
    Tick,
    Beat { worker: u8 },
    Look { worker: u8 },
    Renew { worker: u8, age: u8 },
    Renewed { worker: u8, age: u8 },
    Lead { master: u8 },
    Open { master: u8 },
    Close { master: u8 },
    Prove { master: u8 },
}

/// Whether a step is a fault, and costs one.
fn is_fault(protocol: &Protocol, action: &Action) -> bool {
    match action {
        Action::TakeTask { stays, .. } | Action::Receive { stays, .. } | Action::Arrive { stays, .. } => {
            *stays
        }
        Action::Fence { .. } => !protocol.scope.clock,
        Action::Lose { .. }
        | Action::Wipe
        | Action::Reconnect { .. }
        | Action::KillWorker { .. }
        | Action::KillMaster { .. }
        | Action::Drain { .. }
        | Action::Disable { .. }
        | Action::StopOverdue { .. } => true,
        _ => false,
    }
}

/// The step happens.
pub(crate) fn perform(protocol: &Protocol, state: &mut State, action: Action) {
    state.faults -= u8::from(is_fault(protocol, &action));
    match action {
        Action::TakeTask { worker, task, stays } => {
            state.consume(&Message::Task(task), stays);
            state.take_task(worker, task);
        }
        Action::Receive { message, stays } => {
            state.consume(&message, stays);
            state.receive(protocol, &message);
        }
        Action::AnswerUncommitted { message } => state.answer_uncommitted(protocol, &message),
        Action::Arrive { message, stays } => {
            state.consume(&message, stays);
            state.arrive(protocol, message);
        }
        Action::Lose { message } | Action::AcknowledgeUncommitted { message } => {
            state.broker.remove(&message)
        }
        Action::Wipe => state.wipe(),
        action => perform_at(protocol, state, action),
    }
}

fn perform_at(protocol: &Protocol, state: &mut State, action: Action) {
    match action {
        Action::SayHello { worker } => state.say_hello(worker),
        Action::RepeatClaim { worker, number } => state.repeat_claim(worker, number),
        Action::Start { worker, task } => state.start(worker, task),
        Action::End { worker, session, task, kind } => state.end(worker, (session, task), kind),
        Action::PublishOutcome(ended) => state.publish_outcome(protocol, ended),
        Action::SendStop(session, task) => state.answer_to(Message::Stop { session, task }),
        Action::LearnEnded { worker } | Action::Fence { worker } => state.over(worker),
        Action::Drain { worker } => state.drain(worker),
        Action::Leave { worker } => {
            state.broker.send(Message::Leaving { session: state.session(worker) });
            state.over(worker);
        }
        Action::KillWorker { worker } => state.kill_worker(protocol, worker),
        Action::GuardKills { worker } => state.worker_mut(worker).processes.clear(),
        Action::Restart { worker } => state.restart(worker),
        Action::Reconnect { worker } => state.reconnect(protocol, worker),
        Action::Disable { worker } => state.catalog.workers[usize::from(worker)].1 = false,
        Action::Enable { worker } => state.catalog.workers[usize::from(worker)].1 = true,
        Action::Tick => state.tick(),
        Action::Beat { worker } => state.beat(worker),
        Action::Look { worker } => state.look(worker),
        Action::Renew { worker, age } => state.renew(worker, age),
        Action::Renewed { worker, age } => state.renewed(protocol, worker, age),
        action => perform_above(protocol, state, action),
    }
}

/// What masters do by themselves, and users.
fn perform_above(protocol: &Protocol, state: &mut State, action: Action) {
    let place = usize::from;
    match action {
        Action::Cancel { execution } => state.cancel(execution),
        Action::CancelReads { execution } => {
            state.seen.cancel_read[place(execution)] =
                Some(state.catalog.executions[place(execution)].status);
        }
        Action::CancelWrites { execution } => {
            if let Some(read) = state.seen.cancel_read[place(execution)].take() {
                state.cancel_if(execution, read);
                state.seen.canceled[place(execution)] = true;
            }
        }
        Action::MakeDue { execution } => {
            let alive = state.masters.iter().position(|master| master.alive);
            state.make_due(execution, alive.expect("only a living master makes executions due") as u8);
        }
        Action::StopOverdue { execution } => state.stop_overdue(execution),
        Action::FailOverdue { execution } => state.fail_overdue(execution),
        Action::Publish(row) => state.publish(protocol, row),
        Action::Confirm(row) => state.change(row, Some(Dispatch { stage: Stage::Confirmed, ..row })),
        Action::Sweep(row) => state.change(row, None),
        Action::Adopt(row, master) => {
            state.change(row, Some(Dispatch { master, stage: Stage::Waiting, ..row }))
        }
        Action::SweepMarker(row) => state.change(row, Some(Dispatch { stage: Stage::Waiting, ..row })),
        Action::Notice { master } => state.notice(protocol, master),
        Action::Declare { master } => {
            let repair = state.masters[place(master)].repair.expect("a master declares what it repairs with");
            state.declare(master, repair);
        }
        Action::BeginEpoch { master } => {
            let repair =
                state.masters[place(master)].repair.expect("a master begins the epoch it repairs for");
            state.begin_epoch(protocol, master, repair);
        }
        Action::KillMaster { master } => state.kill_master(master),
        Action::TakeLease(session) => state.end_session(session),
        Action::Lead { master } => state.leader = Some(master),
        Action::Open { master } => {
            (state.masters[place(master)].open, state.masters[place(master)].fresh) = (true, true);
        }
        Action::Close { master } => state.masters[place(master)].open = false,
        Action::Prove { master } => state.prove(protocol, master),
        other => unreachable!("{other:?} is performed elsewhere"),
    }
}

impl State {
    fn consume(&mut self, message: &Message, stays: bool) {
        if !stays {
            self.broker.remove(message);
        }
    }

    fn repeat_claim(&mut self, worker: u8, number: u8) {
        let session = self.session(worker);
        if let Some(claim) = self.worker(worker).claims.iter().find(|claim| claim.number == number) {
            let task = claim.task;
            self.broker.send(Message::Claim { session, number, task });
        }
    }

    fn arrive(&mut self, protocol: &Protocol, message: Message) {
        match message {
            Message::Welcome { session } => self.welcomed(session),
            Message::Refused { session, highest } => self.refused(session, highest),
            Message::Answer { session, number, task, verdict } => {
                self.answered(protocol, session, number, task, verdict);
            }
            Message::Applied { session, task } => self.applied(session, task),
            Message::Stop { session, task } => self.stop(protocol, session, task),
            other => unreachable!("{other:?} is in no inbox"),
        }
    }
}
