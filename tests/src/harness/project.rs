//! Small projects that tests write.

use std::fs;
use std::path::{Path, PathBuf};

/// A project folder.
#[derive(Clone, Debug)]
pub struct Project {
    pub path: PathBuf,
    pub name: String,
}

impl Project {
    /// An empty one in `root`.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn new(root: &Path, name: &str) -> Self {
        let path = root.join("projects").join(name);
        fs::create_dir_all(path.join("packages")).expect("a project folder can be made");
        Self { path, name: name.to_owned() }.manifest("")
    }

    /// Writes `project.toml`, with `more` after the name.
    pub fn manifest(self, more: &str) -> Self {
        let text = format!("name = \"{}\"\n{more}", self.name);
        self.file("project.toml", text)
    }

    /// Writes a package.
    pub fn package(self, name: &str, text: &str) -> Self {
        self.file(&format!("packages/{name}.toml"), text)
    }

    /// Writes a file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path.join(name), content).expect("a file of a project can be written");
        self
    }

    /// The path as an argument.
    pub fn argument(&self) -> &str {
        self.path.to_str().expect("test folders have plain names")
    }
}
