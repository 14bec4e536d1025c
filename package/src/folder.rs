//! Reads a project folder into memory. The one place of this crate that walks the file system.
//!
//! Left out: `.git`, `.scaleout` (where `scaleout dev` keeps its data) and what `.scaleoutignore`
//! names. Links and special files are refused, not followed.

use std::path::{Path, PathBuf};

use crate::files::{FilesError, ProjectFiles};

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
    let _ = folder;
    unimplemented!("next commit")
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
