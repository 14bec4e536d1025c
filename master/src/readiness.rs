//! Looks at the catalog every second, so that `/readyz` tells the truth also when nothing else asks.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::context::Context;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the catalog may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Runs until `stop`.
pub(crate) async fn watch_catalog(context: Context, stop: CancellationToken) {
    let mut reachable = true;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let answered = tokio::time::timeout(ANSWER_MAX, context.catalog.ping()).await;
        match answered.unwrap_or_else(|_| Err(context.catalog.silent(ANSWER_MAX))) {
            Ok(()) => {
                if !reachable {
                    tracing::info!("the catalog can be reached again");
                }
                context.catalog_reached();
                reachable = true;
            }
            Err(error) => {
                if reachable {
                    tracing::warn!(%error, "the catalog cannot be reached");
                }
                context.catalog_missed(&error);
                reachable = false;
            }
        }
    }
}
