//! The data folder: where things are in it, its lock, what is remembered in it, and the room on its disk.
//! Knows no server; the servers' modules own what is below their subfolders.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock, statvfs};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::Ports;
use crate::error::LocalError;
use crate::user;

/// Below this, servers are not started: they would stop in the middle of something.
const FREE_MIB_MIN: u64 = 1024;
const LOCK_FILE: &str = "servers.lock";
const SAVED_FILE: &str = "servers.json";

/// What is remembered between runs. Readable by the folder's owner only: it holds passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) ports: Ports,
    pub(crate) postgres_password: String,
    pub(crate) rabbitmq_password: String,
    pub(crate) erlang_cookie: String,
    /// The version that wrote RabbitMQ's data; PostgreSQL keeps its own record.
    pub(crate) rabbitmq_version: Option<String>,
}

/// What came of asking for the lock.
pub(crate) enum LockAnswer {
    Locked(File),
    /// Whose servers hold it; 0 when that cannot be told.
    HeldBy(u32),
}

/// How long the keeper of a run whose parent is gone may take to end its servers.
const ENDING_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Locks the folder for as long as the file is open, and notes for whom. Only the keeper does this: the lock
/// must last until the servers have ended, which may be later than their parent. Waits for a keeper that has lost
/// its parent: it is only ending.
pub(crate) fn lock(folder: &Path, parent: u32) -> io::Result<LockAnswer> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(LOCK_FILE))?;
    let began = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                writeln!(file, "{parent}")?;
                return Ok(LockAnswer::Locked(file));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {}
            Err(error) => return Err(error.into()),
        }
        let holder = holder(&mut file)?;
        if !is_gone(holder) || began.elapsed() > ENDING_MAX {
            return Ok(LockAnswer::HeldBy(holder));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The process that the folder is held for; 0 if it has not been noted yet.
fn holder(file: &mut File) -> io::Result<u32> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text.trim().parse().unwrap_or(0))
}

fn is_gone(process: u32) -> bool {
    let pid = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

/// Where the servers' output goes. Written by the keeper, with its rights.
pub(crate) fn logs(folder: &Path) -> PathBuf {
    folder.join("logs")
}

/// Whether servers were ever started in this folder.
pub(crate) fn is_ours(folder: &Path) -> bool {
    folder.join(LOCK_FILE).exists()
}

/// Reads what is remembered, or makes it up.
pub(crate) fn load(folder: &Path) -> Result<Saved, LocalError> {
    let path = folder.join(SAVED_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            serde_json::from_str(&text).map_err(invalid).map_err(LocalError::io("cannot understand", &path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Saved::new()),
        Err(error) => Err(LocalError::io("cannot read", &path)(error)),
    }
}

pub(crate) fn save(folder: &Path, saved: &Saved) -> Result<(), LocalError> {
    let text = serde_json::to_string_pretty(saved).expect("strings and numbers are always JSON");
    user::write_private(&folder.join(SAVED_FILE), &text, None)
}

impl Saved {
    fn new() -> Saved {
        // 122 random bits each.
        let secret = || Uuid::new_v4().simple().to_string();
        Saved {
            ports: Ports::default(),
            postgres_password: secret(),
            rabbitmq_password: secret(),
            erlang_cookie: secret(),
            rabbitmq_version: None,
        }
    }
}

/// # Errors
/// [`LocalError::DiskFull`] when less than [`FREE_MIB_MIN`] is free.
pub(crate) fn check_room(folder: &Path) -> Result<(), LocalError> {
    let disk = statvfs(folder)
        .map_err(|errno| LocalError::io("cannot look at the disk of", folder)(errno.into()))?;
    let free_mib = disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024);
    enough_room(folder, free_mib)
}

fn enough_room(folder: &Path, free_mib: u64) -> Result<(), LocalError> {
    if free_mib >= FREE_MIB_MIN {
        return Ok(());
    }
    Err(LocalError::DiskFull { folder: folder.to_owned(), free_mib, need_mib: FREE_MIB_MIN })
}

/// An absolute path: the keeper and the servers start elsewhere.
pub(crate) fn absolute(folder: &Path) -> Result<PathBuf, LocalError> {
    std::path::absolute(folder).map_err(LocalError::io("cannot find", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_refused_with_both_numbers() {
        let error = enough_room(Path::new("/data"), FREE_MIB_MIN - 1).unwrap_err().to_string();
        assert!(error.contains("1023 MiB free") && error.contains("1024 MiB"), "{error}");
        assert!(enough_room(Path::new("/data"), FREE_MIB_MIN).is_ok());
    }

    #[test]
    fn a_folder_is_locked_once_and_the_holder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let me = std::process::id();
        let LockAnswer::Locked(held) = lock(folder.path(), me).unwrap() else { panic!("it is free") };
        assert!(matches!(lock(folder.path(), 1).unwrap(), LockAnswer::HeldBy(holder) if holder == me));
        drop(held);
        // A child that another test forks shares the open file until its exec, and with it the lock.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !matches!(lock(folder.path(), 1).unwrap(), LockAnswer::Locked(_)) {
            assert!(Instant::now() < deadline, "the lock was not freed");
        }
    }

    #[test]
    fn a_keeper_that_lost_its_parent_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        // No system gives a process this number.
        let parent = i32::MAX as u32;
        let LockAnswer::Locked(held) = lock(folder.path(), parent).unwrap() else { panic!("it is free") };
        let ending = std::thread::spawn(move || {
            std::thread::sleep(3 * LOOK_EVERY);
            drop(held);
        });
        assert!(matches!(lock(folder.path(), 1).unwrap(), LockAnswer::Locked(_)));
        ending.join().unwrap();
    }

    #[test]
    fn secrets_are_remembered_and_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let saved = load(folder.path()).unwrap();
        assert_ne!(saved, load(folder.path()).unwrap());
        save(folder.path(), &saved).unwrap();
        assert_eq!(saved, load(folder.path()).unwrap());
        let mode = std::fs::metadata(folder.path().join(SAVED_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
