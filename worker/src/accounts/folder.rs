//! Root works in the worker's data folder: it makes, removes and gives away what is there. So nobody else may have a hand
//! in it. Looks, and changes nothing.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Why root does not work in a data folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    #[error(
        "packages run as other users (setting worker.run_as), so that the worker is root, and {} {what}: who can change it \
         could have root remove or give away other files. Make it root's (`chown -hR root`), or take another \
         worker.data_folder", path.display()
    )]
    Others {
        /// The folder or what lies in it.
        path: PathBuf,
        what: &'static str,
    },
    #[error("cannot look at {}: {source}", path.display())]
    Unseen { path: PathBuf, source: io::Error },
}

/// Sticky: what others put there, they alone change.
const STICKY: u32 = 0o1000;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The folder, those above it, and what lies directly in it are root's alone.
///
/// # Errors
/// One is not, or cannot be looked at.
pub(crate) fn check_folder(folder: &Path) -> Result<(), FolderError> {
    let unseen = |path: &Path| {
        let path = path.to_owned();
        move |source| FolderError::Unseen { path, source }
    };
    let real = folder.canonicalize().map_err(unseen(folder))?;
    for above in real.ancestors() {
        let found = above.symlink_metadata().map_err(unseen(above))?;
        let is_ours_to_change = found.mode() & WRITABLE_BY_OTHERS == 0 || found.mode() & STICKY != 0;
        check(above, found.uid() == 0, "belongs to another user")?;
        check(above, is_ours_to_change, "may be written by others")?;
    }
    for entry in real.read_dir().map_err(unseen(&real))? {
        let path = entry.map_err(unseen(&real))?.path();
        let found = path.symlink_metadata().map_err(unseen(&path))?;
        check(&path, !found.is_symlink(), "is a symbolic link")?;
        check(&path, found.uid() == 0, "belongs to another user")?;
    }
    Ok(())
}

fn check(path: &Path, is_well: bool, what: &'static str) -> Result<(), FolderError> {
    if is_well { Ok(()) } else { Err(FolderError::Others { path: path.to_owned(), what }) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};

    use super::*;

    #[test]
    fn who_else_has_a_hand_in_the_folder_is_told() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("NOT TESTED: whose the data folder is, for only root can give files away");
            return;
        }
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("worker");
        fs::create_dir(&folder).unwrap();
        let said = || check_folder(&folder).map_err(|error| error.to_string());
        let refused = |what: &str| {
            let error = said().unwrap_err();
            assert!(error.contains(what) && error.contains("worker.data_folder"), "{error}");
        };
        said().unwrap();

        let work = folder.join("work");
        symlink("/srv", &work).unwrap();
        refused("work is a symbolic link");
        fs::remove_file(&work).unwrap();
        fs::create_dir(&work).unwrap();
        lchown(&work, Some(7), None).unwrap();
        refused("work belongs to another user");
        lchown(&work, Some(0), None).unwrap();
        said().unwrap();

        lchown(above.path(), Some(7), None).unwrap();
        refused("belongs to another user");
        lchown(above.path(), Some(0), None).unwrap();
        fs::set_permissions(above.path(), fs::Permissions::from_mode(0o777)).unwrap();
        refused("may be written by others");
        fs::set_permissions(above.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        said().unwrap();
    }
}
