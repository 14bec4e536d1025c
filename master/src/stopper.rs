//! Tells sessions what to stop. Nothing waits for it: a stop that is lost comes with the next heartbeat's answer.

use scaleout_broker::Outgoing;
use scaleout_common::wire::Stops;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::catalog::protocol::StopTarget;
use crate::context::Context;

/// Stops in one message at most.
const STOPS_MAX: usize = 10_000;

/// Runs until `stop`.
pub(crate) async fn run(context: Context, mut targets: mpsc::Receiver<StopTarget>, stop: CancellationToken) {
    loop {
        let target = tokio::select! {
            () = stop.cancelled() => return,
            target = targets.recv() => target,
        };
        let Some(target) = target else { return };
        for stops in target.stops.chunks(STOPS_MAX) {
            let message = Stops { session: target.session, stops: stops.to_vec() };
            tell(&context, &target.inbox, &message);
        }
    }
}

fn tell(context: &Context, inbox: &str, message: &Stops) {
    let Some(publisher) = context.answers.borrow().clone() else { return };
    match Outgoing::to_inbox(inbox, message) {
        Ok(outgoing) => {
            if let Err(error) = publisher.publish_and_forget(outgoing) {
                tracing::debug!(%error, session = %message.session, "a stop waits for the next heartbeat");
            }
        }
        Err(error) => tracing::error!(%error, session = %message.session, "a stop cannot be written"),
    }
}
