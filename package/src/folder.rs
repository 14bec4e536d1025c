//! Reads a project folder into memory. The one place of this crate that walks the file system.
//!
//! Left out: `.git`, `.scaleout` (where `scaleout dev` keeps its data) and what `.scaleoutignore`
//! names. Links and special files are refused, not followed.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::files::{FileContent, FilesError, ProjectFiles, check_path};
use crate::ignore::IgnoreRules;

/// Why a folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refused.
    #[error("cannot read {path:?}: {source}")]
    Io {
        /// What could not be read.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A link, socket, pipe or device.
    #[error(
        "{path:?} is a {kind}: a project holds plain files only; list it in .scaleoutignore or replace it by a copy"
    )]
    Kind {
        /// Where.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A name that is not UTF-8.
    #[error("the name of {path:?} is not UTF-8: rename it")]
    NotUtf8 {
        /// Where.
        path: PathBuf,
    },
    /// A path, the count or the size of the files.
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Reads the project folder `folder`.
///
/// # Errors
/// Something in it cannot be read, is not a plain file, or passes a bound.
pub fn read(folder: &Path) -> Result<ProjectFiles, FolderError> {
    let rules = ignore_rules(folder)?;
    let mut files = ProjectFiles::new();
    // Folders still to read, as relative paths; the empty one is the project folder itself.
    let mut waiting = vec![String::new()];
    while let Some(inside) = waiting.pop() {
        for (name, path) in entries(&folder.join(&inside))? {
            let relative = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            let metadata = fs::symlink_metadata(&path).map_err(|e| unreadable(&path, e))?;
            if LEFT_OUT.contains(&name.as_str()) || rules.ignores(&relative, metadata.is_dir()) {
                continue;
            }
            if metadata.is_dir() {
                // Bounds the depth, too.
                check_path(&relative)?;
                waiting.push(relative);
            } else if metadata.is_file() {
                read_file(&mut files, &relative, &path, &metadata)?;
            } else {
                return Err(FolderError::Kind { kind: kind(&metadata), path });
            }
        }
    }
    Ok(files)
}

/// The project folder that the package file `file` belongs to: the parent of its folder
/// `packages`, if that has a `project.toml`.
pub fn project_of(file: &Path) -> Option<PathBuf> {
    let packages = file.parent()?;
    let named = packages.file_name().is_some_and(|name| name == crate::project::PACKAGES_FOLDER);
    // `packages/x.toml` has the parent `packages`, whose parent is the empty path: the folder here.
    let project = packages.parent()?;
    let is_project = named && project.join(crate::project::SETTINGS_FILE).is_file();
    is_project.then(|| if project.as_os_str().is_empty() { PathBuf::from(".") } else { project.to_owned() })
}

/// Names that never belong to a project, in whichever folder they are.
const LEFT_OUT: [&str; 2] = [".git", ".scaleout"];

/// Most entries of one folder, ignored ones included.
const ENTRIES_MAX: usize = 1_000_000;

/// Largest `.scaleoutignore`, in bytes.
const IGNORE_FILE_BYTES_MAX: u64 = 64 * 1024;

fn ignore_rules(folder: &Path) -> Result<IgnoreRules, FolderError> {
    let path = folder.join(".scaleoutignore");
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(IgnoreRules::default()),
        Err(error) => return Err(unreadable(&path, error)),
    };
    let mut text = String::new();
    let read = file.take(IGNORE_FILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|e| unreadable(&path, e))?;
    if text.len() as u64 > IGNORE_FILE_BYTES_MAX {
        return Err(unreadable(&path, io::Error::other("it is larger than 64 KiB")));
    }
    Ok(IgnoreRules::parse(&text))
}

/// The names and paths in `folder`, sorted so that the first error is always the same.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, FolderError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
        let path = entry.map_err(|e| unreadable(folder, e))?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some(name) => found.push((name.to_owned(), path)),
            None => return Err(FolderError::NotUtf8 { path }),
        }
        if found.len() > ENTRIES_MAX {
            return Err(FilesError::TooMany.into());
        }
    }
    found.sort();
    Ok(found)
}

fn read_file(
    files: &mut ProjectFiles,
    relative: &str,
    path: &Path,
    metadata: &fs::Metadata,
) -> Result<(), FolderError> {
    if metadata.len() > files.room() {
        return Err(FilesError::TooLarge.into());
    }
    let file = fs::File::open(path).map_err(|e| unreadable(path, e))?;
    let mut bytes = Vec::new();
    // One byte more than there is room for, so that a file that grows meanwhile is refused, too.
    file.take(files.room() + 1).read_to_end(&mut bytes).map_err(|e| unreadable(path, e))?;
    let executable = metadata.permissions().mode() & 0o111 != 0;
    files.insert(relative, FileContent { bytes, executable })?;
    Ok(())
}

fn kind(metadata: &fs::Metadata) -> &'static str {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        "link"
    } else if kind.is_fifo() {
        "pipe"
    } else if kind.is_socket() {
        "socket"
    } else {
        "device"
    }
}

fn unreadable(path: &Path, source: io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_folder_is_read_without_what_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["project.toml", "packages/a.toml", ".git/config", ".scaleout/env", "out/big", "a.log"] {
            write(folder.path(), path, "x");
        }
        write(folder.path(), ".scaleoutignore", "*.log\n/out/\n");
        let script = folder.path().join("load.sh");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let files = read(folder.path()).unwrap();
        let paths: Vec<&str> = files.paths().collect();
        assert_eq!(paths, [".scaleoutignore", "load.sh", "packages/a.toml", "project.toml"]);
        assert!(files.get("load.sh").unwrap().executable);
        assert!(!files.get("project.toml").unwrap().executable);
    }

    #[test]
    fn links_and_special_files_are_refused_unless_ignored() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "project.toml", "x");
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let refused = read(folder.path()).unwrap_err();
        assert!(matches!(refused, FolderError::Kind { kind: "link", .. }), "{refused}");
        write(folder.path(), ".scaleoutignore", "link");
        assert_eq!(read(folder.path()).unwrap().len(), 2);
        let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let refused = read(folder.path()).unwrap_err();
        assert!(matches!(refused, FolderError::Kind { kind: "socket", .. }), "{refused}");
    }

    #[test]
    fn a_name_that_is_not_utf8_is_refused() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(b"a\xff")), "x").unwrap();
        assert!(matches!(read(folder.path()), Err(FolderError::NotUtf8 { .. })));
    }

    #[test]
    fn the_project_of_a_package_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "project.toml", "x");
        let file = folder.path().join("packages/a.toml");
        assert_eq!(project_of(&file), Some(folder.path().to_owned()));
        assert_eq!(project_of(&folder.path().join("other/a.toml")), None);
        assert_eq!(project_of(Path::new("a.toml")), None);
    }
}
