//! The session's side of the broker: one link after another, each with its inbox and subscriptions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use scaleout_broker::{BrokerError, Delivery, Link, Publisher, Subscription, supervise, topology};
use scaleout_common::ids::SessionId;
use scaleout_common::protocol::timing::HEARTBEAT_EVERY;
use scaleout_common::settings::Rabbitmq;
use scaleout_common::wire::{DecodeError, Kind, decode};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::event::{Answer, Event, Linked};
use super::subscriptions;
use super::unserved::Unserved;
use crate::guard::boot_time;
use crate::hearing::{Ears, Rebuilds};

/// How long a look may take: it must be over before the fence.
const LOOK_MAX: Duration = HEARTBEAT_EVERY;

/// Keeps a link up until `stop`, and tells the session of everything that comes over it.
pub(crate) async fn run(
    settings: Rabbitmq,
    session: SessionId,
    ears: Ears,
    events: mpsc::Sender<Event>,
    publisher: watch::Sender<Option<Publisher>>,
    looks: watch::Receiver<u64>,
    stop: CancellationToken,
) {
    let name = format!("scaleout worker {session}");
    let number = AtomicU64::new(0);
    let unserved = Unserved::default();
    let serve = |link: Link| {
        let number = number.fetch_add(1, Ordering::Relaxed) + 1;
        let (events, logs, looks) = (events.clone(), publisher.clone(), looks.clone());
        let (rebuilds, unserved) = (ears.rebuilds(), unserved.clone());
        async move {
            tokio::select! {
                served = serve(number, &link, &events, &logs, looks, &unserved) => served,
                lost = deaf(rebuilds) => Err(lost),
            }
        }
    };
    let report = |error: &BrokerError| {
        unserved.ended(error);
        publisher.send_replace(None);
        let (events, number) = (events.clone(), number.load(Ordering::Relaxed));
        // The session's loop may be busy and its queue full; the supervisor must not wait for it.
        tokio::spawn(async move { events.send(Event::Unlinked { number }).await });
    };
    supervise(&settings, &name, &stop, serve, report).await;
}

/// The link looks alive, and nothing is heard over it: to be dropped whole.
async fn deaf(mut rebuilds: Rebuilds) -> BrokerError {
    rebuilds.ordered().await;
    BrokerError::Lost("nothing was heard over it for too long".to_owned())
}

async fn serve(
    number: u64,
    link: &Link,
    events: &mpsc::Sender<Event>,
    logs: &watch::Sender<Option<Publisher>>,
    looks: watch::Receiver<u64>,
    unserved: &Unserved,
) -> Result<(), BrokerError> {
    // A channel each: the windows of outcomes and logs wait for the disk, claims and heartbeats must not.
    let claims = link.publisher(1).await?;
    let outcomes = link.publisher(1).await?;
    logs.send_replace(Some(link.publisher(1).await?));
    let (inbox, answers) = link.inbox().await?;
    let (subscriptions, served) = subscriptions::subscriptions();
    let linked = Linked { number, claims, outcomes: outcomes.clone(), inbox, subscriptions };
    if events.send(Event::Linked(linked)).await.is_ok() {
        tokio::try_join!(
            receive(answers, events),
            subscriptions::serve(link, &outcomes, served, unserved, events),
            look(link, looks, events),
            Box::pin(async { Err::<(), _>(unserved.served(link).await) }),
        )?;
    }
    // The session's loop has ended. Its log records still need the link, until they are shipped and `stop` says so.
    std::future::pending().await
}

/// Looks how many masters consume claims, whenever the session asks.
async fn look(
    link: &Link,
    mut looks: watch::Receiver<u64>,
    events: &mpsc::Sender<Event>,
) -> Result<(), BrokerError> {
    while looks.changed().await.is_ok() {
        let number = *looks.borrow_and_update();
        let began = boot_time();
        let consumers = match tokio::time::timeout(LOOK_MAX, link.depth(topology::CLAIMS)).await {
            Ok(Ok(depth)) => Some(depth.consumers),
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot look how many masters there are");
                None
            }
            Err(_) => {
                tracing::debug!("the broker does not answer a look at the masters");
                None
            }
        };
        if events.send(Event::Looked { number, began, consumers }).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

async fn receive(mut answers: Subscription, events: &mpsc::Sender<Event>) -> Result<(), BrokerError> {
    loop {
        let delivery = answers.next().await?;
        match read(&delivery) {
            Ok(Some(answer)) => {
                if events.send(Event::Answered(answer)).await.is_err() {
                    return Ok(());
                }
            }
            Ok(None) => tracing::warn!(kind = ?delivery.kind, "an answer of a kind this build does not know"),
            // Whatever it answered is asked for again.
            Err(error) => tracing::error!(%error, "an answer cannot be read"),
        }
    }
}

fn read(delivery: &Delivery) -> Result<Option<Answer>, DecodeError> {
    let body = &delivery.body;
    Ok(Some(match delivery.kind {
        Some(Kind::HelloAnswer) => Answer::Hello(decode(body)?),
        Some(Kind::HeartbeatAnswer) => Answer::Heartbeat(decode(body)?),
        Some(Kind::ClaimAnswers) => Answer::Claims(decode(body)?),
        Some(Kind::OutcomesApplied) => Answer::Applied(decode(body)?),
        Some(Kind::Stops) => Answer::Stops(decode(body)?),
        Some(Kind::MarkersSeen) => Answer::Markers(decode(body)?),
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaleout_common::ids::WorkerId;
    use scaleout_common::wire::encode;

    #[test]
    fn an_unreadable_answer_is_an_error_and_an_unknown_one_is_left_alone() {
        let session = SessionId { worker: WorkerId(uuid::Uuid::nil()), counter: 1 };
        let seen = scaleout_common::wire::MarkersSeen { session, markers: Vec::new() };
        let delivery = |body: Vec<u8>| {
            let (reply_to, routing_key) = (None, String::new());
            Delivery { tag: 1, kind: Kind::of(&body), body, reply_to, routing_key }
        };
        let body = encode(&seen).unwrap();
        assert!(matches!(read(&delivery(body.clone())), Ok(Some(Answer::Markers(found))) if found == seen));
        assert!(read(&delivery(body[..body.len() - 1].to_vec())).is_err(), "cut");
        assert!(matches!(read(&delivery(b"SO\x01\xfejunk".to_vec())), Ok(None)), "of a kind to come");
        assert!(matches!(read(&delivery(b"junk".to_vec())), Ok(None)));
    }
}
