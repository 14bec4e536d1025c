//! Confirmed publishing in windows.
//!
//! A publisher has a few channels, each with one task: lapin takes the delivery tag and queues the frame under
//! different locks, so a channel must not be shared. A task publishes what has arrived, up to a window, waits for
//! all confirms, and only then answers. It batches by what is there and never waits for more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation};
use tokio::sync::{mpsc, oneshot, watch};

use crate::alarm::{Alarm, Alarms};
use crate::link::set_once;
use crate::{BrokerError, Outgoing, PublishError};

/// A confirm that takes longer, while no alarm is known, means that the link must be built anew.
const CONFIRM_MAX: Duration = Duration::from_secs(30);

/// With an alarm on every link is held back alike, and a new one would help nobody. After this it is built anew all
/// the same, should it be the alarm's end that has got lost.
const ALARM_MAX: Duration = Duration::from_secs(300);

/// Requests that wait per channel at most.
const REQUESTS_MAX: usize = 256;

/// Publishes messages and says when the broker has them. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    channels: Arc<[mpsc::Sender<Request>]>,
    next: Arc<AtomicUsize>,
}

struct Request {
    messages: Vec<Outgoing>,
    /// Absent: nobody waits for the confirm.
    done: Option<oneshot::Sender<Result<(), PublishError>>>,
}

impl Publisher {
    /// Publishes all of `messages`, which may be many windows; returns when the broker has confirmed every one.
    /// On an error any of them may have arrived: publish again, copies are harmless.
    pub async fn publish(&self, messages: Vec<Outgoing>) -> Result<(), PublishError> {
        let (done, confirmed) = oneshot::channel();
        let request = Request { messages, done: Some(done) };
        self.channel().send(request).await.map_err(|_| PublishError::Unreachable)?;
        confirmed.await.map_err(|_| PublishError::Unreachable)?
    }

    /// Publishes without waiting, for what its receiver asks for again if it is lost. Never grows without bound.
    pub fn publish_and_forget(&self, message: Outgoing) -> Result<(), PublishError> {
        let request = Request { messages: vec![message], done: None };
        self.channel().try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PublishError::Full,
            mpsc::error::TrySendError::Closed(_) => PublishError::Unreachable,
        })
    }

    fn channel(&self) -> &mpsc::Sender<Request> {
        &self.channels[self.next.fetch_add(1, Ordering::Relaxed) % self.channels.len()]
    }
}

/// Starts one task per channel. They end with the last clone of the publisher, or when publishing fails.
pub(crate) fn start(
    channels: Vec<Channel>,
    window: usize,
    failed: watch::Sender<Option<BrokerError>>,
    alarms: &Alarms,
) -> Publisher {
    let senders = channels.into_iter().map(|channel| {
        let (sender, receiver) = mpsc::channel(REQUESTS_MAX);
        let (failed, alarm) = (failed.clone(), alarms.subscribe());
        tokio::spawn(async move {
            if let Err(error) = serve(&channel, window, alarm, receiver).await {
                failed.send_if_modified(|slot| set_once(slot, error));
            }
        });
        sender
    });
    Publisher { channels: senders.collect(), next: Arc::new(AtomicUsize::new(0)) }
}

async fn serve(
    channel: &Channel,
    window: usize,
    mut alarm: watch::Receiver<Option<Alarm>>,
    mut requests: mpsc::Receiver<Request>,
) -> Result<(), BrokerError> {
    while let Some(first) = requests.recv().await {
        let mut size = first.messages.len();
        let mut batch = vec![first];
        while size < window {
            let Ok(request) = requests.try_recv() else { break };
            size += request.messages.len();
            batch.push(request);
        }
        let (messages, waiting): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|request| (request.messages, request.done)).unzip();
        let messages = messages.concat();
        let mut result = Ok(());
        for part in messages.chunks(window) {
            result = result.and(publish_window(channel, &mut alarm, part).await?);
        }
        for done in waiting.into_iter().flatten() {
            // Whoever asked may be gone; the messages are published all the same.
            let _ = done.send(result.clone());
        }
    }
    Ok(())
}

/// The outer error is the link's, the inner one the window's.
async fn publish_window(
    channel: &Channel,
    alarm: &mut watch::Receiver<Option<Alarm>>,
    messages: &[Outgoing],
) -> Result<Result<(), PublishError>, BrokerError> {
    let confirms = async {
        let published = try_join_all(messages.iter().map(|message| publish_one(channel, message))).await?;
        try_join_all(published).await
    };
    let confirms = tokio::select! {
        confirms = confirms => confirms.map_err(BrokerError::operation("publish"))?,
        error = too_long(alarm) => return Err(error),
    };
    Ok(confirms.into_iter().try_for_each(accept))
}

/// Resolves when a confirm has taken too long. The time begins anew whenever an alarm comes up or ends.
async fn too_long(alarm: &mut watch::Receiver<Option<Alarm>>) -> BrokerError {
    loop {
        let most = if alarm.borrow_and_update().is_some() { ALARM_MAX } else { CONFIRM_MAX };
        tokio::select! {
            () = tokio::time::sleep(most) => return BrokerError::Unconfirmed(most),
            // The sender lives as long as the link; without it the connection's own error ends the publishing.
            Ok(()) = alarm.changed() => {}
        }
    }
}

async fn publish_one(channel: &Channel, message: &Outgoing) -> lapin::Result<lapin::PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: message.mandatory, ..Default::default() };
    let (exchange, key) = (message.exchange.into(), message.key.as_str().into());
    channel.basic_publish(exchange, key, options, &message.body, message.properties.clone()).await
}

/// Only a plain ack counts: a returned message is acked too, and without confirms nothing is.
fn accept(confirm: Confirmation) -> Result<(), PublishError> {
    match confirm {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
            Err(PublishError::Returned(returned.reply_text.to_string()))
        }
        Confirmation::Nack(None) => Err(PublishError::Refused),
        Confirmation::NotRequested => Err(PublishError::Unreachable),
    }
}
