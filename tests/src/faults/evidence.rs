//! What the checker judges by: three records that are not the code under test's, and the catalog's rows. Each is a file
//! of JSON lines in the evidence folder. Owns no file; reading is all it does.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// What the client asked for and heard, in the order of hearing.
pub const CLIENT_FILE: &str = "client.jsonl";
/// A folder with a file for each session whose processes wrote lines.
pub const NOTES_FOLDER: &str = "notes";
/// Every change of a status, and every change of a terminal row, as the trigger wrote it down.
pub const CHANGES_FILE: &str = "changes.jsonl";
/// All executions as they are in the end.
pub const ROWS_FILE: &str = "rows.jsonl";
/// What was inflicted, and when it was over.
pub const FAULTS_FILE: &str = "faults.jsonl";

/// Everything. Times are microseconds of this machine's boot-time clock.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub heard: Vec<Heard>,
    pub notes: Vec<Note>,
    pub changes: Vec<Change>,
    pub rows: Vec<Row>,
    pub faults: Vec<Span>,
}

/// A line of the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "heard", rename_all = "kebab-case")]
pub enum Heard {
    /// It was about to ask for the first time. A request that is never accepted may still have been carried out.
    Asked {
        at_us: i64,
        request: String,
        kind: Kind,
        executions: u64,
    },
    Accepted {
        at_us: i64,
        request: String,
        executions: u64,
        repeated: bool,
    },
    /// An execution of an accepted request, as a master listed it.
    Id {
        at_us: i64,
        request: String,
        execution: String,
    },
    /// It was about to cancel for the first time.
    Canceling {
        at_us: i64,
        execution: String,
    },
    CancelAnswered {
        at_us: i64,
        execution: String,
        answer: CancelAnswer,
    },
}

/// What a cancel of one execution was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CancelAnswer {
    /// It had not started, and never will.
    Canceled,
    /// It ran, and was told to stop.
    Stopping,
    /// It had ended, or was stopping.
    Unchanged,
    NotFound,
}

/// A line that a package's own process wrote and synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub at_us: i64,
    pub execution: String,
    pub attempt: u32,
    pub session: String,
    pub pid: u32,
    pub event: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    Start,
    /// A process of an earlier attempt of this execution lives: it holds the execution's file lock.
    Overlap,
    End,
    /// It ends with an exit code that is not 0, as it should.
    EndFailing,
}

/// A line of the trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub at_us: i64,
    pub execution: String,
    pub attempt: u32,
    /// SSISDB's numbers.
    pub before: i16,
    /// `None` when the row was deleted.
    pub after: Option<i16>,
}

/// An execution in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub execution: String,
    pub batch: String,
    pub status: i16,
    pub attempt: u32,
    pub failures: u32,
    pub losses: u32,
    pub error: Option<String>,
}

/// A fault that was inflicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub fault: String,
    pub from_us: i64,
    pub to_us: i64,
    /// How long the protocol may take to find out what it did, beyond what is within any minute.
    pub finding_us: i64,
}

/// Statuses, by SSISDB's numbers; the checker does not ask the code under test for them.
pub mod status {
    pub const RUNNING: i16 = 2;
    pub const CANCELED: i16 = 3;
    pub const FAILED: i16 = 4;
    pub const PENDING: i16 = 5;
    pub const UNEXPECTED: i16 = 6;
    pub const SUCCEEDED: i16 = 7;
    pub const STOPPING: i16 = 8;

    pub fn is_terminal(status: i16) -> bool {
        [CANCELED, FAILED, UNEXPECTED, SUCCEEDED].contains(&status)
    }
}

impl Evidence {
    /// Reads a folder.
    ///
    /// # Errors
    /// Which file cannot be read, or which line is none.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut notes = Vec::new();
        for entry in std::fs::read_dir(folder.join(NOTES_FOLDER))? {
            notes.extend(lines::<Note>(&entry?.path())?);
        }
        notes.sort_by_key(|note| note.at_us);
        Ok(Self {
            heard: lines(&folder.join(CLIENT_FILE))?,
            notes,
            changes: lines(&folder.join(CHANGES_FILE))?,
            rows: lines(&folder.join(ROWS_FILE))?,
            faults: lines(&folder.join(FAULTS_FILE))?,
        })
    }
}

/// A process that was killed may have left half a last line; any other line must be whole.
fn lines<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    use anyhow::Context as _;
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let read = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .with_context(|| format!("line {} of {} is none: {line}", number + 1, file.display()))
    };
    whole.lines().enumerate().map(read).collect()
}
