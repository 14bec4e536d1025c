//! Keeps the master present in the catalog: its row, its lock, its leadership, and the proof that it reaches both
//! the catalog and the broker. The proof is what makes taking leases safe.

use std::time::Duration;

use jiff::Timestamp;
use scaleout_common::protocol::timing::{MASTER_PROBE_EVERY, PROOF_EVERY};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogError;
use crate::catalog::protocol::{Presence, Proof};
use crate::context::Context;

/// How long the catalog or the broker may take to answer before the proof is broken.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Runs until `stop`. Whenever the connection that holds the lock breaks, it appears anew.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match appear(&context).await {
            Ok(Some(presence)) => {
                let ended = hold(&context, presence, &stop).await;
                context.leading.send_replace(false);
                if let Err(error) = ended {
                    tracing::warn!(%error, "this master lost its presence in the catalog");
                }
            }
            Ok(None) => tracing::debug!("the server still holds this master's old lock"),
            Err(error) => tracing::debug!(%error, "cannot appear in the catalog"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(MASTER_PROBE_EVERY) => {}
        }
    }
}

async fn appear(context: &Context) -> Result<Option<Presence>, CatalogError> {
    let host = host_name();
    context.catalog.appear(context.master, &host, &context.address, env!("CARGO_PKG_VERSION")).await
}

async fn hold(context: &Context, mut presence: Presence, stop: &CancellationToken) -> Result<(), Lost> {
    let mut proving = Proving::default();
    let mut prove_at = Instant::now();
    loop {
        tokio::select! {
            // Its row stays: whoever finds the lock free takes over what is unconfirmed, then removes it.
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(MASTER_PROBE_EVERY) => {}
        }
        within(presence.try_lead()).await?;
        if context
            .leading
            .send_if_modified(|leading| std::mem::replace(leading, presence.leader) != presence.leader)
        {
            tracing::info!("this master leads now");
        }
        context.catalog_reached();
        if Instant::now() >= prove_at || proving.is_broken(context) {
            let proof = proving.step(context, within(presence.now()).await?).await;
            if !within(presence.prove(proof)).await? {
                return Err(Lost::Forgotten);
            }
            prove_at = Instant::now() + PROOF_EVERY;
        }
    }
}

/// What has been proved, on which channel.
#[derive(Default)]
struct Proving {
    channel: Option<u64>,
    consuming_since: Option<Timestamp>,
}

impl Proving {
    /// The channel that the proof stands on is no longer the one that consumes claims.
    fn is_broken(&self, context: &Context) -> bool {
        context.claims.borrow().as_ref().map(|channel| channel.number) != self.channel
    }

    /// A round trip on the channel that consumes claims, begun after the database's time `now` was read. Any other
    /// channel than last time, and any failure, begins the count anew.
    async fn step(&mut self, context: &Context, now: Timestamp) -> Proof {
        let channel = context.claims.borrow().clone();
        let answered = match &channel {
            Some(channel) => matches!(timeout(ANSWER_MAX, channel.acker.round_trip()).await, Ok(Ok(()))),
            None => false,
        };
        self.proved(channel.map(|channel| channel.number).filter(|_| answered), now)
    }

    /// What a round trip proves that began at `now` and was `answered` on that channel; absent: on none.
    fn proved(&mut self, answered: Option<u64>, now: Timestamp) -> Proof {
        let unbroken = answered.is_some() && answered == self.channel;
        self.channel = answered;
        self.consuming_since = match answered {
            Some(_) if unbroken => self.consuming_since,
            Some(_) => Some(now),
            None => None,
        };
        Proof { consuming_since: self.consuming_since, proved_at: answered.map(|_| now) }
    }
}

#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("another master took this one for dead")]
    Forgotten,
    #[error("the catalog did not answer within {} s", ANSWER_MAX.as_secs())]
    Silent,
}

async fn within<T>(asking: impl Future<Output = Result<T, CatalogError>>) -> Result<T, Lost> {
    Ok(timeout(ANSWER_MAX, asking).await.map_err(|_| Lost::Silent)??)
}

/// The host's name, for people. The worker has the same two lines: the crate both share makes no system calls.
fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_channel_or_a_missed_round_trip_begins_the_count_anew() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut proving = Proving::default();
        let cases = [
            (None, None),
            (Some(1), Some(2)),
            (Some(1), Some(2)),
            (Some(2), Some(4)),
            (None, None),
            (Some(2), Some(6)),
            (Some(2), Some(6)),
        ];
        for (now, (answered, since)) in (1..).zip(cases) {
            let proof = proving.proved(answered, at(now));
            assert_eq!(proof.consuming_since, since.map(at), "at {now}");
            assert_eq!(proof.proved_at, answered.map(|_| at(now)), "at {now}");
        }
    }
}
