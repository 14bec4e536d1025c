//! The repository's text files, read once into memory. Owns them; judges nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::rust::Rust;

/// Folders that hold nothing of ours, wherever they lie.
const LEFT_OUT: [&str; 3] = ["target", ".git", ".scaleout"];

/// Text files by path, relative to the repository, with `/`.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// The repository that this crate was built in.
    ///
    /// # Errors
    /// A folder or file cannot be read.
    pub fn of_repository() -> io::Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::read(here.parent().unwrap_or(here))
    }

    fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        let mut waiting = vec![PathBuf::new()];
        while let Some(inside) = waiting.pop() {
            for entry in fs::read_dir(root.join(&inside))? {
                let entry = entry?;
                let path = inside.join(entry.file_name());
                let kind = entry.file_type()?;
                if kind.is_dir() && !LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
                    waiting.push(path);
                } else if kind.is_file()
                    // What is not UTF-8 is data.
                    && let Ok(text) = String::from_utf8(fs::read(entry.path())?)
                {
                    tree.files.insert(path.to_string_lossy().replace('\\', "/"), text);
                }
            }
        }
        Ok(tree)
    }

    /// A tree of these files, to prove rules on.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { files: files.iter().map(owned).collect() }
    }

    /// Every file and its text.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Those whose name ends so.
    pub(super) fn ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.ends_with(suffix))
    }

    /// Every Rust file, lexed.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&str, Rust)> {
        self.ending(".rs").map(|(path, text)| (path, Rust::lex(text)))
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is such a file or folder.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path) || self.files.keys().any(|file| is_inside(file, path))
    }

    /// The folders with a manifest of their own.
    pub(super) fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)))
    }
}

/// Whether `file` lies in `folder`.
pub(super) fn is_inside(file: &str, folder: &str) -> bool {
    file.strip_prefix(folder).is_some_and(|rest| folder.ends_with('/') || rest.starts_with('/'))
}
