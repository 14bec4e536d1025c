//! What is in a folder, found before anything is changed. Blocks.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use scaleout_package::ignore::name_matches;
use scaleout_package::inside::DEPTH_MAX;

use super::beneath::Beneath;
use super::fault::{Fault, Watch};

/// Most files of one task, and most folders.
const FILES_MAX: usize = 100_000;

/// What was found, by paths relative to where it was looked for, sorted.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    /// Folders inside, outer before inner; looked into only if that was wanted.
    pub(super) folders: Vec<PathBuf>,
    /// Links, pipes and the like that match.
    pub(super) others: Vec<PathBuf>,
}

/// Looks into the folder `start`.
///
/// # Errors
/// A folder cannot be read, there is too much, or it is time to end.
pub(super) fn find(
    beneath: &Beneath,
    start: &Path,
    pattern: Option<&str>,
    recursive: bool,
    watch: &Watch,
) -> Result<Found, Fault> {
    let mut found = Found::default();
    let mut waiting = vec![PathBuf::new()];
    while let Some(inside) = waiting.pop() {
        let path = start.join(&inside);
        for (name, kind) in entries(beneath, &path, watch)? {
            let entry = inside.join(&name);
            let matches = || pattern.is_none_or(|pattern| name_matches(pattern, &name.to_string_lossy()));
            match kind {
                FileType::Directory => {
                    if recursive {
                        waiting.push(entry.clone());
                    }
                    found.folders.push(entry);
                }
                FileType::RegularFile if matches() => found.files.push(entry),
                FileType::RegularFile => {}
                _ if matches() => found.others.push(entry),
                _ => {}
            }
            check_bounds(beneath, start, &found)?;
        }
    }
    found.files.sort_unstable();
    found.folders.sort_unstable();
    found.others.sort_unstable();
    Ok(found)
}

fn check_bounds(beneath: &Beneath, start: &Path, found: &Found) -> Result<(), Fault> {
    let shown = beneath.show(start);
    if found.files.len() + found.others.len() > FILES_MAX || found.folders.len() > FILES_MAX {
        return Err(Fault::Failed(format!(
            "{shown} has more than {FILES_MAX} files or folders; narrow the pattern, or split the folder"
        )));
    }
    if found.folders.last().is_some_and(|folder| folder.iter().count() > DEPTH_MAX) {
        return Err(Fault::Failed(format!("{shown} is deeper than {DEPTH_MAX} folders")));
    }
    Ok(())
}

fn entries(beneath: &Beneath, path: &Path, watch: &Watch) -> Result<Vec<(PathBuf, FileType)>, Fault> {
    let fail = |error: rustix::io::Errno| {
        Fault::of(&format!("cannot read the folder {}", beneath.show(path)), &error.into())
    };
    let folder = beneath.folder(path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut entries = Vec::new();
    for entry in Dir::new(openat(&folder, ".", flags, Mode::empty()).map_err(fail)?).map_err(fail)? {
        watch.check()?;
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not tell.
            FileType::Unknown => match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => FileType::from_raw_mode(found.st_mode),
                Err(rustix::io::Errno::NOENT) => continue,
                Err(error) => return Err(fail(error)),
            },
            kind => kind,
        };
        entries.push((PathBuf::from(OsStr::from_bytes(name.to_bytes())), kind));
        if entries.len() > 2 * FILES_MAX {
            let shown = beneath.show(path);
            return Err(Fault::Failed(format!("{shown} has more than {} entries", 2 * FILES_MAX)));
        }
    }
    Ok(entries)
}
