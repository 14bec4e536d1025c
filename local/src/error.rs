//! Everything that can go wrong with private servers, said so that its reader knows what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Which of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// PostgreSQL.
    Postgres,
    /// RabbitMQ, with Erlang's port mapper.
    RabbitMq,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Server::Postgres => "PostgreSQL",
            Server::RabbitMq => "RabbitMQ",
        })
    }
}

/// Why private servers could not be started, stopped or asked.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A program is not installed, or too old.
    #[error(
        "{server}: found no {program} ({wanted}); looked in {looked_in}; install it with deploy/install.sh"
    )]
    ProgramMissing {
        /// The server that needs it.
        server: Server,
        /// The program's name.
        program: &'static str,
        /// The versions that would do.
        wanted: String,
        /// The folders that were searched.
        looked_in: String,
    },
    /// The data folder was written by a version of the server that the installed one cannot go on from.
    #[error(
        "{server}: the data in {} is of version {found}, installed is {installed}; install {server} {found}, \
         or remove the data", folder.display()
    )]
    OtherVersion {
        /// The server.
        server: Server,
        /// The data folder.
        folder: PathBuf,
        /// The version that wrote the folder.
        found: String,
        /// The versions that are installed.
        installed: String,
    },
    /// Too little room on the file system of the data folder.
    #[error(
        "the disk of {} has {free_mib} MiB free, private servers need {need_mib} MiB; make room, or choose a \
         data folder elsewhere", folder.display()
    )]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
        /// What is free, MiB.
        free_mib: u64,
        /// What is needed, MiB.
        need_mib: u64,
    },
    /// Another process has its servers in this data folder.
    #[error(
        "the data folder {} is in use by process {pid}; stop that one first, or choose another data folder",
        folder.display()
    )]
    FolderHeld {
        /// The data folder.
        folder: PathBuf,
        /// The process that started the servers which hold it.
        pid: u32,
    },
    /// The servers' user cannot get into the data folder.
    #[error(
        "root may not run the servers, so they run as user `{user}`, who cannot enter {} on the way to {}; \
         choose a data folder elsewhere (for example under /var/lib), or run this as an ordinary user",
        at.display(), folder.display()
    )]
    FolderClosed {
        /// The data folder.
        folder: PathBuf,
        /// The user the servers run as.
        user: String,
        /// The first folder on the way that is closed to that user.
        at: PathBuf,
    },
    /// A port that was asked for is taken.
    #[error("port {port} on 127.0.0.1, asked for as the {what} port, is taken; free it, or ask for another")]
    PortTaken {
        /// What it was to be for.
        what: &'static str,
        /// The port.
        port: u16,
    },
    /// A server did not answer in time.
    #[error("{server} did not answer within {waited_s} s: {reason}; the end of its log:\n{log}")]
    NotReady {
        /// The server.
        server: Server,
        /// How long was waited, seconds.
        waited_s: u64,
        /// What the last attempt to reach it said.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// A process of a server ended although it should run, or failed.
    #[error("{server}: {process} {how}; the end of its log:\n{log}")]
    Ended {
        /// The server.
        server: Server,
        /// Which of its processes.
        process: String,
        /// How it ended.
        how: String,
        /// The last lines of its log.
        log: String,
    },
    /// The keeper process could not be started, or is gone.
    #[error("the keeper of the private servers {0}")]
    Keeper(String),
    /// A request to a running server failed.
    #[error("{server}: {doing}: {found}")]
    Request {
        /// The server.
        server: Server,
        /// What was asked of it.
        doing: String,
        /// What it answered.
        found: String,
    },
    /// A folder that is to be removed does not look like ours.
    #[error(
        "{} has no servers.lock, so it is no data folder of private servers; nothing was removed", .0.display()
    )]
    NotOurs(PathBuf),
    /// Files.
    #[error("{doing}: {source}")]
    Io {
        /// What was attempted.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

/// How Erlang, the system (in PostgreSQL's words and the keeper's) and RabbitMQ before it starts its distribution
/// say that somebody listens there already.
const PORT_TAKEN_WORDS: [&str; 3] = ["eaddrinuse", "ddress already in use", "dist_port_already_used"];

impl LocalError {
    /// Whether a server ended, or its socket could not be made, because its port is somebody else's.
    pub(crate) fn is_port_taken(&self) -> bool {
        let said = match self {
            LocalError::Ended { log, .. } => log,
            LocalError::Keeper(what) => what,
            _ => return false,
        };
        PORT_TAKEN_WORDS.iter().any(|words| said.contains(words))
    }

    /// For `map_err` on file operations: `verb` reads like "cannot write".
    pub(crate) fn io(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> LocalError {
        let doing = format!("{verb} {}", path.display());
        move |source| LocalError::Io { doing, source }
    }
}
