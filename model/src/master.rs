//! Masters: publishing, taking over, repairing a lost broker, receiving what workers send. A master that has
//! received something does it in one transaction; so which master it was makes no difference, only that one lives.

use scaleout_common::status::Status;

use crate::guards::Guard;
use crate::message::Message;
use crate::protocol::Protocol;
use crate::scope::Fault;
use crate::state::{Dispatch, Repair, Stage, State, Task};

impl State {
    /// `dispatcher.rs`: publishes a row's messages; the broker confirms. What may come between that and the catalog's
    /// knowing it makes a difference only if the broker is lost; else it doubles a message, which is a fault by itself.
    pub(crate) fn publish(&mut self, protocol: &Protocol, row: Dispatch) {
        self.broker.send(Message::Task(row.task));
        let stage = if protocol.scope.has(Fault::Wipe) { Stage::Published } else { Stage::Confirmed };
        self.change(row, Some(Dispatch { stage, ..row }));
    }

    /// Changes a dispatch row, or removes it.
    pub(crate) fn change(&mut self, row: Dispatch, to: Option<Dispatch>) {
        self.catalog.dispatches.retain(|other| *other != row);
        if let Some(to) = to {
            self.dispatch(to);
        }
    }

    /// A master dies: what it knew and the catalog does not is gone.
    pub(crate) fn kill_master(&mut self, master: u8) {
        let found = &mut self.masters[usize::from(master)];
        (found.alive, found.open, found.repair) = (false, false, None);
        for row in self.catalog.dispatches.iter_mut().filter(|row| row.master == master) {
            if row.stage == Stage::Published {
                row.stage = Stage::Waiting;
            }
        }
        self.catalog.dispatches.sort_unstable();
        self.catalog.dispatches.dedup();
        self.leader = self.leader.filter(|leader| *leader != master);
    }

    /// What workers send, in one transaction, then its answer.
    pub(crate) fn receive(&mut self, protocol: &Protocol, message: &Message) {
        match message {
            Message::Hello { session, previous } => {
                let answer = match self.hello(protocol, *session, previous) {
                    Ok(()) => Message::Welcome { session: *session },
                    Err(highest) => Message::Refused { session: *session, highest },
                };
                self.answer_to(answer);
            }
            Message::Leaving { session } => self.end_session(*session),
            Message::Claim { session, number, task } => {
                if let Some(verdict) = self.grant(protocol, *session, *number, *task) {
                    let answer = Message::Answer { session: *session, number: *number, task: *task, verdict };
                    self.answer_to(answer);
                }
            }
            Message::Outcome(ended) => {
                self.apply(protocol, *ended);
                self.answer_to(Message::Applied { session: ended.session, task: ended.task });
            }
            _ => {}
        }
    }

    /// The answer to an inbox that is gone is dropped.
    pub(crate) fn answer_to(&mut self, answer: Message) {
        let session = match &answer {
            Message::Welcome { session }
            | Message::Refused { session, .. }
            | Message::Answer { session, .. }
            | Message::Applied { session, .. }
            | Message::Stop { session, .. } => *session,
            _ => return,
        };
        if self.session(session.worker) == session
            && self.worker(session.worker).phase != crate::state::Phase::Down
        {
            self.broker.send(answer);
        }
    }

    /// The broken order: the master answers, and dies before its commit.
    pub(crate) fn answer_uncommitted(&mut self, protocol: &Protocol, message: &Message) {
        let mut committed = self.clone();
        committed.receive(protocol, message);
        self.broker = committed.broker;
    }

    /// A master sees that the sentinel of the catalog's epoch is gone, and makes up the next one.
    pub(crate) fn notice(&mut self, protocol: &Protocol, master: u8) {
        let seen = self.catalog.epoch;
        let sentinel = if protocol.guards.hold(Guard::SentinelUnique) {
            self.broker.minted += 1;
            self.broker.minted
        } else {
            seen + 1
        };
        let repair = Repair { seen, sentinel, declared: false, dispatched: false };
        self.masters[usize::from(master)].repair = Some(repair);
    }

    /// Declares the new sentinel queue.
    pub(crate) fn declare(&mut self, master: u8, repair: Repair) {
        if !self.broker.sentinels.contains(&repair.sentinel) {
            self.broker.sentinels.push(repair.sentinel);
            self.broker.sentinels.sort_unstable();
        }
        let after = Repair { declared: true, ..repair };
        self.masters[usize::from(master)].repair = Some(after).filter(|after| !after.dispatched);
    }

    /// One master wins the compare-and-set on the epoch, and in that transaction writes dispatch rows for all that is
    /// pending. The others remove what they declared.
    pub(crate) fn begin_epoch(&mut self, protocol: &Protocol, master: u8, repair: Repair) {
        let after = Repair { dispatched: true, ..repair };
        self.masters[usize::from(master)].repair = Some(after).filter(|after| !after.declared);
        if self.catalog.epoch != repair.seen {
            if protocol.guards.hold(Guard::SentinelUnique) {
                self.broker.sentinels.retain(|sentinel| *sentinel != repair.sentinel);
            }
            self.masters[usize::from(master)].repair = None;
            return;
        }
        self.catalog.epoch = repair.sentinel;
        for execution in 0..protocol.scope.executions {
            let row = &self.catalog.executions[usize::from(execution)];
            if row.status == Status::Pending {
                let task = Task { execution, attempt: row.attempt };
                self.dispatch(Dispatch { task, master, stage: Stage::Waiting });
            }
        }
    }

    /// Whether a marker that has come out would show that this execution's message is lost.
    pub(crate) fn lost_message(&self, task: Task) -> bool {
        let execution = self.execution(task);
        let waits = execution.status == Status::Pending && execution.attempt == task.attempt;
        let held = self.workers.iter().any(|worker| worker.claims.iter().any(|claim| claim.task == task));
        waits && !held && !self.broker.holds(|message| *message == Message::Task(task))
    }
}
