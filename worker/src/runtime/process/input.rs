//! What a process reads: its standard input, and the folder that it starts in.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio_util::sync::CancellationToken;

/// Longest standard input, in bytes: as much as one value may hold.
pub(super) const STDIN_BYTES_MAX: usize = scaleout_package::value::VALUE_BYTES_MAX;

/// Writes `text` and closes the input. A program need not read it; one that has exited reads no more.
pub(super) async fn write(stdin: Option<ChildStdin>, text: &str, exited: &CancellationToken) {
    let Some(mut stdin) = stdin else { return };
    // An error says that nobody reads any more, which is the program's business.
    let _ = exited.run_until_cancelled(stdin.write_all(text.as_bytes())).await;
}

/// The folder `name`, relative to the project's, as an absolute path without links. Blocks.
///
/// # Errors
/// It is not there, or is neither in the project's folder nor in the work folder.
pub(super) fn folder(name: &str, project: &Path, work: &Path) -> Result<PathBuf, String> {
    let cannot = |path: &Path, error: &io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("cannot start in the folder {}: it is not there", path.display()),
        _ => format!("cannot start in the folder {}: {error}", path.display()),
    };
    let wanted = project.join(name);
    let found = wanted.canonicalize().map_err(|error| cannot(&wanted, &error))?;
    for root in [project, work] {
        let root = root.canonicalize().map_err(|error| cannot(root, &error))?;
        if found.starts_with(&root) {
            return if found.is_dir() {
                Ok(found)
            } else {
                Err(format!("cannot start in {}: it is not a folder", wanted.display()))
            };
        }
    }
    let text = "a process starts in the project's folder, the work folder, or one inside them";
    Err(format!("cannot start in the folder {}: {text}", wanted.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_process_starts_in_the_project_or_the_work_folder_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let (project, work) = (root.join("project"), root.join("work"));
        for inside in ["project/sql", "work/a", "project-of-others"] {
            fs::create_dir_all(root.join(inside)).unwrap();
        }
        fs::write(project.join("file"), "").unwrap();
        symlink(&root, project.join("out")).unwrap();
        symlink("sql", project.join("link")).unwrap();
        let folder = |name: &str| folder(name, &project, &work);
        for (name, expected) in [(".", "project"), ("sql", "project/sql"), ("link", "project/sql")] {
            assert_eq!(folder(name), Ok(root.join(expected)), "{name}");
        }
        assert_eq!(folder(work.join("a").to_str().unwrap()), Ok(work.join("a")));
        for outside in ["..", "out", "/", "../project-of-others", "sql/../../project-of-others"] {
            assert!(folder(outside).unwrap_err().contains("or one inside them"), "{outside}");
        }
        assert!(folder("gone").unwrap_err().ends_with("it is not there"));
        assert!(folder("file").unwrap_err().ends_with("it is not a folder"));
    }
}
