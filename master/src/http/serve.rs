//! Serves the router on a listener until told to stop. The caller owns the listener and the signal.

use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{AppState, router};

/// How long requests that are under way may go on when the master stops.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// Serves until `stop`, then lets what is under way finish for at most [`STOP_GRACE`].
///
/// # Errors
/// The listener failed for good.
pub async fn serve(listener: TcpListener, state: AppState, stop: CancellationToken) -> anyhow::Result<()> {
    let app: Router = router(state);
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    let grace_is_over = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    tokio::select! {
        ended = async { serving.await } => ended.context("serve the HTTP API"),
        () = grace_is_over => {
            tracing::warn!(grace = ?STOP_GRACE, "requests still under way were cut off");
            Ok(())
        }
    }
}
