//! Which user the servers run as. Both refuse to run as root, so root's servers run as the user their
//! packages made for them, or as `nobody`. Changes nothing but owners and modes of our own folders.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, fchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::error::LocalError;

const FALLBACK: &str = "nobody";
/// Owner only.
const PRIVATE: u32 = 0o700;
/// Others may pass through to folders that are theirs, and see nothing.
const PASSABLE: u32 = 0o711;

/// A user that is not root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) name: String,
}

/// The user for a server: `None` (the one who asks) unless root asks; then the owner of `data` if it is
/// there and not root's, else `preferred`, else `nobody`.
pub(crate) fn for_server(preferred: &str, data: &Path) -> Result<Option<User>, LocalError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    if let Some(owner) = std::fs::metadata(data).ok().filter(|data| data.uid() != 0) {
        return Ok(Some(User { uid: owner.uid(), gid: owner.gid(), name: owner.uid().to_string() }));
    }
    let user = look_up(preferred).or_else(|| look_up(FALLBACK));
    user.map(Some).ok_or_else(|| LocalError::Io {
        doing: format!("cannot find user {preferred} or {FALLBACK} to run a server as"),
        source: std::io::ErrorKind::NotFound.into(),
    })
}

/// Makes the folder that holds everything: private, but passable when root's servers must get through.
pub(crate) fn make_outer_folder(folder: &Path) -> Result<(), LocalError> {
    let is_new = !folder.exists();
    std::fs::create_dir_all(folder).map_err(LocalError::io("cannot make", folder))?;
    let mode = std::fs::metadata(folder).map_err(LocalError::io("cannot read", folder))?.mode() & 0o777;
    let wanted = match (rustix::process::geteuid().is_root(), is_new) {
        (true, true) => PASSABLE,
        (true, false) => mode | 0o011,
        (false, true) => PRIVATE,
        (false, false) => mode,
    };
    if wanted != mode {
        set_mode(folder, wanted)?;
    }
    Ok(())
}

/// Makes a private folder that belongs to `user`.
pub(crate) fn make_folder(folder: &Path, user: Option<&User>) -> Result<(), LocalError> {
    std::fs::create_dir_all(folder).map_err(LocalError::io("cannot make", folder))?;
    set_mode(folder, PRIVATE)?;
    give(folder, user)
}

/// Writes a file only its owner, `user`, can read.
pub(crate) fn write_private(path: &Path, text: &str, user: Option<&User>) -> Result<(), LocalError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    // A new file under a temporary name: an old one may have another mode or owner.
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(LocalError::io("cannot write", &new))?;
    file.write_all(text.as_bytes()).map_err(LocalError::io("cannot write", &new))?;
    if let Some(user) = user {
        fchown(&file, Some(user.uid), Some(user.gid))
            .map_err(LocalError::io("cannot change the owner of", &new))?;
    }
    std::fs::rename(&new, path).map_err(LocalError::io("cannot replace", path))
}

/// Checks, as that user, that every folder on the way to `folder` lets it through.
pub(crate) fn check_access(folder: &Path, user: Option<&User>) -> Result<(), LocalError> {
    let Some(user) = user else { return Ok(()) };
    let mut way: Vec<&Path> = folder.ancestors().collect();
    way.reverse();
    // Asking the system as that user also honours access lists and other rules that mode bits do not show.
    let closed = Command::new("/bin/sh")
        .args(["-c", r#"for d; do [ -x "$d" ] || { printf %s "$d"; exit 1; }; done"#, "sh"])
        .args(way)
        .uid(user.uid)
        .gid(user.gid)
        .current_dir("/")
        .output()
        .map_err(LocalError::io("cannot look into", folder))?;
    if closed.status.success() {
        return Ok(());
    }
    let at = PathBuf::from(String::from_utf8_lossy(&closed.stdout).into_owned());
    Err(LocalError::FolderClosed { folder: folder.to_owned(), user: user.name.clone(), at })
}

fn give(path: &Path, user: Option<&User>) -> Result<(), LocalError> {
    let Some(user) = user else { return Ok(()) };
    chown(path, Some(user.uid), Some(user.gid)).map_err(LocalError::io("cannot change the owner of", path))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), LocalError> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(LocalError::io("cannot change the mode of", path))
}

/// `id` asks all of the system's user databases, which differ between Linux and macOS.
fn look_up(name: &str) -> Option<User> {
    let number = |flag: &str| -> Option<u32> {
        let answer = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(answer.stdout).ok()?.trim().parse().ok()
    };
    Some(User { uid: number("-u")?, gid: number("-g")?, name: name.to_owned() }).filter(|user| user.uid != 0)
}
