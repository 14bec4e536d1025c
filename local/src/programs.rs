//! Finds the servers' programs and their versions. Runs `postgres --version`, nothing else.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{LocalError, Server};

/// The oldest PostgreSQL that will do.
pub(crate) const POSTGRES_MAJOR_MIN: u32 = 15;
/// The oldest RabbitMQ that will do: major, minor.
pub(crate) const RABBITMQ_MIN: (u32, u32) = (3, 10);

/// One installed PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PostgresPrograms {
    pub(crate) folder: PathBuf,
    pub(crate) major: u32,
}

/// The installed RabbitMQ and its Erlang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RabbitMqPrograms {
    /// The script under `lib/rabbitmq/bin` or `sbin`, never a distribution's wrapper.
    pub(crate) server: PathBuf,
    pub(crate) epmd: PathBuf,
    /// The folder of `erl`, for the script's `PATH`.
    pub(crate) erlang: PathBuf,
    /// Such as `3.10.8`.
    pub(crate) version: String,
}

/// Every PostgreSQL that will do, newest first; never empty.
///
/// # Errors
/// [`LocalError::ProgramMissing`] when there is none.
pub(crate) fn find_postgres(search_path: Option<&OsStr>) -> Result<Vec<PostgresPrograms>, LocalError> {
    let mut folders = path_folders(search_path);
    if search_path.is_none() {
        folders.extend(children(Path::new("/usr/lib/postgresql"), "").map(|version| version.join("bin")));
        for prefix in HOMEBREW {
            folders
                .extend(children(&Path::new(prefix).join("opt"), "postgresql@").map(|kit| kit.join("bin")));
        }
    }
    let mut found: Vec<PostgresPrograms> = Vec::new();
    for folder in &folders {
        if let Some(major) = postgres_major(folder)
            && major >= POSTGRES_MAJOR_MIN
            && found.iter().all(|other| other.major != major)
        {
            found.push(PostgresPrograms { folder: folder.clone(), major });
        }
    }
    found.sort_by_key(|programs| std::cmp::Reverse(programs.major));
    if found.is_empty() {
        return Err(missing(
            Server::Postgres,
            "postgres and initdb",
            format!("{POSTGRES_MAJOR_MIN} or later"),
            &folders,
        ));
    }
    Ok(found)
}

/// The first RabbitMQ that will do.
///
/// # Errors
/// [`LocalError::ProgramMissing`] when RabbitMQ or Erlang is missing or too old.
pub(crate) fn find_rabbitmq(search_path: Option<&OsStr>) -> Result<RabbitMqPrograms, LocalError> {
    let path = path_folders(search_path);
    let mut scripts = Vec::new();
    let mut erlangs = path.clone();
    if search_path.is_none() {
        scripts.extend(RABBITMQ_FOLDERS.map(PathBuf::from));
        erlangs.extend(["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map(PathBuf::from));
    }
    scripts.extend(path);
    let server = scripts.iter().find_map(|folder| rabbitmq_server(folder));
    let (server, version) = server.ok_or_else(|| {
        let (major, minor) = RABBITMQ_MIN;
        missing(Server::RabbitMq, "rabbitmq-server", format!("{major}.{minor} or later"), &scripts)
    })?;
    let erlang = erlangs.iter().find(|folder| is_program(&folder.join("erl"))).cloned();
    let erlang = erlang.ok_or_else(|| {
        missing(Server::RabbitMq, "erl (Erlang)", "any RabbitMQ takes".to_owned(), &erlangs)
    })?;
    let epmd = find_epmd(&erlang)
        .ok_or_else(|| missing(Server::RabbitMq, "epmd", "the one of Erlang".to_owned(), &erlangs))?;
    Ok(RabbitMqPrograms { server, epmd, erlang, version })
}

const HOMEBREW: [&str; 2] = ["/opt/homebrew", "/usr/local"];
const RABBITMQ_FOLDERS: [&str; 5] = [
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/usr/local/lib/rabbitmq/sbin",
    "/opt/rabbitmq/sbin",
];

fn path_folders(search_path: Option<&OsStr>) -> Vec<PathBuf> {
    let path = search_path.map(OsStr::to_owned).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect()
}

fn children(folder: &Path, prefix: &'static str) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
}

fn postgres_major(folder: &Path) -> Option<u32> {
    let postgres = folder.join("postgres");
    if !is_program(&postgres) || !is_program(&folder.join("initdb")) {
        return None;
    }
    let answer = Command::new(postgres).arg("--version").output().ok()?;
    first_number(&String::from_utf8_lossy(&answer.stdout))
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` is 15; `17beta1` is 17.
fn first_number(text: &str) -> Option<u32> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    text[start..].split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The real script has the plugins beside its folder, and their names tell its version; a wrapper has not.
fn rabbitmq_server(folder: &Path) -> Option<(PathBuf, String)> {
    let script = folder.join("rabbitmq-server");
    if !is_program(&script) {
        return None;
    }
    let real = script.canonicalize().ok()?;
    let plugins = real.parent()?.parent()?.join("plugins");
    let names = std::fs::read_dir(plugins).ok()?.flatten();
    let version = names.filter_map(|entry| rabbit_version(&entry.file_name().to_string_lossy())).next()?;
    (rabbitmq_series(&version)? >= RABBITMQ_MIN).then_some((script, version))
}

/// `rabbit-3.10.8` and `rabbit-3.10.8.ez` are 3.10.8; `rabbit_common-3.10.8` is none.
fn rabbit_version(plugin: &str) -> Option<String> {
    Some(plugin.strip_prefix("rabbit-")?.trim_end_matches(".ez").to_owned())
}

/// What must be equal for a node to go on with old data: major, minor.
pub(crate) fn rabbitmq_series(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Beside `erl`, or in Erlang's own tree (Homebrew links only some of its programs).
fn find_epmd(erlang: &Path) -> Option<PathBuf> {
    let beside = erlang.join("epmd");
    if is_program(&beside) {
        return Some(beside);
    }
    let real = erlang.join("erl").canonicalize().ok()?;
    let runtimes = children(real.parent()?.parent()?, "erts-").map(|erts| erts.join("bin/epmd"));
    [real.with_file_name("epmd")].into_iter().chain(runtimes).find(|epmd| is_program(epmd))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn missing(server: Server, program: &'static str, wanted: String, folders: &[PathBuf]) -> LocalError {
    let looked_in: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let looked_in = if looked_in.is_empty() { "no folder".to_owned() } else { looked_in.join(", ") };
    LocalError::ProgramMissing { server, program, wanted, looked_in }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_and_plugins_are_called() {
        assert_eq!(first_number("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(first_number("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(first_number("nothing"), None);
        assert_eq!(rabbit_version("rabbit-3.10.8"), Some("3.10.8".to_owned()));
        assert_eq!(rabbit_version("rabbit-4.1.1.ez"), Some("4.1.1".to_owned()));
        assert_eq!(rabbit_version("rabbit_common-3.10.8"), None);
        assert_eq!(rabbitmq_series("3.10.8"), Some((3, 10)));
        assert!(rabbitmq_series("3.9.1").unwrap() < RABBITMQ_MIN);
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_to_get_it() {
        let empty = tempfile::tempdir().unwrap();
        let path = Some(empty.path().as_os_str());
        for error in [find_postgres(path).unwrap_err(), find_rabbitmq(path).unwrap_err()] {
            let text = error.to_string();
            assert!(
                text.contains("deploy/install.sh") && text.contains(&*empty.path().to_string_lossy()),
                "{text}"
            );
        }
    }
}
