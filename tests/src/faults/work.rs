//! The program that the packages of a run start: it notes its start and its end, each line synced, and works in between.
//! Independent of the code under test: it knows only its environment and its arguments.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};

use super::clock::boot_us;
use super::evidence::{Event, NOTES_FOLDER, Note};
use super::kind::Kind;

/// Beside the notes: a file for each execution, locked while a process of it lives.
pub const LOCKS_FOLDER: &str = "locks";

/// Works as `kind` does, and gives the exit code.
///
/// # Errors
/// When it is not started by a worker, or cannot write.
pub fn work(folder: &Path, kind: Kind) -> anyhow::Result<i32> {
    let ours = |name: &str| std::env::var(name).with_context(|| format!("{name} is not set"));
    let execution = ours("SCALEOUT_EXECUTION_ID")?;
    let attempt = ours("SCALEOUT_ATTEMPT")?.parse()?;
    let session = ours("SCALEOUT_SESSION")?;
    let path = folder.join(NOTES_FOLDER).join(format!("{}.jsonl", session.replace('#', "-")));
    let mut file =
        OpenOptions::new().create(true).append(true).open(&path).context("cannot open the notes")?;
    let mut note =
        Note { at_us: 0, execution, attempt, session, pid: std::process::id(), event: Event::Start };
    let lock = File::create(folder.join(LOCKS_FOLDER).join(&note.execution))?;
    let is_alone = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
    write(&mut file, &mut note, Event::Start)?;
    if !is_alone {
        write(&mut file, &mut note, Event::Overlap)?;
    }
    std::thread::sleep(Duration::from_millis(kind.works_ms()));
    let fails = kind.fails(attempt);
    write(&mut file, &mut note, if fails { Event::EndFailing } else { Event::End })?;
    Ok(i32::from(fails))
}

/// One write for one line, so that lines of processes side by side do not mix.
fn write(file: &mut File, note: &mut Note, event: Event) -> anyhow::Result<()> {
    note.at_us = boot_us();
    note.event = event;
    let mut line = serde_json::to_vec(note)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data().context("cannot sync the notes")
}
