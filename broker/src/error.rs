//! What can go wrong with the broker.

use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

/// In the text of a 404 that says that a queue is there, on a node that is not. What it holds is not lost.
const THERE_BUT_DOWN: &str = "down or inaccessible";

/// The connection is of no more use (but after `Absent`), and where it is one of a link, neither is the link: drop
/// everything and connect again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("setting rabbitmq.url is {url}: {reason}; expected amqp://USER:PASSWORD@HOST:PORT/VHOST")]
    Url { url: String, reason: String },
    #[error("cannot connect to RabbitMQ at {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("cannot {attempted}: {reason}")]
    Operation { attempted: String, reason: String },
    #[error("cannot {attempted}: {reason}")]
    Absent { attempted: String, reason: String },
    #[error("cannot {attempted}: RabbitMQ has failed, and its log says why: {reason}")]
    Internal { attempted: String, reason: String },
    #[error("cannot {attempted}: the broker has not answered for {} s", within.as_secs())]
    Unanswered { attempted: String, within: Duration },
    #[error("the broker canceled the consumer of {queue}")]
    Canceled { queue: String },
    #[error("the broker has forgotten the consumer of {queue}")]
    Forgotten { queue: String },
    #[error("a queue was replaced, which a channel that has published to the old one does not get over")]
    Replaced,
    #[error("the broker has not confirmed a publish for {} s", .0.as_secs())]
    Unconfirmed(Duration),
    #[error("the connection to the broker failed: {0}")]
    Lost(String),
}

impl BrokerError {
    /// The broker took too long to answer: the link is of no more use, whoever asked.
    pub fn is_unanswered(&self) -> bool {
        matches!(self, Self::Unanswered { .. })
    }

    /// The broker said that it failed itself: so it does when it cannot serve a queue that it lists.
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Internal { .. })
    }

    /// The broker's own word that there is no such queue or exchange.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }

    pub(crate) fn operation(attempted: impl Into<String>) -> impl FnOnce(lapin::Error) -> Self {
        let attempted = attempted.into();
        move |error| {
            let reason = error.to_string();
            match &error {
                error if failed_itself(error) => Self::Internal { attempted, reason },
                error if says_that_there_is_none(error) => Self::Absent { attempted, reason },
                _ => Self::Operation { attempted, reason },
            }
        }
    }

    /// A connection has ended.
    pub(crate) fn lost(error: &lapin::Error) -> Self {
        match failed_itself(error) {
            true => Self::Internal { attempted: "go on".to_owned(), reason: error.to_string() },
            false => Self::Lost(error.to_string()),
        }
    }
}

fn failed_itself(error: &lapin::Error) -> bool {
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(refusal)
        if *refusal.kind() == AMQPErrorKind::Hard(AMQPHardError::INTERNALERROR))
}

fn says_that_there_is_none(error: &lapin::Error) -> bool {
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(refusal)
        if *refusal.kind() == AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND)
            && !refusal.get_message().as_str().contains(THERE_BUT_DOWN))
}

/// Why messages were not safely published. All of them may have arrived nevertheless.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no link now, or it broke before the confirm.
    #[error("the broker cannot be reached")]
    Unreachable,
    /// A queue is full and rejects, or the broker could not store a message.
    #[error("the broker refused a message")]
    Refused,
    /// A message of the window could not be routed; lapin may pin it on another message, so the window failed.
    #[error("the broker returned a message as unroutable: {0}")]
    Returned(String),
    /// Too many messages wait to be published.
    #[error("too many messages wait to be published")]
    Full,
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPError;

    use super::*;

    #[test]
    fn only_the_word_that_there_is_none_is_absence() {
        let refused = |kind, text: &str| {
            let error = lapin::ErrorKind::ProtocolError(AMQPError::new(kind, text.into())).into();
            BrokerError::operation("look")(error).is_absence()
        };
        let not_found = || AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
        assert!(refused(not_found(), "NOT_FOUND - no queue 's' in vhost '/'"));
        // What RabbitMQ says of a durable queue whose node is away: with the node it comes back as it was.
        let down = "NOT_FOUND - home node 'r@a' of durable queue 's' in vhost '/' is down or inaccessible";
        assert!(!refused(not_found(), down));
        for kind in [
            AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED),
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED),
            AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED),
        ] {
            assert!(!refused(kind, "no queue 's'"));
        }
    }
}
