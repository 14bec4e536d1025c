//! Consuming a queue on a connection of its own. To consume a queue that the broker lists and cannot serve ends the
//! connection: what a link carries besides must not end with it.

use std::time::{Duration, Instant};

use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use scaleout_common::protocol::backoff::reconnect_delay;

use crate::connection::Connection;
use crate::link::{answered, consume_on};
use crate::{BrokerError, Link, Subscription, jitter};

/// A subscription that has held this long has cured the failures before it.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// So often in a row something else than a failure of the broker itself may be in the way of consuming, such as that the
/// queue is just being replaced; then it ends the link, which is seen from outside.
const OTHERS_MAX: u32 = 10;

/// The longest wait is so many times that of a link, which carries more.
const PATIENCE: u32 = 5;

impl Link {
    /// Consumes `queue` with at most `prefetch` unacknowledged deliveries, and gives the subscription to `serve`, which
    /// returns when it has failed. While the broker fails itself, in consuming or in what `serve` does, the queue is tried
    /// again and again, and `unserved` hears of each time; if the broker has forgotten that it is consumed, it is consumed
    /// anew. Whatever else fails in `serve` ends this, and should end the link; so does what keeps the queue from being
    /// consumed for long.
    pub async fn consume_apart<S>(
        &self,
        queue: &str,
        prefetch: u16,
        mut serve: impl FnMut(Subscription) -> S,
        mut unserved: impl FnMut(),
    ) -> Result<(), BrokerError>
    where
        S: Future<Output = Result<(), BrokerError>>,
    {
        let (mut failures, mut others, own) = (0_u32, 0, [queue.to_owned()]);
        loop {
            let began = Instant::now();
            let error = match self.open_apart(queue, prefetch).await {
                Err(error) if error.is_internal() => {
                    others = 0;
                    error
                }
                Err(error) if others == OTHERS_MAX => return Err(error),
                Err(error) => {
                    others += 1;
                    error
                }
                Ok((_connection, subscription)) => {
                    others = 0;
                    let served = tokio::select! {
                        served = serve(subscription) => served,
                        error = self.forgotten(&own) => Err(error),
                    };
                    match served {
                        Err(error @ (BrokerError::Internal { .. } | BrokerError::Forgotten { .. })) => error,
                        ended => return ended,
                    }
                }
            };
            if error.is_internal() {
                unserved();
            }
            failures = if began.elapsed() > STABLE_AFTER { 1 } else { failures + 1 };
            let delay = reconnect_delay(failures, jitter()) * failures.min(PATIENCE);
            tracing::warn!(%error, queue, retry_in_ms = delay.as_millis() as u64, "a queue is not consumed");
            tokio::time::sleep(delay).await;
        }
    }

    async fn open_apart(
        &self,
        queue: &str,
        prefetch: u16,
    ) -> Result<(Connection, Subscription), BrokerError> {
        let connection = self.beside(&format!("consuming {queue}")).await?;
        let opening = async {
            let channel =
                connection.create_channel().await.map_err(BrokerError::operation("open a channel"))?;
            consume_on(channel, queue, prefetch, BasicConsumeOptions::default(), FieldTable::default()).await
        };
        let subscription = answered(format!("consume {queue}"), opening).await?;
        Ok((connection, subscription))
    }
}
