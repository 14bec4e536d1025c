//! Answering sessions, and putting aside what nobody can read.

use scaleout_broker::{BrokerError, Delivery, Outgoing, PublishError, Publisher};
use scaleout_common::wire::{DecodeError, Message, decode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Sends an answer to the inbox that asked. Lost answers are asked for again.
pub(super) fn answer<M: Message + Serialize>(publisher: &Publisher, inbox: &str, message: &M) {
    match Outgoing::to_inbox(inbox, message) {
        Ok(outgoing) => {
            if let Err(error) = publisher.publish_and_forget(outgoing) {
                tracing::debug!(%error, inbox, "an answer was not sent");
            }
        }
        Err(error) => tracing::error!(%error, inbox, "an answer cannot be written"),
    }
}

/// The message in a delivery; what cannot be read goes to the dead letters, confirmed, before it is acknowledged.
pub(super) async fn read<M: Message + DeserializeOwned>(
    publisher: &Publisher,
    queue: &str,
    delivery: &Delivery,
) -> Result<Option<M>, BrokerError> {
    match decode(&delivery.body) {
        Ok(message) => Ok(Some(message)),
        Err(error) => bury(publisher, queue, delivery, &error).await.map(|()| None),
    }
}

/// Moves a delivery to the dead letters.
pub(super) async fn bury(
    publisher: &Publisher,
    queue: &str,
    delivery: &Delivery,
    error: &DecodeError,
) -> Result<(), BrokerError> {
    tracing::error!(%error, queue, bytes = delivery.body.len(), "a message cannot be read: moved to scaleout.dead");
    let dead = Outgoing::to_dead(delivery.body.clone(), &error.to_string(), queue);
    let attempted = || "put a dead letter aside".to_owned();
    publisher.publish(vec![dead]).await.map_err(|error| match error {
        // Their queue has no bound.
        PublishError::Refused => BrokerError::Internal { attempted: attempted(), reason: error.to_string() },
        error => BrokerError::Lost(format!("cannot {}: {error}", attempted())),
    })
}
