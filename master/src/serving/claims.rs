//! Consumes claims, hellos and heartbeats, and answers them.
//!
//! While the catalog has been silent for too long, or an alarm of the broker lets no heartbeat through, the channel
//! is closed: a look at the queue then finds no consumer, and sessions know that no master can take their leases.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use scaleout_broker::{Acker, BrokerError, Delivery, Link, Publisher, Subscription, topology};
use scaleout_common::protocol::timing::CATALOG_SILENCE_MAX;
use scaleout_common::wire::{
    ClaimVerdict, Claims, Dialect, Heartbeat, Hello, HelloVerdict, Kind, Markers, MarkersSeen, v1, v2,
};
use tokio::task::JoinSet;

use super::answer::{answer, read};
use crate::catalog::CatalogError;
use crate::context::{ClaimsChannel, Context};

/// Unacknowledged messages at most; each may hold hundreds of claims.
const PREFETCH: u16 = 50;

/// How long a message is held that another master may be able to answer.
const REQUEUE_PAUSE: Duration = Duration::from_millis(200);

/// Runs until the link fails.
pub(super) async fn serve(context: &Context, link: &Link, publisher: &Publisher) -> Result<(), BrokerError> {
    loop {
        catalog_speaks(context).await;
        no_alarm(link).await;
        let mut subscription = link.consume(topology::CLAIMS, PREFETCH).await?;
        let number = context.claims_channels.fetch_add(1, Ordering::Relaxed) + 1;
        context.claims.send_replace(Some(ClaimsChannel { acker: subscription.acker(), number }));
        let ended = consume(context, link, publisher, &mut subscription).await;
        context.claims.send_replace(None);
        let why = ended?;
        tracing::warn!(
            why,
            "closing the channel of claims: no session is answered, and none loses its lease"
        );
        if !subscription.close().await {
            // A consumer that may still be there would be counted, and keep what it was given.
            return Err(BrokerError::Lost("the channel of claims cannot be closed".to_owned()));
        }
    }
}

/// Returns when no heartbeat can be answered any more, and says why.
async fn consume(
    context: &Context,
    link: &Link,
    publisher: &Publisher,
    subscription: &mut Subscription,
) -> Result<&'static str, BrokerError> {
    let acker = subscription.acker();
    // Dropped with this function: what was not answered is not acknowledged, and goes back with the channel.
    let mut handling = JoinSet::new();
    loop {
        tokio::select! {
            delivery = subscription.next() => {
                let work = handle(context.clone(), publisher.clone(), acker.clone(), delivery?);
                handling.spawn(work);
            }
            Some(handled) = handling.join_next() => {
                handled.map_err(|error| BrokerError::Lost(format!("a claim's task failed: {error}")))??;
            }
            () = catalog_silent(context) => return Ok("the catalog has been silent for too long"),
            () = alarm(link) => return Ok("an alarm of the broker lets no heartbeat through"),
        }
    }
}

async fn handle(
    context: Context,
    publisher: Publisher,
    acker: Acker,
    delivery: Delivery,
) -> Result<(), BrokerError> {
    let Some(inbox) = delivery.reply_to.clone() else {
        tracing::error!("a claim message names no inbox: dropped");
        return acker.ack(delivery.tag).await;
    };
    let answered = match delivery.kind {
        Some(Kind::Hello) => match read::<Hello>(&publisher, topology::CLAIMS, &delivery).await? {
            Some(hello) => greet(&context, &publisher, &inbox, &hello).await,
            None => Ok(()),
        },
        Some(Kind::Heartbeat) => match read::<Heartbeat>(&publisher, topology::CLAIMS, &delivery).await? {
            Some(heartbeat) => renew(&context, &publisher, &inbox, &heartbeat).await,
            None => Ok(()),
        },
        Some(Kind::Markers) => match read::<Markers>(&publisher, topology::CLAIMS, &delivery).await? {
            Some(markers) => see(&context, &publisher, &inbox, markers).await,
            None => Ok(()),
        },
        // Anything else is read as claims, and buried if it is none.
        _ => match read::<Claims>(&publisher, topology::CLAIMS, &delivery).await? {
            Some(claims) => grant(&context, &publisher, &inbox, &claims).await,
            None => Ok(()),
        },
    };
    match answered {
        Ok(()) => acker.ack(delivery.tag).await,
        Err(error) if error.is_transient() => {
            // Another master may reach the catalog. Not at once, or the message would spin between us.
            tracing::debug!(%error, "the catalog did not answer: a claim message goes back");
            tokio::time::sleep(REQUEUE_PAUSE).await;
            acker.requeue(delivery.tag).await
        }
        Err(error) => {
            tracing::error!(%error, "a claim message cannot be answered: dropped, its session will ask again");
            acker.ack(delivery.tag).await
        }
    }
}

async fn greet(
    context: &Context,
    publisher: &Publisher,
    inbox: &str,
    hello: &Hello,
) -> Result<(), CatalogError> {
    let welcome = context.catalog.hello(hello, inbox).await?;
    let session = hello.session;
    match &welcome.answer.verdict {
        HelloVerdict::Welcome { .. } => {
            let lost = welcome.moved.lost;
            tracing::info!(%session, name = hello.name, host = hello.host, lost, "a worker said hello");
            context.metrics.hellos_welcome.increment(1);
        }
        refused => {
            tracing::warn!(%session, name = hello.name, host = hello.host, ?refused, "a hello was refused");
            context.metrics.hellos_refused.increment(1);
        }
    }
    context.metrics.attempts_lost.increment(welcome.moved.lost);
    context.metrics.outcomes_applied(welcome.moved.applied, welcome.moved.reported);
    answer(publisher, inbox, &welcome.answer);
    Ok(())
}

async fn renew(
    context: &Context,
    publisher: &Publisher,
    inbox: &str,
    heartbeat: &Heartbeat,
) -> Result<(), CatalogError> {
    let renewed = context.catalog.heartbeat(heartbeat, inbox).await?;
    answer(publisher, inbox, &renewed);
    context.metrics.heartbeats_answered.increment(1);
    Ok(())
}

/// Markers that the catalog does not know any more are answered too: their deliveries have served.
async fn see(
    context: &Context,
    publisher: &Publisher,
    inbox: &str,
    markers: Markers,
) -> Result<(), CatalogError> {
    context.catalog.see_markers(&markers.markers).await?;
    answer(publisher, inbox, &MarkersSeen { session: markers.session, markers: markers.markers });
    Ok(())
}

async fn grant(
    context: &Context,
    publisher: &Publisher,
    inbox: &str,
    claims: &Claims,
) -> Result<(), CatalogError> {
    let received = Instant::now();
    let granted = loop {
        match context.catalog.grant(claims, &context.packages).await {
            Err(error) if error.is_conflict() => tracing::debug!(%error, "a grant runs again"),
            other => break other?,
        }
    };
    let Some(granted) = granted else { return Ok(()) };
    let refused =
        granted.answers.answers.iter().filter(|answer| answer.verdict != ClaimVerdict::Granted).count();
    tracing::debug!(session = %claims.session, granted = granted.granted, refused, "claims answered");
    context.metrics.claims_answered(&granted.answers, granted.granted, granted.at);
    match granted.dialect {
        Dialect::First => answer(publisher, inbox, &v1::ClaimAnswers::from(granted.answers)),
        Dialect::Second => answer(publisher, inbox, &v2::ClaimAnswers::from(granted.answers)),
        Dialect::Third => answer(publisher, inbox, &granted.answers),
    }
    context.metrics.claim_duration.record(received.elapsed());
    Ok(())
}

async fn alarm(link: &Link) {
    // The sender lives as long as the link.
    let _ = link.alarm().wait_for(Option::is_some).await;
}

async fn no_alarm(link: &Link) {
    let _ = link.alarm().wait_for(Option::is_none).await;
}

async fn catalog_silent(context: &Context) {
    let mut seen = context.catalog_seen.subscribe();
    loop {
        let until = *seen.borrow_and_update() + CATALOG_SILENCE_MAX;
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => return,
            changed = seen.changed() => if changed.is_err() { return },
        }
    }
}

async fn catalog_speaks(context: &Context) {
    let mut seen = context.catalog_seen.subscribe();
    // The sender lives as long as the context.
    let _ = seen.wait_for(|seen| Instant::now().duration_since(*seen) < CATALOG_SILENCE_MAX).await;
}
