//! Consumers that the broker has forgotten without a word, as RabbitMQ does when the process that holds a quorum queue is
//! lost: the connection goes on, and nothing comes over it any more.

use std::time::Duration;

use lapin::options::BasicConsumeOptions;

use crate::link::consume_on;
use crate::mending::{LOOK_MAX, last};
use crate::{BrokerError, Link, jitter};

/// More or less, so that those who consume a queue together do not look together.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// So many looks in a row must find no consumer, where the queue can be consumed. A busy broker says none when it does not
/// know within a quarter of a second, and so does one on which the consumers have just begun.
const LOOKS: u32 = 3;

/// What was seen of a queue that the caller consumes.
#[derive(Default)]
struct Seen {
    /// So many looks in a row found no consumer.
    without: u32,
    /// The broker could not serve it: whatever it knew of it is gone.
    broken: bool,
}

/// What came of consuming a queue once more.
enum Trial {
    /// The broker cannot serve it.
    Broken,
    /// It knows no other consumer.
    Alone,
    /// It knows others, or did not say how many.
    Beside,
    /// Nothing was learned.
    Open,
}

impl Link {
    /// Resolves when the broker does not know any more that the caller consumes one of `queues`, which it does all the
    /// time. It is noticed when the broker knows no consumer at all, or could not serve the queue meanwhile. And not before
    /// it can be consumed anew: a link that went for a queue that cannot be served would not come back, and it carries more
    /// than that queue.
    pub async fn forgotten(&self, queues: &[String]) -> BrokerError {
        let mut all: Vec<Seen> = queues.iter().map(|_| Seen::default()).collect();
        loop {
            tokio::time::sleep(LOOK_EVERY.mul_f64(0.75 + 0.5 * jitter())).await;
            for (queue, seen) in queues.iter().zip(&mut all) {
                seen.without = match self.depth(queue).await {
                    Ok(depth) if depth.consumers == 0 => seen.without.saturating_add(1),
                    Ok(_) => 0,
                    // One that was deleted ends its consumers with a word.
                    Err(error) => {
                        tracing::debug!(%error, "a queue cannot be looked at");
                        0
                    }
                };
                if (seen.without > 0 || seen.broken) && seen.is_forgotten_after(&self.try_it(queue).await) {
                    return BrokerError::Forgotten { queue: queue.clone() };
                }
            }
        }
    }

    /// Whether the broker serves `queue`, seen on a connection of its own. `None`: that was not to be learned.
    pub async fn serves(&self, queue: &str) -> Option<bool> {
        match self.try_it(queue).await {
            Trial::Alone | Trial::Beside => Some(true),
            Trial::Broken => Some(false),
            Trial::Open => None,
        }
    }

    /// Consumes `queue` once more, on a connection of its own and behind everybody else.
    async fn try_it(&self, queue: &str) -> Trial {
        let trying = async {
            let connection = self.beside(&format!("trying {queue}")).await?;
            let channel =
                connection.create_channel().await.map_err(BrokerError::operation("open a channel"))?;
            let trial = consume_on(channel, queue, 1, BasicConsumeOptions::default(), last()).await?;
            let depth = self.depth(queue).await;
            // What it was given meanwhile goes back.
            trial.close().await;
            Ok(if matches!(depth, Ok(depth) if depth.consumers == 1) { Trial::Alone } else { Trial::Beside })
        };
        match tokio::time::timeout(LOOK_MAX, trying).await {
            Ok(Ok(trial)) => trial,
            Ok(Err(error)) if BrokerError::is_internal(&error) => Trial::Broken,
            Ok(Err(error)) => {
                tracing::debug!(%error, queue, "a queue was not tried");
                Trial::Open
            }
            // A broker that is busy says in the end that it has failed.
            Err(_) => Trial::Open,
        }
    }
}

impl Seen {
    fn is_forgotten_after(&mut self, trial: &Trial) -> bool {
        match trial {
            Trial::Broken => self.broken = true,
            Trial::Alone => return self.broken || self.without >= LOOKS,
            Trial::Beside => return self.broken,
            Trial::Open => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_known_is_forgotten_with_what_the_broker_knew() {
        let mut seen = Seen { without: 1, broken: false };
        assert!(!seen.is_forgotten_after(&Trial::Beside));
        assert!(!seen.is_forgotten_after(&Trial::Broken), "it could not be consumed anew");
        assert!(!seen.is_forgotten_after(&Trial::Open));
        assert!(seen.is_forgotten_after(&Trial::Beside), "others were faster");
        assert!(seen.is_forgotten_after(&Trial::Alone));
    }

    #[test]
    fn one_look_without_consumers_is_not_enough() {
        let mut seen = Seen { without: 2, broken: false };
        assert!(!seen.is_forgotten_after(&Trial::Alone));
        seen.without = 3;
        assert!(!seen.is_forgotten_after(&Trial::Beside), "it may be one of those");
        assert!(seen.is_forgotten_after(&Trial::Alone));
    }
}
