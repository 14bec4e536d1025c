//! The folder that an attempt may write to. Made when the first process needs it, removed after the last task.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use scaleout_common::ids::{Attempt, ExecutionId};
use tokio::sync::OnceCell;

use super::result::RESULT_BYTES_MAX;

/// The file of `SCALEOUT_RESULT`, in the work folder. Its name keeps out of the way of the package's own files.
const RESULT_FILE: &str = ".scaleout-result.json";

pub(super) struct WorkFolder {
    path: PathBuf,
    /// User and group that it belongs to, if not to the worker's.
    owner: Option<(u32, u32)>,
    made: OnceCell<()>,
}

/// What an attempt left.
#[derive(Debug)]
pub(super) struct Left {
    /// The result file's content, at most one byte more than a result may have; empty if there is none. The error
    /// says why it cannot be read.
    pub(super) result: Result<Vec<u8>, String>,
    /// Why the folder is still there.
    pub(super) not_removed: Option<String>,
}

impl WorkFolder {
    pub(super) fn new(
        work_root: &Path,
        execution: ExecutionId,
        attempt: Attempt,
        owner: Option<(u32, u32)>,
    ) -> WorkFolder {
        WorkFolder { path: work_root.join(format!("{execution}-{attempt}")), owner, made: OnceCell::new() }
    }

    /// Where it is, or will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the package may leave its result.
    pub(super) fn result_file(&self) -> PathBuf {
        self.path.join(RESULT_FILE)
    }

    /// Makes the folder, once.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) async fn make(&self) -> io::Result<()> {
        let make = || async {
            let (path, owner) = (self.path.clone(), self.owner);
            tokio::task::spawn_blocking(move || make(&path, owner)).await.map_err(io::Error::other)?
        };
        self.made.get_or_try_init(make).await?;
        Ok(())
    }

    /// Reads the result, if there is one, and removes the folder, if it was made.
    pub(super) async fn finish(&self) -> Left {
        let nothing = || Left { result: Ok(Vec::new()), not_removed: None };
        if !self.made.initialized() {
            return nothing();
        }
        let (path, file, owner) = (self.path.clone(), self.result_file(), self.owner);
        let finish = move || {
            // Most packages leave nothing: an empty folder has no result, and goes with one call.
            if fs::remove_dir(&path).is_ok() {
                return nothing();
            }
            let result = read_result(&file, owner.map(|(user, _)| user));
            Left { result, not_removed: remove(&path).err().map(|error| format!("{path:?}: {error}")) }
        };
        tokio::task::spawn_blocking(finish).await.unwrap_or_else(|_| nothing())
    }
}

/// Removes what attempts of an earlier session left in `work_root`, and makes the folder if it is not there. Only
/// for a session that has not started anything yet. What cannot be removed (somebody else's files, a mount) stays and
/// is told: no later attempt uses its name, and a worker that never starts again for it helps nobody.
///
/// # Errors
/// The folder cannot be made or read.
pub fn clear_work_root(work_root: &Path) -> io::Result<()> {
    fs::create_dir_all(work_root)?;
    for entry in fs::read_dir(work_root)? {
        let path = entry?.path();
        if let Err(error) = remove(&path) {
            tracing::warn!(folder = %path.display(), %error, "cannot remove what an earlier attempt left");
        }
    }
    Ok(())
}

fn make(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    make_private(path)?;
    // The folder around it is ours, so nobody can put another thing in its place: `accounts::check_folder` saw to it.
    owner.map_or(Ok(()), |(user, group)| std::os::unix::fs::lchown(path, Some(user), Some(group)))
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    match builder.create(path) {
        // Only the folder itself is private: others' users must get through those above it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            builder.create(path)
        }
        // Left by an attempt of the same number that this worker could not clean up.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove(path)?;
            builder.create(path)
        }
        made => made,
    }
}

/// A folder that the package made read-only is opened up, and removal tried once more.
fn remove(path: &Path) -> io::Result<()> {
    let removed = fs::remove_dir_all(path);
    // Root needs no folder opened up, and must not try: a process of another user could put a link in its place.
    if removed.is_ok() || rustix::process::geteuid().is_root() {
        return match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
    }
    open_up(path);
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn open_up(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    if !is_folder {
        return;
    }
    // What cannot be opened up shows itself when it cannot be removed.
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        open_up(&entry.path());
    }
}

/// The package may have put anything there: a link is not followed, a pipe not waited for.
/// With an owner the file must be its own: root could read what a hard link leads to, and its user could not.
fn read_result(path: &Path, owner: Option<u32>) -> Result<Vec<u8>, String> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("the file cannot be read: {error}")),
    };
    let metadata = file.metadata().map_err(|error| format!("the file cannot be looked at: {error}"))?;
    if !metadata.is_file() {
        return Err("it is not a plain file".to_owned());
    }
    if owner.is_some_and(|owner| owner != metadata.uid()) {
        return Err("the file belongs to another user than the package runs as".to_owned());
    }
    let mut bytes = Vec::new();
    let read = file.take(RESULT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("the file cannot be read: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(root: &Path) -> WorkFolder {
        WorkFolder::new(root, "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(), 2, None)
    }

    #[tokio::test]
    async fn it_is_made_once_privately_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let work = folder(&root.path().join("deep/work"));
        assert!(work.finish().await.result.unwrap().is_empty());
        work.make().await.unwrap();
        assert_eq!(fs::metadata(work.path()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(work.result_file(), "{}").unwrap();
        work.make().await.unwrap();
        let closed = work.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("file"), "x").unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
        let left = work.finish().await;
        assert_eq!(left.result.unwrap(), b"{}");
        assert_eq!(left.not_removed, None);
        assert!(!work.path().exists());
    }

    #[tokio::test]
    async fn one_in_which_nothing_was_left_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let work = folder(root.path());
        work.make().await.unwrap();
        let left = work.finish().await;
        assert!(left.result.unwrap().is_empty() && left.not_removed.is_none() && !work.path().exists());
    }

    #[tokio::test]
    async fn links_and_pipes_are_no_result() {
        let root = tempfile::tempdir().unwrap();
        let work = folder(root.path());
        work.make().await.unwrap();
        std::os::unix::fs::symlink("/etc/hostname", work.result_file()).unwrap();
        assert!(work.finish().await.result.is_err());
        let work = folder(root.path());
        work.make().await.unwrap();
        fs::create_dir(work.result_file()).unwrap();
        assert!(work.finish().await.result.unwrap_err().contains("plain file"));
    }

    #[test]
    fn what_an_earlier_session_left_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let work = root.path().join("work");
        fs::create_dir_all(work.join("a/b")).unwrap();
        clear_work_root(&work).unwrap();
        assert_eq!(fs::read_dir(&work).unwrap().count(), 0);
    }
}
