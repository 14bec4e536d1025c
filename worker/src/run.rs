//! Running a worker: one session after another, until it has drained.

use anyhow::{Context, bail};
use scaleout_common::settings::Settings;
use scaleout_common::wire::Outcomes;
use tokio_util::sync::CancellationToken;

use crate::session::{SessionEnd, SessionStart};

/// Bytes of unapplied outcomes that a hello carries at most; it must fit a message.
const CARRIED_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What an outcome takes in a message without its texts, generously.
const OUTCOME_BYTES: usize = 64;

/// Runs a worker until `stop`, then drains: it claims no more, gives what runs its grace, and reports everything.
///
/// # Errors
/// Another worker lives in the data folder, the folder cannot be used, or the masters refuse this worker.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let folder = &settings.worker.data_folder;
    std::fs::create_dir_all(folder).with_context(|| {
        format!("cannot make the worker's data folder {} (setting worker.data_folder)", folder.display())
    })?;
    let mut above = 0;
    let mut previous: Vec<Outcomes> = Vec::new();
    let mut packages = None;
    loop {
        let session = SessionStart {
            settings: &settings,
            packages: &mut packages,
            above,
            previous: std::mem::take(&mut previous),
            stop: &stop,
        };
        match session.run().await? {
            SessionEnd::Drained => {
                tracing::info!("the worker has drained");
                return Ok(());
            }
            SessionEnd::Refused { reason } => bail!("the masters refuse this worker: {reason}"),
            SessionEnd::Over { above: seen, unapplied } => {
                above = seen;
                previous = fitting(unapplied);
            }
        }
    }
}

/// As many outcomes as a hello can carry. The rest is lost with its session, and runs again: at-least-once.
fn fitting(reports: Vec<Outcomes>) -> Vec<Outcomes> {
    let mut room = CARRIED_BYTES_MAX;
    let mut lost = 0;
    let keep = |mut report: Outcomes| {
        report.outcomes.retain(|outcome| {
            let texts =
                [&outcome.error, &outcome.result].into_iter().flatten().map(String::len).sum::<usize>();
            let fits = texts + OUTCOME_BYTES <= room;
            room = if fits { room - texts - OUTCOME_BYTES } else { room };
            lost += usize::from(!fits);
            fits
        });
        report
    };
    let kept = reports.into_iter().map(keep).filter(|report| !report.outcomes.is_empty()).collect();
    if lost > 0 {
        tracing::error!(
            lost,
            "more unapplied outcomes than a hello can carry: their executions will run again"
        );
    }
    kept
}
