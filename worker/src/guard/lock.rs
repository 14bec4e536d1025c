//! The worker's data folder as the guard process sees it: the lock, the worker's id, the session counter.
//!
//! Files: `lock` (flock; holds who has it, for people), `id` (a UUID, made once), `session` (the last counter).
//! Both of the latter are replaced whole and are on disk before anybody hears of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::process::Pid;
use scaleout_common::ids::{SessionId, WorkerId};
use uuid::Uuid;

use super::boot_time::boot_time;
use super::process::KILL_TIME_MAX;

/// Why the data folder could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    #[error("another worker holds the data folder")]
    Held(Holder),
    #[error("cannot {what} {path:?}: {source}")]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{path:?} holds {found:?}: expected {expected}; restore it, or remove it to let this folder become a new worker"
    )]
    Content { path: PathBuf, found: String, expected: &'static str },
}

/// Who holds the lock, as its file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) guard: Option<i32>,
    pub(super) worker: Option<i32>,
}

/// The lock of a data folder: free again when this is dropped or its process dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Locks `folder` for the worker process `worker` and begins its next session, with a counter above `above` and
/// above every one before.
pub(super) fn begin_session(folder: &Path, above: u64, worker: Pid) -> Result<(Lock, SessionId), LockError> {
    fs::create_dir_all(folder).map_err(|e| failed("make the folder", folder, e))?;
    let lock = take(&folder.join("lock"), worker)?;
    let id = worker_id(folder)?;
    let counter = next_counter(folder, above)?;
    Ok((lock, SessionId { worker: id, counter }))
}

/// How often a lock that is about to become free is tried again.
const TRY_EVERY: Duration = Duration::from_millis(10);

/// The longest wait for a guard whose worker is gone: it needs at most the time it has for killing.
const WAIT_MAX: Duration = KILL_TIME_MAX.saturating_add(Duration::from_secs(5));

fn take(path: &Path, worker: Pid) -> Result<Lock, LockError> {
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path).map_err(|e| failed("open", path, e))?;
    let begun = boot_time();
    while let Err(error) = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        if error != rustix::io::Errno::WOULDBLOCK && error != rustix::io::Errno::INTR {
            return Err(failed("lock", path, error.into()));
        }
        let holder = read_holder(&mut file);
        if !ends_soon(holder, worker) || boot_time().since(begun) > WAIT_MAX {
            return Err(LockError::Held(holder));
        }
        std::thread::sleep(TRY_EVERY);
    }
    let text = format!("guard {}\nworker {}\n", std::process::id(), worker.as_raw_nonzero());
    file.set_len(0).map_err(|e| failed("write", path, e))?;
    file.rewind().and_then(|()| file.write_all(text.as_bytes())).map_err(|e| failed("write", path, e))?;
    Ok(Lock { _file: file })
}

/// Whether the holder's worker is gone, or has begun anew: then its guard is only killing what is left.
fn ends_soon(holder: Holder, worker: Pid) -> bool {
    match holder.worker.and_then(Pid::from_raw) {
        // The holder has not written yet who it is.
        None => true,
        Some(held_by) => held_by == worker || rustix::process::test_kill_process(held_by).is_err(),
    }
}

fn read_holder(file: &mut File) -> Holder {
    const HOLDER_BYTES_MAX: u64 = 256;
    let mut text = String::new();
    // Only words for an error message: what cannot be read is left out of it.
    let _ = file.rewind().and_then(|()| file.take(HOLDER_BYTES_MAX).read_to_string(&mut text));
    parse_holder(&text)
}

fn parse_holder(text: &str) -> Holder {
    let find = |word: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(word)?.trim().parse::<i32>().ok().filter(|pid| *pid > 0))
    };
    Holder { guard: find("guard"), worker: find("worker") }
}

fn worker_id(folder: &Path) -> Result<WorkerId, LockError> {
    let path = folder.join("id");
    if let Some(text) = read_if_there(&path)? {
        let expected = "the worker's id, a UUID";
        return text.trim().parse().map_err(|_| LockError::Content { path, found: text, expected });
    }
    let id = WorkerId(Uuid::new_v4());
    replace(folder, &path, &format!("{id}\n"))?;
    Ok(id)
}

fn next_counter(folder: &Path, above: u64) -> Result<u64, LockError> {
    let path = folder.join("session");
    let last = match read_if_there(&path)? {
        None => 0,
        Some(text) => {
            let parsed = text.trim().parse::<u64>();
            let expected = "the number of the last session";
            parsed.map_err(|_| LockError::Content { path: path.clone(), found: text, expected })?
        }
    };
    let next = last.max(above).saturating_add(1);
    replace(folder, &path, &format!("{next}\n"))?;
    Ok(next)
}

fn read_if_there(path: &Path) -> Result<Option<String>, LockError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, error)),
    }
}

/// Replaces `path` in one step; on return the new text is on disk.
fn replace(folder: &Path, path: &Path, text: &str) -> Result<(), LockError> {
    let new = path.with_extension("new");
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|e| failed("write", &new, e))?;
    fs::rename(&new, path).map_err(|e| failed("replace", path, e))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| failed("sync", folder, e))
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> LockError {
    LockError::Io { what, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> Pid {
        rustix::process::getpid()
    }

    #[test]
    fn the_id_stays_and_the_counter_rises() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("worker");
        let (lock, first) = begin_session(&data, 0, me()).unwrap();
        drop(lock);
        let (lock, second) = begin_session(&data, 0, me()).unwrap();
        drop(lock);
        let (_lock, third) = begin_session(&data, 41, me()).unwrap();
        assert_eq!([first.counter, second.counter, third.counter], [1, 2, 42]);
        assert_eq!([first.worker, second.worker], [third.worker; 2]);
    }

    #[test]
    fn a_held_folder_names_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let (_lock, _) = begin_session(folder.path(), 0, me()).unwrap();
        // Process 1 is alive and is not the holder's worker, so there is nothing to wait for.
        let error = begin_session(folder.path(), 0, Pid::INIT).unwrap_err();
        let pid = std::process::id().cast_signed();
        let expected = Holder { guard: Some(pid), worker: Some(pid) };
        assert!(matches!(error, LockError::Held(holder) if holder == expected), "{error:?}");
    }

    #[test]
    fn damaged_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("session"), "many\n").unwrap();
        let error = begin_session(folder.path(), 0, me()).unwrap_err().to_string();
        assert!(error.contains("session") && error.contains("many"), "{error}");
    }

    #[test]
    fn holders_are_read() {
        assert_eq!(parse_holder("guard 12\nworker 7\n"), Holder { guard: Some(12), worker: Some(7) });
        assert_eq!(parse_holder("guard -1\nnonsense"), Holder::default());
    }
}
