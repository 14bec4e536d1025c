//! A project's files in memory: relative path to content, the same whether they came from a
//! folder or a bundle. Holds the rules for paths and the bounds on count and size.

use std::collections::{BTreeMap, BTreeSet};

/// Most files in a project.
pub const FILES_MAX: usize = 20_000;
/// Most bytes of all files of a project together, before packing.
pub const UNPACKED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Longest relative path, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileContent {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Whether it can be started as a program.
    pub executable: bool,
}

/// The files of a project. Paths are relative, with `/`, without `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectFiles {
    inventory: Inventory,
    files: BTreeMap<String, FileContent>,
}

/// Paths and sizes seen so far: holds the rules for them, also where contents go elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inventory {
    paths: BTreeSet<String>,
    bytes: u64,
}

/// Why a file cannot be part of a project.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// Its path leads out of the project, or is not a plain relative path.
    #[error("the path {0:?} is not a plain path inside the project folder")]
    Path(String),
    /// Its path is longer than [`PATH_BYTES_MAX`].
    #[error("the path {0:?} is longer than {PATH_BYTES_MAX} bytes")]
    PathTooLong(String),
    /// The same path, or a folder of that name, is there already.
    #[error("the path {0:?} is there twice, or is both a file and a folder")]
    Twice(String),
    /// More than [`FILES_MAX`] files.
    #[error("the project has more than {FILES_MAX} files; keep data out of it with .scaleoutignore")]
    TooMany,
    /// More than [`UNPACKED_BYTES_MAX`] bytes.
    #[error("the project's files are larger than 512 MiB; keep data out of it with .scaleoutignore")]
    TooLarge,
}

impl ProjectFiles {
    /// No files.
    pub fn new() -> ProjectFiles {
        ProjectFiles::default()
    }

    /// Adds a file.
    ///
    /// # Errors
    /// Its path is not a plain relative one or is taken, or a bound is passed; nothing is added then.
    pub fn insert(&mut self, path: &str, content: FileContent) -> Result<(), FilesError> {
        self.inventory.admit(path, content.bytes.len() as u64)?;
        self.files.insert(path.to_owned(), content);
        Ok(())
    }

    /// The file at `path`.
    pub fn get(&self, path: &str) -> Option<&FileContent> {
        self.files.get(path)
    }

    /// All files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FileContent)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The bytes of all files together.
    pub fn total_bytes(&self) -> u64 {
        self.inventory.bytes
    }

    /// How many more bytes may come.
    pub fn room(&self) -> u64 {
        self.inventory.room()
    }
}

impl Inventory {
    /// Notes a file of `bytes` at `path`.
    ///
    /// # Errors
    /// Its path is not a plain relative one or is taken, or a bound is passed; it is not noted then.
    pub fn admit(&mut self, path: &str, bytes: u64) -> Result<(), FilesError> {
        check_path(path)?;
        if self.is_taken(path) {
            return Err(FilesError::Twice(path.to_owned()));
        }
        if self.paths.len() >= FILES_MAX {
            return Err(FilesError::TooMany);
        }
        let total = self.bytes.saturating_add(bytes);
        if total > UNPACKED_BYTES_MAX {
            return Err(FilesError::TooLarge);
        }
        self.bytes = total;
        self.paths.insert(path.to_owned());
        Ok(())
    }

    /// How many more bytes may come.
    pub fn room(&self) -> u64 {
        UNPACKED_BYTES_MAX - self.bytes
    }

    fn is_taken(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let is_folder = self.paths.range(below.clone()..).next().is_some_and(|next| next.starts_with(&below));
        let is_below_file = path.match_indices('/').any(|(at, _)| self.paths.contains(&path[..at]));
        is_folder || is_below_file || self.paths.contains(path)
    }
}

/// Whether `path` is a plain relative path inside the project.
///
/// # Errors
/// It is absolute, empty, too long, or has a segment that is empty, `.`, `..` or holds a control
/// character or backslash.
pub fn check_path(path: &str) -> Result<(), FilesError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(FilesError::PathTooLong(path.chars().take(80).collect()));
    }
    let bad = |segment: &str| {
        matches!(segment, "" | "." | "..") || segment.contains(|c: char| c.is_control() || c == '\\')
    };
    if path.split('/').any(bad) { Err(FilesError::Path(path.to_owned())) } else { Ok(()) }
}
