//! The variables of one attempt: one task owns them all and moves beside the package; the others ask it.
//!
//! What a name means and what may be written is decided by [`scaleout_package::frames`].

use std::collections::{BTreeMap, BTreeSet};

use scaleout_package::budget::Kept;
use scaleout_package::frames::{Beginning, Change, Frame, FrameId, Frames, WriteError};
use tokio::sync::{mpsc, oneshot};

/// Asks the owner. Nobody waits for room to ask: a container asks between its tasks, and room that is kept for one of those
/// would come to nobody meanwhile. As many questions wait as there are things that run, each with one.
#[derive(Clone, Debug)]
pub(super) struct Variables(mpsc::UnboundedSender<Question>);

/// Owns the variables.
#[derive(Debug)]
pub(super) struct Owner {
    frames: Frames,
    /// Writes of watched variables that their writer has not asked for yet, oldest first, by its path.
    changes: BTreeMap<String, Vec<Change>>,
    questions: mpsc::UnboundedReceiver<Question>,
}

#[derive(Debug)]
enum Question {
    Open {
        around: Option<FrameId>,
        beginning: Beginning,
        answer: oneshot::Sender<FrameId>,
    },
    Watch {
        frame: FrameId,
        names: BTreeSet<String>,
        answer: oneshot::Sender<()>,
    },
    Changes {
        by: String,
        answer: oneshot::Sender<Vec<Change>>,
    },
    Close {
        frame: FrameId,
        answer: oneshot::Sender<()>,
    },
    Seen {
        from: FrameId,
        answer: oneshot::Sender<Vec<Frame>>,
    },
    Write {
        from: FrameId,
        by: String,
        name: String,
        value: Kept,
        answer: oneshot::Sender<Result<(), WriteError>>,
    },
}

const OWNER_LIVES: &str = "the owner moves beside the package for as long as anything in it runs";

pub(super) fn variables() -> (Variables, Owner) {
    let (sender, questions) = mpsc::unbounded_channel();
    (Variables(sender), Owner { frames: Frames::default(), changes: BTreeMap::new(), questions })
}

impl Variables {
    pub(super) async fn open(&self, around: Option<FrameId>, beginning: Beginning) -> FrameId {
        self.ask(|answer| Question::Open { around, beginning, answer }).await
    }

    /// From now on writes of these variables of a frame are kept for [`take_changes`](Self::take_changes).
    pub(super) async fn watch(&self, frame: FrameId, names: BTreeSet<String>) {
        self.ask(|answer| Question::Watch { frame, names, answer }).await;
    }

    /// What `by` has written to watched variables since it last asked. Nobody else is told: who has written waits for
    /// the handlers, and where it stands decides which they are.
    pub(super) async fn take_changes(&self, by: &str) -> Vec<Change> {
        let by = by.to_owned();
        self.ask(|answer| Question::Changes { by, answer }).await
    }

    pub(super) async fn close(&self, frame: FrameId) {
        self.ask(|answer| Question::Close { frame, answer }).await;
    }

    /// The frames that are seen from `from`, outermost first, as they are now.
    pub(super) async fn seen_from(&self, from: FrameId) -> Vec<Frame> {
        self.ask(|answer| Question::Seen { from, answer }).await
    }

    /// Writes the innermost variable `name` that is seen from `from`; who looks afterwards sees it. `by` is the
    /// path of who writes.
    ///
    /// # Errors
    /// There is none, or it cannot hold `value`.
    pub(super) async fn write(
        &self,
        from: FrameId,
        by: &str,
        name: &str,
        value: Kept,
    ) -> Result<(), WriteError> {
        let (by, name) = (by.to_owned(), name.to_owned());
        self.ask(|answer| Question::Write { from, by, name, value, answer }).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> T {
        let (answer, answered) = oneshot::channel();
        self.0.send(question(answer)).expect(OWNER_LIVES);
        answered.await.expect(OWNER_LIVES)
    }
}

impl Owner {
    /// Answers until nobody can ask any more.
    pub(super) async fn answer(mut self) {
        while let Some(question) = self.questions.recv().await {
            // Who does not wait for the answer any more was dropped, and needs none.
            match question {
                Question::Open { around, beginning, answer } => {
                    let _ = answer.send(self.frames.open(around, beginning));
                }
                Question::Watch { frame, names, answer } => {
                    self.frames.watch(frame, names);
                    let _ = answer.send(());
                }
                Question::Changes { by, answer } => {
                    let _ = answer.send(self.changes.remove(&by).unwrap_or_default());
                }
                Question::Close { frame, answer } => {
                    self.frames.close(frame);
                    let _ = answer.send(());
                }
                Question::Seen { from, answer } => {
                    let _ = answer.send(self.frames.seen_from(from));
                }
                Question::Write { from, by, name, value, answer } => {
                    let _ = answer.send(self.write(from, by, &name, value));
                }
            }
        }
    }

    fn write(&mut self, from: FrameId, by: String, name: &str, value: Kept) -> Result<(), WriteError> {
        if let Some(change) = self.frames.write(from, name, value)? {
            self.changes.entry(by).or_default().push(change);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use scaleout_package::{DataType, Value};

    use super::*;

    fn int(name: &str) -> Beginning {
        [(name.to_owned(), (DataType::Int64, value(0)))].into()
    }

    fn value(number: i64) -> Kept {
        Kept::uncounted(Value::Int64(number))
    }

    #[tokio::test]
    async fn what_is_written_is_seen_by_whoever_looks_afterwards() {
        let (variables, owner) = variables();
        let body = async {
            let package = variables.open(None, int("outer")).await;
            let inner = variables.open(Some(package), int("inner")).await;
            variables.write(inner, "a", "outer", value(5)).await.unwrap();
            let seen = variables.seen_from(package).await;
            assert_eq!(seen[0].get("outer"), Some(&Value::Int64(5)));
            assert_eq!(variables.seen_from(inner).await.len(), 2);
            assert!(variables.write(package, "a", "inner", value(0)).await.is_err());
            assert!(variables.take_changes("a").await.is_empty(), "it is not watched");
            variables.watch(package, ["outer".to_owned()].into()).await;
            variables.write(inner, "a", "outer", value(6)).await.unwrap();
            assert!(variables.take_changes("b").await.is_empty(), "another one wrote it");
            assert_eq!(variables.take_changes("a").await.len(), 1);
            assert!(variables.take_changes("a").await.is_empty(), "each is told once");
            variables.close(inner).await;
        };
        tokio::select! {
            biased;
            () = body => {}
            () = owner.answer() => unreachable!("somebody may still ask"),
        }
    }

    /// As the tasks of a container do while it asks itself: what they were given they cannot take.
    #[tokio::test]
    async fn who_asks_is_answered_whatever_others_do_with_their_turn() {
        let (variables, owner) = variables();
        let body = async {
            let package = variables.open(None, int("outer")).await;
            let mut others: Vec<_> = (0..1_000).map(|_| Box::pin(variables.seen_from(package))).collect();
            for other in &mut others {
                assert!(futures_util::poll!(other).is_pending());
            }
            assert_eq!(variables.seen_from(package).await.len(), 1);
        };
        tokio::select! {
            biased;
            () = body => {}
            () = owner.answer() => unreachable!("somebody may still ask"),
            () = tokio::time::sleep(std::time::Duration::from_secs(30)) => panic!("nobody answers"),
        }
    }
}
