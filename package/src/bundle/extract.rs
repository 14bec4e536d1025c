//! From a bundle to a folder that is there whole or not at all.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::BundleError;
use super::unpack::for_each_file;

/// Unpacks a bundle into the new folder `target`, its files read-only: what a worker's cache does.
/// It is written beside and renamed, so `target` is there whole or not at all; a `target` that
/// another has put there meanwhile is left as it is. Nothing is synced to disk: a cache that
/// outlives a crash of the machine must sync or be emptied.
///
/// # Errors
/// As [`unpack`](super::unpack()); or the file system refuses.
pub fn extract_to(bytes: &[u8], target: &Path) -> Result<(), BundleError> {
    let partial = partial_sibling(target);
    let result = extract(bytes, &partial).and_then(|()| move_into_place(&partial, target));
    if result.is_err() {
        // Best effort: the error that stopped us is the one to tell.
        let _ = fs::remove_dir_all(&partial);
    }
    result
}

fn extract(bytes: &[u8], folder: &Path) -> Result<(), BundleError> {
    let create = |path: &Path| fs::create_dir_all(path).map_err(|e| io_error("create", path, e));
    create(folder)?;
    for_each_file(bytes, |path, executable, entry| {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            create(parent)?;
        }
        let mut file = File::create_new(&path).map_err(|e| io_error("create", &path, e))?;
        io::copy(entry, &mut file).map_err(|e| io_error("write", &path, e))?;
        let mode = if executable { 0o555 } else { 0o444 };
        file.set_permissions(fs::Permissions::from_mode(mode)).map_err(|e| io_error("write", &path, e))
    })
}

fn move_into_place(partial: &Path, target: &Path) -> Result<(), BundleError> {
    match fs::rename(partial, target) {
        Ok(()) => Ok(()),
        // Not empty: another extraction of the same bundle was faster.
        Err(_) if target.is_dir() => fs::remove_dir_all(partial).map_err(|e| io_error("remove", partial, e)),
        Err(error) => Err(io_error("create", target, error)),
    }
}

/// A name beside `target` that no other extraction uses, in this process or another.
fn partial_sibling(target: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".partial-{}-{count}", std::process::id()));
    PathBuf::from(name)
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> BundleError {
    BundleError::Io { action, path: path.to_owned(), source }
}
