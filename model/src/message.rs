//! What travels. One message stands for one copy; a second copy on the way is the fault `Duplicate`.

use scaleout_common::wire::{ClaimVerdict, OutcomeKind};

use crate::state::{Ended, Session, Task};

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    Task(Task),
    Hello { session: Session, previous: Vec<Ended> },
    Leaving { session: Session },
    Claim { session: Session, number: u8, task: Task },
    Outcome(Ended),
    Welcome { session: Session },
    Refused { session: Session, highest: u8 },
    Answer { session: Session, number: u8, task: Task, verdict: ClaimVerdict },
    Applied { session: Session, task: Task },
    Stop { session: Session, task: Task },
}

impl Message {
    /// Whose inbox it is in; `None` for the shared queues.
    pub fn inbox(&self) -> Option<u8> {
        match self {
            Self::Welcome { session }
            | Self::Refused { session, .. }
            | Self::Answer { session, .. }
            | Self::Applied { session, .. }
            | Self::Stop { session, .. } => Some(session.worker),
            Self::Task(_)
            | Self::Hello { .. }
            | Self::Leaving { .. }
            | Self::Claim { .. }
            | Self::Outcome(_) => None,
        }
    }

    /// Orders messages, so that states that differ only in the order of arrival are one.
    pub(crate) fn key(&self) -> u64 {
        let session = |session: &Session| u64::from(session.worker) << 8 | u64::from(session.counter);
        let task = |task: &Task| (u64::from(task.execution) << 8 | u64::from(task.attempt)) << 16;
        let number = |number: u8| u64::from(number) << 32;
        let place = |place: u64| place << 56;
        match self {
            Self::Task(of) => task(of),
            Self::Hello { session: of, previous } => place(1) | session(of) | number(previous.len() as u8),
            Self::Leaving { session: of } => place(2) | session(of),
            Self::Claim { session: by, number: as_, task: of } => {
                place(3) | session(by) | task(of) | number(*as_)
            }
            Self::Outcome(Ended { session: by, task: of, kind }) => {
                place(4) | session(by) | task(of) | number(kind_code(*kind))
            }
            Self::Welcome { session: of } => place(5) | session(of),
            Self::Refused { session: of, highest } => place(6) | session(of) | number(*highest),
            Self::Answer { session: by, number: as_, task: of, verdict } => {
                place(7) | session(by) | task(of) | number(*as_) | (*verdict as u64) << 40
            }
            Self::Applied { session: by, task: of } => place(8) | session(by) | task(of),
            Self::Stop { session: by, task: of } => place(9) | session(by) | task(of),
        }
    }
}

fn kind_code(kind: OutcomeKind) -> u8 {
    u8::try_from(kind.code()).expect("the codes of outcomes are 1 to 5")
}
