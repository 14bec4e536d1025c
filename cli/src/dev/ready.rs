//! Waiting until `scaleout dev` can say that it is ready: the master says so itself, and every worker has opened a
//! session of this run.

use std::collections::BTreeMap;
use std::time::Duration;

use scaleout_common::api::{WorkerState, WorkerSummary};
use scaleout_local::log_end;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::service::Died;
use crate::client::Client;
use crate::exit::Failure;
use crate::output::say;

/// How long services may take to become ready.
const READY_MAX: Duration = Duration::from_secs(90);
const ASK_EVERY: Duration = Duration::from_millis(100);
/// A service that dies this often before it was ready will not become so.
const DEATHS_MAX: u32 = 3;

/// Sessions by worker name, as they were before this run's workers started.
pub(super) type Sessions = BTreeMap<String, Option<u64>>;

/// Watches services become ready, and gives up on one that keeps dying.
pub(super) struct Watch<'a> {
    client: &'a Client,
    died: &'a mut mpsc::Receiver<Died>,
    deaths: BTreeMap<String, u32>,
    deadline: Instant,
}

impl<'a> Watch<'a> {
    pub(super) fn new(client: &'a Client, died: &'a mut mpsc::Receiver<Died>) -> Self {
        Self { client, died, deaths: BTreeMap::new(), deadline: Instant::now() + READY_MAX }
    }

    /// Waits for the master, and says which sessions there are from earlier runs.
    pub(super) async fn master(&mut self) -> Result<Sessions, Failure> {
        loop {
            match self.client.ready().await {
                Ok(()) => break,
                Err(why) => self.pause(|| format!("the master is not ready: {why}")).await?,
            }
        }
        let workers: Vec<WorkerSummary> = self.client.get(&["workers"], &[]).await?;
        Ok(workers.into_iter().map(|worker| (worker.name, worker.session)).collect())
    }

    /// Waits until each of `names` is online with a session that was not there `before`.
    pub(super) async fn workers(&mut self, names: &[String], before: &Sessions) -> Result<(), Failure> {
        loop {
            let workers: Vec<WorkerSummary> = self.client.get(&["workers"], &[]).await?;
            let missing: Vec<&str> =
                names.iter().filter(|name| !is_new(name, &workers, before)).map(String::as_str).collect();
            if missing.is_empty() {
                return Ok(());
            }
            self.pause(|| format!("not online yet: {}", missing.join(", "))).await?;
        }
    }

    /// Waits a moment; tells who died meanwhile.
    async fn pause(&mut self, waiting_for: impl FnOnce() -> String) -> Result<(), Failure> {
        if Instant::now() >= self.deadline {
            return Err(Failure::unreachable(format!("not ready within {READY_MAX:?}: {}", waiting_for()))
                .hint("the logs are in the data folder under logs/"));
        }
        tokio::select! {
            () = tokio::time::sleep(ASK_EVERY) => Ok(()),
            Some(died) = self.died.recv() => self.count(&died),
        }
    }

    fn count(&mut self, died: &Died) -> Result<(), Failure> {
        let deaths = self.deaths.entry(died.name.clone()).or_default();
        *deaths += 1;
        if *deaths < DEATHS_MAX {
            tell(died);
            return Ok(());
        }
        let lines = log_end(&died.log);
        Err(Failure::failed(format!(
            "{} {} {DEATHS_MAX} times before it was ready; the end of {}:\n{lines}",
            died.name,
            died.how,
            died.log.display()
        )))
    }
}

/// Says that a service died and is started again.
pub(super) fn tell(died: &Died) {
    let Died { name, how, again_in, log } = died;
    say(&format!("{name} {how}; starting it again in {again_in:?} (log: {})", log.display()));
}

fn is_new(name: &str, workers: &[WorkerSummary], before: &Sessions) -> bool {
    workers
        .iter()
        .filter(|worker| worker.name == name && worker.state == WorkerState::Online)
        .any(|worker| worker.session.is_some() && before.get(name).copied().flatten() != worker.session)
}
