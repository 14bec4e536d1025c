//! The files that a loop goes over: found before the first iteration, so that what the loop does to the folder does not
//! change what it goes over. Blocks; owns nothing.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use scaleout_package::ignore::name_matches;
use scaleout_package::model::Retrieve;
use tokio_util::sync::CancellationToken;

/// Most files of one loop, and most folders that wait to be looked into.
const FILES_MAX: usize = 100_000;

/// What is looked for.
#[derive(Debug)]
pub(super) struct Search {
    /// An absolute path.
    pub(super) folder: PathBuf,
    pub(super) pattern: String,
    pub(super) recursive: bool,
    pub(super) retrieve: Retrieve,
}

impl Search {
    /// The items, sorted by path. A link to a file counts as one; a link to a folder is not followed. Ends early with
    /// what it has when `interrupt` is cancelled.
    ///
    /// # Errors
    /// A folder cannot be read, a name is not UTF-8, or there are too many files.
    pub(super) fn find(&self, interrupt: &CancellationToken) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut waiting = vec![self.folder.clone()];
        while let Some(folder) = waiting.pop() {
            let entries = fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
            for entry in entries {
                if interrupt.is_cancelled() {
                    return Ok(Vec::new());
                }
                let entry = entry.map_err(|error| unreadable(&folder, &error))?;
                match kind(&entry).map_err(|error| unreadable(&entry.path(), &error))? {
                    Kind::Folder if self.recursive => waiting.push(entry.path()),
                    Kind::File => found.extend(self.matching(&entry)?),
                    Kind::Folder | Kind::Other => {}
                }
                if found.len() > FILES_MAX || waiting.len() > FILES_MAX {
                    return Err(format!(
                        "{} has more than {FILES_MAX} files that match; narrow the pattern, or split the folder",
                        self.folder.display()
                    ));
                }
            }
        }
        found.sort_unstable();
        Ok(found.iter().map(|path| self.item(path)).collect())
    }

    /// The path of `entry` if its name matches.
    fn matching(&self, entry: &DirEntry) -> Result<Option<String>, String> {
        let name = entry.file_name();
        if !name_matches(&self.pattern, &name.to_string_lossy()) {
            return Ok(None);
        }
        let path = entry.path().into_os_string().into_string();
        path.map(Some).map_err(|path| format!("the name of the file {} is not UTF-8", path.display()))
    }

    fn item(&self, path: &str) -> String {
        let path = Path::new(path);
        let part = match self.retrieve {
            Retrieve::Path => Some(path.as_os_str()),
            Retrieve::Name => path.file_name(),
            Retrieve::Stem => path.file_stem(),
        };
        // It was read from a folder as UTF-8.
        part.unwrap_or_default().to_string_lossy().into_owned()
    }
}

enum Kind {
    File,
    Folder,
    Other,
}

fn kind(entry: &DirEntry) -> io::Result<Kind> {
    let kind = entry.file_type()?;
    if kind.is_file() {
        Ok(Kind::File)
    } else if kind.is_dir() {
        Ok(Kind::Folder)
    } else if kind.is_symlink() {
        // A link that leads nowhere is no file.
        Ok(if fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()) {
            Kind::File
        } else {
            Kind::Other
        })
    } else {
        Ok(Kind::Other)
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no folder {path}"),
        io::ErrorKind::NotADirectory => format!("{path} is not a folder"),
        io::ErrorKind::PermissionDenied => {
            format!("cannot read the folder {path}: whom the package runs as may not; give it the right")
        }
        _ => format!("cannot read the folder {path}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("deep/er")).unwrap();
        for name in ["b.csv", "a.csv", "c.txt", "deep/z.tar.gz.csv", "deep/er/0.csv"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        folder
    }

    fn search(folder: &Path, pattern: &str, recursive: bool, retrieve: Retrieve) -> Search {
        Search { folder: folder.to_owned(), pattern: pattern.to_owned(), recursive, retrieve }
    }

    fn found(folder: &Path, pattern: &str, recursive: bool, retrieve: Retrieve) -> Vec<String> {
        search(folder, pattern, recursive, retrieve).find(&CancellationToken::new()).unwrap()
    }

    #[test]
    fn files_are_found_by_pattern_and_sorted_by_path() {
        let folder = folder();
        let path = folder.path();
        assert_eq!(found(path, "*.csv", false, Retrieve::Name), ["a.csv", "b.csv"]);
        assert_eq!(found(path, "?.*", false, Retrieve::Stem), ["a", "b", "c"]);
        assert_eq!(found(path, "*.csv", true, Retrieve::Stem), ["a", "b", "0", "z.tar.gz"]);
        assert_eq!(found(path, "a.csv", true, Retrieve::Path), [path.join("a.csv").to_str().unwrap()]);
        assert!(found(path, "none*", true, Retrieve::Name).is_empty());
    }

    #[test]
    fn links_to_files_count_and_links_to_folders_are_not_followed() {
        use std::os::unix::fs::symlink;
        let folder = folder();
        let path = folder.path();
        symlink("a.csv", path.join("link.csv")).unwrap();
        symlink("nowhere", path.join("lost.csv")).unwrap();
        symlink(path, path.join("deep/round")).unwrap();
        let names = found(path, "*.csv", true, Retrieve::Name);
        assert_eq!(names, ["a.csv", "b.csv", "0.csv", "z.tar.gz.csv", "link.csv"]);
    }

    #[test]
    fn what_cannot_be_gone_over_is_said() {
        use std::os::unix::ffi::OsStrExt;
        let folder = folder();
        let find = |path: &Path| search(path, "*", false, Retrieve::Name).find(&CancellationToken::new());
        let missing = folder.path().join("missing");
        assert_eq!(find(&missing).unwrap_err(), format!("there is no folder {}", missing.display()));
        let file = folder.path().join("a.csv");
        assert_eq!(find(&file).unwrap_err(), format!("{} is not a folder", file.display()));
        let name = std::ffi::OsStr::from_bytes(b"bad\xff");
        fs::write(folder.path().join(name), "").unwrap();
        assert!(find(folder.path()).unwrap_err().ends_with("is not UTF-8"));
    }
}
