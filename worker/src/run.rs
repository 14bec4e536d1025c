//! Running a worker: one session after another, until it has drained or hears nothing any more.

use std::sync::Arc;

use anyhow::{Context, bail};
use scaleout_common::settings::Settings;
use scaleout_common::wire::Outcomes;
use tokio_util::sync::CancellationToken;

use crate::accounts::{Accounts, check_folder};
use crate::hearing::{Ears, hearing};
use crate::journal::fitting;
use crate::session::{SessionEnd, SessionStart};

/// Runs a worker until `stop`, then drains: it claims no more, gives what runs its grace, and reports everything.
///
/// # Errors
/// A user of `worker.run_as` is not there or cannot be become, others than root have a hand in the data folder then,
/// another worker lives in it, it cannot be used, the masters refuse this worker, or it has heard neither masters nor
/// broker for so long that its supervisor should start it anew.
pub async fn run(settings: Settings, stop: CancellationToken) -> anyhow::Result<()> {
    let folder = &settings.worker.data_folder;
    std::fs::create_dir_all(folder).with_context(|| {
        format!("cannot make the worker's data folder {} (setting worker.data_folder)", folder.display())
    })?;
    let accounts = Accounts::find(&settings.worker.run_as)?;
    if accounts.are_others() {
        check_folder(folder)?;
    }
    if accounts.include_root() {
        tracing::warn!(
            "packages run as root here: whoever may enqueue may do everything on this machine. Run the worker as another \
             user, or list in the setting worker.run_as whom packages run as instead"
        );
    }
    let (ears, listener) = hearing();
    tokio::select! {
        ended = sessions(&settings, &accounts, &stop, &ears) => ended,
        // What still runs dies with the process, by its guard.
        deaf = listener.deaf() => Err(deaf.into()),
    }
}

async fn sessions(
    settings: &Settings,
    accounts: &Accounts,
    stop: &CancellationToken,
    ears: &Ears,
) -> anyhow::Result<()> {
    let mut above = 0;
    let mut previous: Vec<Outcomes> = Vec::new();
    let mut packages = None;
    let mut journal = None;
    loop {
        let session = SessionStart {
            settings,
            accounts,
            packages: &mut packages,
            journal: &mut journal,
            above,
            previous: std::mem::take(&mut previous),
            stop,
            ears,
        };
        match session.run().await? {
            SessionEnd::Drained => {
                if let Some(journal) = journal.and_then(Arc::into_inner) {
                    journal.close().await;
                }
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
