//! The journal's one thread: it waits for the disk, so that no session does.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use scaleout_common::ids::{Attempt, ExecutionId, SessionId, WorkerId};
use scaleout_common::wire::{Outcome, Outcomes};
use tokio::sync::{mpsc, oneshot};

use super::file::{JournalFile, Kept, Key};

/// How long a session's end waits for the thread to take its last news, and the worker's end for the disk.
const LAST_MAX: Duration = Duration::from_secs(5);

/// What a session tells its journal, many turns of its loop in one.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) session: SessionId,
    /// Ended attempts that no master has applied yet.
    pub(crate) added: Vec<Outcome>,
    /// What masters have applied since.
    pub(crate) applied: Vec<(ExecutionId, Attempt)>,
    /// The session is welcome: what its hello carried of the sessions before is in the catalog.
    pub(crate) welcome: bool,
}

/// The journal of this worker. While one batch waits for the disk the session gathers the next, and what it learns is
/// applied meanwhile is never written: that is what bounds the journal's work and memory.
#[derive(Debug)]
pub(crate) struct Journal {
    batches: mpsc::Sender<Batch>,
    ended: oneshot::Receiver<()>,
}

impl Journal {
    /// Opens the journal of `worker` in its data folder, and gives what it keeps by session. Only while this process's
    /// guard holds the folder's lock: then nothing of the sessions before runs, and nobody else writes here.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub(crate) fn open(folder: &Path, worker: WorkerId) -> io::Result<(Self, Vec<Outcomes>)> {
        let (file, kept) = JournalFile::open(folder)?;
        // One batch waits while another is written; more would only be older.
        let (batches, received) = mpsc::channel(1);
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("journal".to_owned());
        thread.spawn(move || {
            Writer::new(file).run(received);
            // Whoever waited may be gone.
            let _ = end.send(());
        })?;
        Ok((Self { batches, ended }, by_session(kept, worker)))
    }

    /// Gives the thread what `batch` makes, unless it is still busy with what it has.
    pub(crate) fn hand_over(&self, batch: impl FnOnce() -> Batch) {
        if let Ok(free) = self.batches.try_reserve() {
            free.send(batch());
        }
    }

    /// Gives the thread the last news of a session that ends.
    pub(crate) async fn hand_over_last(&self, batch: Batch) {
        if self.batches.send_timeout(batch, LAST_MAX).await.is_err() {
            tracing::error!(
                "the disk holds up the journal: the last outcomes of the session are in memory only"
            );
        }
    }

    /// Waits until everything is written.
    pub(crate) async fn close(self) {
        drop(self.batches);
        if tokio::time::timeout(LAST_MAX, self.ended).await.is_err() {
            tracing::error!("the disk holds up the journal: it is left as it is");
        }
    }
}

/// Outcomes of another worker, whose journal came with a copied folder, are not ours to report.
fn by_session(kept: Kept, worker: WorkerId) -> Vec<Outcomes> {
    let mut sessions: BTreeMap<SessionId, Vec<Outcome>> = BTreeMap::new();
    let mut foreign = 0;
    for ((session, _, _), outcome) in kept {
        if session.worker == worker {
            sessions.entry(session).or_default().push(outcome);
        } else {
            foreign += 1;
        }
    }
    if foreign > 0 {
        tracing::warn!(foreign, "the journal holds outcomes of another worker, which are left out");
    }
    sessions.into_iter().map(|(session, outcomes)| Outcomes { session, outcomes }).collect()
}

/// What the thread owns.
struct Writer {
    file: JournalFile,
    /// To be written. Also what could not be: it is tried again with the next batch.
    added: Kept,
    removed: BTreeSet<Key>,
    /// Writes that failed since the last that did not.
    failures: u64,
}

impl Writer {
    fn new(file: JournalFile) -> Self {
        Self { file, added: Kept::new(), removed: BTreeSet::new(), failures: 0 }
    }

    fn run(mut self, mut batches: mpsc::Receiver<Batch>) {
        while let Some(batch) = batches.blocking_recv() {
            self.take(batch);
            while let Ok(batch) = batches.try_recv() {
                self.take(batch);
            }
            self.write();
        }
    }

    fn take(&mut self, batch: Batch) {
        let session = batch.session;
        if batch.welcome {
            self.added.retain(|key, _| key.0 == session);
            self.removed.extend(self.file.others(session));
        }
        for outcome in batch.added {
            self.added.insert((session, outcome.execution, outcome.attempt), outcome);
        }
        for (execution, attempt) in batch.applied {
            let key = (session, execution, attempt);
            // What was never written needs no taking out.
            if self.added.remove(&key).is_none() && self.file.keeps(&key) {
                self.removed.insert(key);
            }
        }
    }

    /// A full disk stops nobody: the outcomes are published all the same, and only a crash before a master has
    /// applied them lets their executions run again.
    fn write(&mut self) {
        if self.added.is_empty() && self.removed.is_empty() {
            return;
        }
        match self.file.change(&self.added, &self.removed) {
            Ok(()) => {
                if self.failures > 0 {
                    tracing::info!(failures = self.failures, "the journal of outcomes can be written again");
                }
                self.failures = 0;
                self.added.clear();
                self.removed.clear();
            }
            Err(error) => {
                if self.failures == 0 {
                    tracing::error!(
                        %error, outcomes = self.added.len(),
                        "the journal of outcomes cannot be written: what ends now runs again if this worker dies \
                         before a master has its outcome; look at the disk of setting worker.data_folder"
                    );
                }
                self.failures += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaleout_common::wire::OutcomeKind;
    use uuid::Uuid;

    fn session(counter: u64) -> SessionId {
        SessionId { worker: WorkerId(Uuid::nil()), counter }
    }

    fn outcome(number: u128) -> Outcome {
        let execution = ExecutionId(Uuid::from_u128(number));
        Outcome { execution, attempt: 1, kind: OutcomeKind::Succeeded, error: None, result: None }
    }

    fn batch(counter: u64, added: &[u128], applied: &[u128]) -> Batch {
        Batch {
            session: session(counter),
            added: added.iter().map(|number| outcome(*number)).collect(),
            applied: applied.iter().map(|number| (outcome(*number).execution, 1)).collect(),
            welcome: false,
        }
    }

    fn kept(folder: &Path) -> Vec<Outcomes> {
        by_session(JournalFile::open(folder).unwrap().1, session(0).worker)
    }

    fn bytes(folder: &Path) -> u64 {
        folder.join("outcomes.journal").metadata().unwrap().len()
    }

    #[test]
    fn what_is_applied_before_the_disk_is_asked_is_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::new(JournalFile::open(folder.path()).unwrap().0);
        writer.take(batch(1, &[1, 2], &[]));
        writer.take(batch(1, &[], &[1, 2]));
        writer.write();
        assert_eq!(bytes(folder.path()), 0);
        writer.take(batch(1, &[3, 4], &[]));
        writer.write();
        writer.take(batch(1, &[], &[3]));
        writer.write();
        assert_eq!(kept(folder.path()), [Outcomes { session: session(1), outcomes: vec![outcome(4)] }]);
    }

    #[tokio::test]
    async fn only_a_welcome_takes_out_what_the_hello_carried() {
        let folder = tempfile::tempdir().unwrap();
        let (journal, nothing) = Journal::open(folder.path(), session(0).worker).unwrap();
        assert_eq!(nothing, []);
        journal.hand_over_last(batch(1, &[1], &[])).await;
        journal.close().await;
        let (journal, carried) = Journal::open(folder.path(), session(0).worker).unwrap();
        assert_eq!(carried, [Outcomes { session: session(1), outcomes: vec![outcome(1)] }]);
        journal.hand_over_last(batch(2, &[2], &[])).await;
        journal.close().await;
        assert_eq!(kept(folder.path()).len(), 2, "no welcome yet");
        let (journal, _) = Journal::open(folder.path(), session(0).worker).unwrap();
        journal.hand_over_last(Batch { welcome: true, ..batch(3, &[3], &[]) }).await;
        journal.close().await;
        assert_eq!(kept(folder.path()), [Outcomes { session: session(3), outcomes: vec![outcome(3)] }]);
        let (_, others) = Journal::open(folder.path(), WorkerId(Uuid::from_u128(8))).unwrap();
        assert_eq!(others, [], "another worker's");
    }
}
