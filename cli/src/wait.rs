//! Waiting for a batch or executions to end, by asking again and again. Ctrl-C stops only the waiting.

use std::time::Duration;

use scaleout_common::api::{BatchDetail, ExecutionDetail};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::status::Status;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::progress::Progress;

/// The first pause between two questions; it doubles up to [`ASK_EVERY_MAX`].
const ASK_EVERY_MIN: Duration = Duration::from_millis(20);
const ASK_EVERY_MAX: Duration = Duration::from_secs(1);
/// How long the master may be out of reach before waiting is given up: what was accepted goes on without it.
const OUTAGE_MAX: Duration = Duration::from_secs(120);

/// Waits until every execution of the batch has ended.
///
/// # Errors
/// There is no such batch, the master stays out of reach, or the user pressed Ctrl-C.
pub(crate) async fn batch(client: &Client, id: BatchId) -> Result<BatchDetail, Failure> {
    let text = id.to_string();
    let path = ["batches", &text];
    let mut progress: Option<Progress> = None;
    let waiting = until(client, &path, |batch: &BatchDetail| {
        let bar = progress.get_or_insert_with(|| Progress::new(batch.executions));
        bar.show(batch);
        batch.ended() >= batch.executions
    });
    interruptible(waiting, &format!("scaleout batch wait {id}"), &format!("scaleout batch cancel {id}")).await
}

/// Waits until the execution has ended.
///
/// # Errors
/// As [`batch`].
pub(crate) async fn execution(client: &Client, id: ExecutionId) -> Result<ExecutionDetail, Failure> {
    let text = id.to_string();
    let path = ["executions", &text];
    let waiting = until(client, &path, |execution: &ExecutionDetail| execution.summary.status.is_terminal());
    let (again, cancel) =
        (format!("scaleout execution wait {id}"), format!("scaleout execution cancel {id}"));
    interruptible(waiting, &again, &cancel).await
}

/// Done only if every execution of the batch succeeded.
pub(crate) fn exit_of(batch: &BatchDetail) -> Exit {
    let succeeded = batch.counts.get(&Status::Succeeded).copied().unwrap_or(0);
    if succeeded == batch.executions { Exit::Done } else { Exit::NotSucceeded }
}

/// Ends `waiting` at Ctrl-C, and says how to go on.
pub(crate) async fn interruptible<T>(
    waiting: impl Future<Output = Result<T, Failure>>,
    again: &str,
    cancel: &str,
) -> Result<T, Failure> {
    tokio::select! {
        result = waiting => result,
        _ = tokio::signal::ctrl_c() => Err(Failure::interrupted("stopped waiting; what was enqueued goes on")
            .hint(format!("wait again with `{again}`, stop it with `{cancel}`"))),
    }
}

async fn until<T: DeserializeOwned>(
    client: &Client,
    path: &[&str],
    mut is_over: impl FnMut(&T) -> bool,
) -> Result<T, Failure> {
    let mut pause = ASK_EVERY_MIN;
    let mut answered = Instant::now();
    loop {
        match client.get::<T>(path, &[]).await {
            Ok(found) if is_over(&found) => return Ok(found),
            Ok(_) => answered = Instant::now(),
            Err(failure) if failure.exit == Exit::Unreachable && answered.elapsed() < OUTAGE_MAX => {}
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(ASK_EVERY_MAX);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_a_batch_that_succeeded_as_a_whole_is_done() {
        let batch = |counts: &[(Status, u64)]| BatchDetail {
            batch: BatchId(Uuid::nil()),
            created_at: Timestamp::UNIX_EPOCH,
            executions: 3,
            counts: BTreeMap::from_iter(counts.iter().copied()),
            schedule: None,
            scheduled_at: None,
        };
        assert_eq!(exit_of(&batch(&[(Status::Succeeded, 3)])), Exit::Done);
        assert_eq!(exit_of(&batch(&[(Status::Succeeded, 2), (Status::Failed, 1)])), Exit::NotSucceeded);
        assert_eq!(exit_of(&batch(&[(Status::Canceled, 3)])), Exit::NotSucceeded);
    }
}
