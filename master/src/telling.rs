//! Tells workers at once what was changed of them: which pools they serve, and whether they are enabled. Nothing waits
//! for it: what is lost comes with the next heartbeat's answer.

use scaleout_broker::Outgoing;
use scaleout_common::ids::WorkerId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

/// Runs until `stop`.
pub(crate) async fn run(context: Context, mut changed: mpsc::Receiver<WorkerId>, stop: CancellationToken) {
    loop {
        let worker = tokio::select! {
            () = stop.cancelled() => return,
            worker = changed.recv() => worker,
        };
        let Some(worker) = worker else { return };
        tell(&context, worker).await;
    }
}

/// Tells one, as the catalog has it now; one that has no session hears it when it begins one.
pub(crate) async fn tell(context: &Context, worker: WorkerId) {
    let standing = match context.catalog.standing(worker).await {
        Ok(Some(standing)) => standing,
        Ok(None) => return,
        Err(error) => {
            return tracing::debug!(%error, %worker, "what was changed waits for the next heartbeat");
        }
    };
    let (inbox, answer) = standing;
    let Some(publisher) = context.answers.borrow().clone() else { return };
    match Outgoing::to_inbox(&inbox, &answer) {
        Ok(outgoing) => {
            if let Err(error) = publisher.publish_and_forget(outgoing) {
                tracing::debug!(%error, %worker, "what was changed waits for the next heartbeat");
            }
        }
        Err(error) => tracing::error!(%error, %worker, "what was changed cannot be written"),
    }
}
