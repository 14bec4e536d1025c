//! Trying the catalog again. Nothing that came from the broker is acknowledged before the catalog has it.

use std::time::Duration;

use scaleout_broker::jitter;
use scaleout_common::protocol::backoff::reconnect_delay;

use crate::catalog::CatalogError;

/// Does `work` until the catalog takes it. Errors that trying again cannot cure are returned.
pub(super) async fn until_taken<T, W>(attempted: &str, mut work: impl FnMut() -> W) -> Result<T, CatalogError>
where
    W: Future<Output = Result<T, CatalogError>>,
{
    let mut failures = 0;
    loop {
        match work().await {
            Err(error) if error.is_transient() => {
                failures += 1;
                let delay: Duration = reconnect_delay(failures, jitter());
                tracing::warn!(%error, attempted, retry_in_ms = delay.as_millis() as u64, "the catalog did not take it");
                tokio::time::sleep(delay).await;
            }
            other => return other,
        }
    }
}
