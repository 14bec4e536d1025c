//! The program under test, and calling it with nothing of this process's environment but what every program needs.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::output::Output;

/// How long one command may take.
const CALL_MAX: Duration = Duration::from_secs(180);

/// What a program inherits: no setting, no token.
const INHERITED: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "USER"];

/// The `scaleout` to test: `SCALEOUT_BINARY`, else the one built beside this test.
///
/// # Panics
/// When there is none.
pub fn program() -> PathBuf {
    let built = || {
        let test = std::env::current_exe().expect("this program is a file");
        // Tests are built into `target/PROFILE/deps`, programs into `target/PROFILE`.
        let profile = test.parent().expect("a file is in a folder");
        let profile = if profile.ends_with("deps") { profile.parent() } else { Some(profile) };
        profile.expect("`deps` is in a folder").join("scaleout")
    };
    let program = std::env::var_os("SCALEOUT_BINARY").map_or_else(built, PathBuf::from);
    assert!(program.is_file(), "{} is not there: run `cargo build` first", program.display());
    program
}

/// The root of this repository.
pub fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("this crate is a folder of the repository").to_owned()
}

/// A call of a program, yet to be made.
#[derive(Clone, Debug)]
pub struct Call {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: PathBuf,
}

impl Call {
    /// Of the `scaleout` under test, in `folder`.
    pub fn scaleout(folder: &Path) -> Self {
        Self::of(program(), folder)
    }

    /// Of any program, in `folder`.
    pub fn of(program: impl Into<PathBuf>, folder: &Path) -> Self {
        let inherit = |name: &str| Some((name.into(), std::env::var_os(name)?));
        let environment = INHERITED.iter().filter_map(|name| inherit(name)).collect();
        Self { program: program.into(), arguments: Vec::new(), environment, folder: folder.to_owned() }
    }

    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.retain(|(known, _)| known != name.as_ref());
        self.environment.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Settings by name (`worker.capacity`), as environment variables.
    pub fn settings(self, settings: &[(&str, &str)]) -> Self {
        settings.iter().fold(self, |call, (name, value)| {
            call.env(format!("SCALEOUT__{}", name.to_uppercase().replace('.', "__")), value)
        })
    }

    /// As a command of the standard library, in a process group of its own.
    pub fn command(&self) -> std::process::Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(self.environment.iter().cloned());
        command.current_dir(&self.folder).process_group(0);
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started or does not end in time.
    pub async fn run(&self) -> Output {
        let mut command = tokio::process::Command::from(self.command());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let text = self.to_string();
        let ended = tokio::time::timeout(CALL_MAX, command.output()).await;
        let ended = ended.unwrap_or_else(|_| panic!("$ {text}\ndid not end within {CALL_MAX:?}"));
        let ended = ended.unwrap_or_else(|error| panic!("$ {text}\ncannot be started: {error}"));
        let signal = || 128 + ended.status.signal().unwrap_or(0);
        Output {
            command: text,
            code: ended.status.code().unwrap_or_else(signal),
            stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy();
        write!(f, "{name}")?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", argument.to_string_lossy()))
    }
}
