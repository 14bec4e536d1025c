//! Ships log records to the masters: many in one message, published again until the broker has them. While it
//! cannot, the channel fills, and packages that print wait: back-pressure, never silent loss.

use std::time::Duration;

use scaleout_broker::{Outgoing, PublishError, Publisher, jitter};
use scaleout_common::ids::SessionId;
use scaleout_common::protocol::backoff::reconnect_delay;
use scaleout_common::wire::{LogBatch, LogRecord};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Records that wait at most; with the pieces of 64 KiB this bounds memory to 64 MiB.
pub(crate) const RECORDS_MAX: usize = 1_024;

/// Records, and bytes of text, in one message at most.
const BATCH_RECORDS: usize = 512;
const BATCH_BYTES: usize = 1024 * 1024;

/// Messages go at most this often, unless one is full: of a busy worker many records go together, and each message costs
/// the broker a write and the catalog a transaction. The first after a while goes at once.
const SHIP_EVERY: Duration = Duration::from_millis(50);

/// Ships until the last sender of `records` is gone and everything has been published.
/// Gives the number of records that were lost, because the link was given up before they were.
pub(crate) async fn ship(
    session: SessionId,
    mut records: mpsc::Receiver<LogRecord>,
    mut publisher: watch::Receiver<Option<Publisher>>,
) -> usize {
    let mut lost = 0;
    let mut shipped = None;
    while let Some(first) = records.recv().await {
        let batch = gather(session, first, &mut records, shipped.map(|at: Instant| at + SHIP_EVERY)).await;
        shipped = Some(Instant::now());
        if !publish(&batch, &mut publisher).await {
            lost += batch.records.len();
        }
    }
    lost
}

/// What has arrived, and what arrives until `due`, if that is still to come.
async fn gather(
    session: SessionId,
    first: LogRecord,
    records: &mut mpsc::Receiver<LogRecord>,
    due: Option<Instant>,
) -> LogBatch {
    let mut bytes = first.text.len();
    let mut batch = LogBatch { session, records: vec![first] };
    while batch.records.len() < BATCH_RECORDS && bytes < BATCH_BYTES {
        let next = match (records.try_recv(), due) {
            (Ok(record), _) => Some(record),
            (Err(_), Some(due)) => tokio::time::timeout_at(due, records.recv()).await.ok().flatten(),
            (Err(_), None) => None,
        };
        let Some(record) = next else { break };
        bytes += record.text.len();
        batch.records.push(record);
    }
    batch
}

/// `false`: the records are lost.
async fn publish(batch: &LogBatch, publisher: &mut watch::Receiver<Option<Publisher>>) -> bool {
    let message = match Outgoing::to_logs(batch) {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(%error, records = batch.records.len(), "log records cannot be written");
            return false;
        }
    };
    let mut failures = 0;
    loop {
        let linked = match publisher.wait_for(Option::is_some).await {
            Ok(linked) => linked.clone(),
            // The session has ended for good; nobody is left to publish.
            Err(_) => return false,
        };
        let Some(linked) = linked else { continue };
        let published = tokio::select! {
            biased;
            // The link is given up, or was the last: what has not been confirmed over it never is.
            given_up = publisher.wait_for(Option::is_none) => match given_up {
                Ok(_) => continue,
                Err(_) => return false,
            },
            published = linked.publish(vec![message.clone()]) => published,
        };
        let error = match published {
            Ok(()) => return true,
            Err(error) => error,
        };
        failures += 1;
        if matches!(error, PublishError::Refused) && failures == 1 {
            tracing::warn!("the broker's log queue is full: packages that print wait");
        }
        let wait: Duration = reconnect_delay(failures, jitter());
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use scaleout_common::ids::{ExecutionId, WorkerId};
    use scaleout_common::wire::{MessageSource, MessageType};
    use uuid::Uuid;

    use super::*;

    fn record(sequence: u64) -> LogRecord {
        LogRecord {
            execution: ExecutionId(Uuid::nil()),
            attempt: 1,
            sequence,
            at_us: 0,
            kind: MessageType::Information,
            source: MessageSource::Task,
            path: "\\Package".to_owned(),
            text: "a line".to_owned(),
        }
    }

    /// How many records the next message has.
    async fn gathered(records: &mut mpsc::Receiver<LogRecord>, due: Option<Instant>) -> usize {
        let session = SessionId { worker: WorkerId(Uuid::nil()), counter: 1 };
        let first = records.recv().await.expect("there is one");
        gather(session, first, records, due).await.records.len()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_alone_goes_at_once_and_what_follows_waits_for_company() {
        let (sender, mut records) = mpsc::channel(RECORDS_MAX);
        let began = Instant::now();
        sender.send(record(1)).await.unwrap();
        assert_eq!(gathered(&mut records, None).await, 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
        let sending = tokio::spawn(async move {
            for number in 2..=4 {
                sender.send(record(number)).await.unwrap();
                tokio::time::sleep(SHIP_EVERY * 2 / 5).await;
            }
            sender
        });
        assert_eq!(gathered(&mut records, Some(began + SHIP_EVERY)).await, 3);
        assert_eq!(began.elapsed(), SHIP_EVERY);
        let sender = sending.await.unwrap();
        // A full message waits for nobody.
        for number in 0..=BATCH_RECORDS as u64 {
            sender.send(record(number)).await.unwrap();
        }
        let now = Instant::now();
        assert_eq!(gathered(&mut records, Some(now + SHIP_EVERY)).await, BATCH_RECORDS);
        assert_eq!(now.elapsed(), Duration::ZERO);
    }
}
