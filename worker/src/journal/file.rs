//! The journal's file. Owns what it holds and where it ends; knows nothing of threads and sessions.
//!
//! Only added outcomes are synced to disk: an outcome that was taken out and is there again after a crash travels
//! once more, and matches nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use scaleout_common::ids::{Attempt, ExecutionId, SessionId};
use scaleout_common::wire::{DecodeError, Kind, Outcome, Outcomes, OutcomesApplied, decode, encode};

use super::frame::{HEADER, Next, frame, frame_bytes, next};
use crate::session::portions;

/// Bytes that need no keeping, beyond as many as are kept, before the file is written anew.
const DEAD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Keys in one removing frame at most.
const KEYS_PER_FRAME: usize = 10_000;

/// Names an outcome in the journal.
pub(super) type Key = (SessionId, ExecutionId, Attempt);

/// The outcomes of a journal, and nothing else of it.
pub(super) type Kept = BTreeMap<Key, Outcome>;

/// An open journal.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    /// Up to here the file is whole; a failed write may have left bytes behind it.
    end: u64,
    /// The outcomes that are kept, with what each takes.
    live: BTreeMap<Key, u64>,
    /// Not written anew while it is shorter: the disk had no room for it.
    compact_from: u64,
}

impl JournalFile {
    /// Opens the journal in `folder`, whose lock the caller's worker must hold, and gives what it keeps. What a crash
    /// tore off is cut; from a damaged place on nothing can be read, which is logged and put aside for people.
    ///
    /// # Errors
    /// The file cannot be opened, read or cut.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Kept)> {
        let path = folder.join("outcomes.journal");
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        let bytes = file.metadata()?.len();
        // A new file is there after a crash of the machine only if its folder knows of it.
        File::open(folder)?.sync_all()?;
        let (kept, end) = replay(&file, &path)?;
        if end < bytes {
            put_aside(&path, end, bytes);
            file.set_len(end)?;
        }
        let live = kept.iter().map(|(key, outcome)| (*key, size(outcome))).collect();
        let mut journal = Self { path, file, end, live, compact_from: 0 };
        if journal.live.is_empty() {
            journal.empty()?;
        }
        Ok((journal, kept))
    }

    pub(super) fn keeps(&self, key: &Key) -> bool {
        self.live.contains_key(key)
    }

    /// The kept outcomes of all sessions but this one.
    pub(super) fn others(&self, session: SessionId) -> Vec<Key> {
        self.live.keys().filter(|key| key.0 != session).copied().collect()
    }

    /// Adds outcomes and takes others out. On success what was added is on disk.
    ///
    /// # Errors
    /// Nothing of it counts then, and it may be tried again.
    pub(super) fn change(&mut self, added: &Kept, removed: &BTreeSet<Key>) -> io::Result<()> {
        if added.is_empty() && self.live.keys().all(|key| removed.contains(key)) {
            return self.empty();
        }
        let mut bytes = if self.end == 0 { HEADER.to_vec() } else { Vec::new() };
        for body in added_bodies(added).into_iter().chain(removed_bodies(removed)) {
            bytes.extend_from_slice(&frame(&body));
        }
        // Also cuts what a write that failed has left.
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        if !added.is_empty() {
            self.file.sync_data()?;
        }
        self.end += bytes.len() as u64;
        self.live.retain(|key, _| !removed.contains(key));
        self.live.extend(added.iter().map(|(key, outcome)| (*key, size(outcome))));
        let live: u64 = self.live.values().sum();
        if self.end > (2 * live + DEAD_BYTES_MAX).max(self.compact_from) {
            self.compact_or_say();
        }
        Ok(())
    }

    /// The change stands either way: told that it failed, its writer would add everything again, and the file would
    /// grow without bound.
    fn compact_or_say(&mut self) {
        match self.compact() {
            Ok(()) => self.compact_from = 0,
            Err(error) => {
                self.compact_from = self.end + DEAD_BYTES_MAX;
                tracing::error!(
                    %error, path = %self.path.display(), bytes = self.end, again_from_bytes = self.compact_from,
                    "the journal of outcomes cannot be written anew without what needs no keeping: it grows \
                     meanwhile; look at the disk of setting worker.data_folder"
                );
                // A part of it would only fill the disk further; the next try begins from nothing either way.
                let _ = fs::remove_file(self.new_path());
            }
        }
    }

    fn new_path(&self) -> PathBuf {
        self.path.with_extension("new")
    }

    fn empty(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.end = 0;
        self.live.clear();
        Ok(())
    }

    /// Writes what is kept to a new file, which takes the old one's place in one step.
    fn compact(&mut self) -> io::Result<()> {
        let new_path = self.new_path();
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let mut new = options.open(&new_path)?;
        new.write_all(HEADER)?;
        let mut end = HEADER.len() as u64;
        self.file.seek(SeekFrom::Start(HEADER.len() as u64))?;
        let mut old = BufReader::new(&self.file).take(self.end - HEADER.len() as u64);
        while let Next::Body(body) = next(&mut old)? {
            let Ok(Change::Added(mut report)) = Change::read(&body) else { continue };
            let session = report.session;
            report.outcomes.retain(|one| self.live.contains_key(&(session, one.execution, one.attempt)));
            if !report.outcomes.is_empty() {
                let bytes = frame(&encode(&report).map_err(io::Error::other)?);
                new.write_all(&bytes)?;
                end += bytes.len() as u64;
            }
        }
        new.sync_all()?;
        fs::rename(&new_path, &self.path)?;
        (self.file, self.end) = (new, end);
        let folder = self.path.parent().expect("the journal lies in a folder");
        File::open(folder)?.sync_all()
    }
}

/// What a frame's body says.
enum Change {
    Added(Outcomes),
    Removed(OutcomesApplied),
}

impl Change {
    fn read(body: &[u8]) -> Result<Self, DecodeError> {
        match Kind::of(body) {
            Some(Kind::OutcomesApplied) => decode(body).map(Self::Removed),
            _ => decode(body).map(Self::Added),
        }
    }
}

/// What the file keeps, and up to where it is whole.
fn replay(file: &File, path: &Path) -> io::Result<(Kept, u64)> {
    let mut reader = BufReader::new(file);
    let mut header = Vec::new();
    reader.by_ref().take(HEADER.len() as u64).read_to_end(&mut header)?;
    let mut kept = Kept::new();
    if header != HEADER {
        return Ok((kept, 0));
    }
    let mut end = HEADER.len() as u64;
    while let Next::Body(body) = next(&mut reader)? {
        match Change::read(&body) {
            Ok(Change::Added(Outcomes { session, outcomes })) => {
                let keyed = outcomes.into_iter().map(|one| ((session, one.execution, one.attempt), one));
                kept.extend(keyed);
            }
            Ok(Change::Removed(OutcomesApplied { session, applied })) => {
                for (execution, attempt) in applied {
                    kept.remove(&(session, execution, attempt));
                }
            }
            Err(error) => {
                tracing::error!(%error, path = %path.display(), at = end, "a whole frame of the journal cannot be read");
                return Ok((kept, end));
            }
        }
        end += frame_bytes(&body);
    }
    Ok((kept, end))
}

/// A torn tail is what a crash leaves, and its outcomes were never said to be kept; anything else is worth a look.
/// A disk without room for the copy does not keep the worker from starting.
fn put_aside(path: &Path, end: u64, bytes: u64) {
    let aside = path.with_extension("journal.damaged");
    if let Err(error) = fs::copy(path, &aside) {
        tracing::error!(%error, copy = %aside.display(), "a damaged journal cannot be copied for people to look at");
    }
    tracing::error!(
        path = %path.display(), whole_bytes = end, lost_bytes = bytes - end, copy = %aside.display(),
        "the journal of outcomes is not whole: a crash tore its end off, or it was damaged; what comes before is \
         kept, outcomes behind are lost and their executions may run again"
    );
}

fn added_bodies(added: &Kept) -> Vec<Vec<u8>> {
    let mut sessions: BTreeMap<SessionId, Vec<Outcome>> = BTreeMap::new();
    for ((session, _, _), outcome) in added {
        sessions.entry(*session).or_default().push(outcome.clone());
    }
    let reports = sessions.into_iter().flat_map(|(session, outcomes)| {
        portions(outcomes).into_iter().map(move |outcomes| Outcomes { session, outcomes })
    });
    reports.map(|report| encode(&report).expect("a portion fits a message")).collect()
}

fn removed_bodies(removed: &BTreeSet<Key>) -> Vec<Vec<u8>> {
    let mut sessions: BTreeMap<SessionId, Vec<(ExecutionId, Attempt)>> = BTreeMap::new();
    for (session, execution, attempt) in removed {
        sessions.entry(*session).or_default().push((*execution, *attempt));
    }
    let mut bodies = Vec::new();
    for (session, keys) in sessions {
        for part in keys.chunks(KEYS_PER_FRAME) {
            let applied = OutcomesApplied { session, applied: part.to_vec() };
            bodies.push(encode(&applied).expect("a few thousand keys fit a message"));
        }
    }
    bodies
}

/// What an outcome takes in the file, about.
fn size(outcome: &Outcome) -> u64 {
    let texts = [&outcome.error, &outcome.result].into_iter().flatten().map(String::len).sum::<usize>();
    super::carried::OUTCOME_BYTES as u64 + texts as u64
}

#[cfg(test)]
mod tests;
