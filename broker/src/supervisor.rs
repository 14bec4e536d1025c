//! The connection supervisor: connect, declare, serve; on any error drop all, back off with jitter, again.
//!
//! lapin's own recovery stays off: it does not cover channel errors, has no jitter, and its waiters can wait for
//! ever. A worker that is alive but deaf after a broker blip is the commonest fault of our peers.

use std::time::{Duration, Instant};

use scaleout_common::protocol::backoff::reconnect_delay;
use scaleout_common::settings::Rabbitmq;
use tokio_util::sync::CancellationToken;

use crate::{BrokerError, Link, jitter};

/// A link that has held this long has cured the failures before it.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Serves one link after another until `stop`. `serve` gets each new link and returns when it has failed or when it
/// noticed `stop`; it may be dropped at any await, and is when `stop` comes. `report` hears of every failure, for readiness and logs.
pub async fn supervise<S>(
    settings: &Rabbitmq,
    name: &str,
    stop: &CancellationToken,
    mut serve: impl FnMut(Link) -> S,
    mut report: impl FnMut(&BrokerError),
) where
    S: Future<Output = Result<(), BrokerError>>,
{
    let mut failures = 0;
    while !stop.is_cancelled() {
        let began = Instant::now();
        let ended = tokio::select! {
            () = stop.cancelled() => return,
            opened = Link::open(settings, name) => opened,
        };
        let error = match ended {
            Err(error) => error,
            Ok(link) => match serve_until_failed(&link, stop, serve(link.clone())).await {
                Ok(()) => {
                    link.close().await;
                    return;
                }
                Err(error) => {
                    // Not `close`: it would wait for a broker that may not answer. Dropping ends the connections.
                    drop(link);
                    error
                }
            },
        };
        failures = if began.elapsed() > STABLE_AFTER { 1 } else { failures + 1 };
        report(&error);
        let delay = reconnect_delay(failures, jitter());
        tracing::warn!(%error, retry_in_ms = delay.as_millis() as u64, "no link to the broker");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(delay) => {}
        }
    }
}

async fn serve_until_failed(
    link: &Link,
    stop: &CancellationToken,
    serving: impl Future<Output = Result<(), BrokerError>>,
) -> Result<(), BrokerError> {
    tokio::select! {
        () = stop.cancelled() => Ok(()),
        error = link.failed() => Err(error),
        served = serving => match served {
            Ok(()) if !stop.is_cancelled() => Err(BrokerError::Lost("the link was given up".to_owned())),
            other => other,
        },
    }
}
