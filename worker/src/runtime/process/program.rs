//! Finding the program of a command, and explaining why it is not there or does not start. Looks at files;
//! starts nothing.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::super::context::Context;
use super::command::Prepared;
use crate::accounts::Account;
use crate::guard::SpawnError;

/// The absolute path of the program `name`: with a slash in the name relative to the project's folder, else looked
/// for in the folders of `path`.
///
/// # Errors
/// Where it was looked for, and what to do.
pub(super) fn find(name: &str, project_folder: &Path, path: OsString) -> Result<PathBuf, String> {
    if name.contains('/') {
        let program = project_folder.join(name);
        return match look(&program) {
            Look::Program => Ok(program),
            Look::NotExecutable => {
                Err(format!("cannot start {name}: it is not executable; chmod +x it and deploy again"))
            }
            Look::Nothing if name.starts_with('/') => {
                Err(format!("cannot start {name}: there is no such file"))
            }
            Look::Nothing => {
                Err(format!("cannot start {name}: there is no such file in the project's folder"))
            }
        };
    }
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let mut found = folders.iter().map(|folder| folder.join(name));
    found.find(|program| look(program) == Look::Program).ok_or_else(|| {
        let searched = folders.iter().map(|folder| folder.to_string_lossy()).collect::<Vec<_>>().join(":");
        let hint = match look(&project_folder.join(name)) {
            Look::Nothing => {
                "install it on the worker, or put it into the project and write ./ in front".to_owned()
            }
            _ => format!("the project has such a file: write ./{name}"),
        };
        format!("cannot start {name}: there is no such program in PATH ({searched}); {hint}")
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Look {
    Program,
    NotExecutable,
    Nothing,
}

fn look(path: &Path) -> Look {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 => Look::Program,
        Ok(_) => Look::NotExecutable,
        Err(_) => Look::Nothing,
    }
}

/// Why a program that was found could not be started.
pub(super) fn explain(context: &Context<'_>, prepared: &Prepared, error: &SpawnError) -> String {
    let name = &prepared.name;
    match error {
        SpawnError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            match interpreter(&prepared.program) {
                Some(interpreter) => {
                    format!("cannot start {name}: its first line asks for {interpreter}, which is not there")
                }
                None => format!("cannot start {name}: it, its loader or the project's folder is not there"),
            }
        }
        SpawnError::Io(error) if error.kind() == io::ErrorKind::ArgumentListTooLong => {
            format!(
                "cannot start {name}: its arguments and environment are too long; pass large values in a file"
            )
        }
        SpawnError::Io(error) => match &context.account {
            Some(account) => explain_for_user(name, account, &context.run.package.project_folder, error),
            None => format!("cannot start {name}: {error}"),
        },
        error => format!("cannot start {name}: {error}"),
    }
}

/// The worker could see the program; its user may not, or may not be become.
fn explain_for_user(name: &str, account: &Account, project_folder: &Path, error: &io::Error) -> String {
    let user = &account.name;
    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::ACCESS) => format!(
            "cannot start {name} as {user}: {user} may not enter the project's folder {}, or may not execute the \
             program; every folder on the way must let others through (chmod o+x)",
            project_folder.display()
        ),
        Some(rustix::io::Errno::PERM) => {
            format!(
                "cannot start {name} as {user}: this worker may not become another user; it must run as root"
            )
        }
        _ => format!("cannot start {name} as {user}: {error}"),
    }
}

/// What the first line of a script names.
fn interpreter(program: &Path) -> Option<String> {
    use std::io::Read;
    const LINE_BYTES_MAX: u64 = 256;
    let mut start = Vec::new();
    fs::File::open(program).ok()?.take(LINE_BYTES_MAX).read_to_end(&mut start).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    String::from_utf8_lossy(line).split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode) in [("load.sh", 0o755), ("data.csv", 0o644)] {
            let path = folder.path().join(name);
            fs::write(&path, "#!/nowhere/interpreter -x\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        folder
    }

    #[test]
    fn programs_are_found_in_the_project_or_in_path() {
        let project = project();
        assert_eq!(
            find("./load.sh", project.path(), "/bin".into()).unwrap(),
            project.path().join("./load.sh")
        );
        assert_eq!(find("/bin/sh", project.path(), "".into()).unwrap(), Path::new("/bin/sh"));
        assert_eq!(
            find("sh", project.path(), "relative:/nowhere:/bin".into()).unwrap(),
            Path::new("/bin/sh")
        );
    }

    #[test]
    fn what_is_not_found_says_where_it_was_looked_for() {
        let project = project();
        for (name, expected) in [
            ("./lood.sh", "no such file in the project's folder"),
            ("/nowhere/x", "/nowhere/x: there is no such file"),
            ("./data.csv", "not executable; chmod +x"),
            ("no-such-program", "PATH (/bin:/usr/bin)"),
            ("load.sh", "write ./load.sh"),
        ] {
            let error = find(name, project.path(), "/bin:/usr/bin".into()).unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn a_missing_interpreter_is_named() {
        let project = project();
        assert_eq!(interpreter(&project.path().join("load.sh")).as_deref(), Some("/nowhere/interpreter"));
    }
}
