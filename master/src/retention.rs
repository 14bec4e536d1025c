//! The leader's duty of retention: removes from the catalog what is past its time, a few days in a turn. Apart from
//! the other duties, because leases must not wait while a large partition is looked through.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::catalog::CatalogError;
use crate::catalog::protocol::{Day, Partition, Purge, Retention, Taken};
use crate::context::Context;

/// After a change of leaders the house settles first.
const FIRST_AFTER: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(3_600);
/// When a turn came to its bound, or something stood in the way.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Days of which a turn removes something at most.
const DAYS_AT_ONCE: usize = 4;

/// Keeps to `retention`, for as long as this master leads. May be dropped at any moment.
pub(crate) async fn keep(context: &Context, retention: Retention) {
    let mut pause = FIRST_AFTER;
    loop {
        tokio::time::sleep(pause).await;
        pause = match turn(context, retention).await {
            Ok(true) => EVERY,
            Ok(false) => AGAIN_AFTER,
            Err(error) => {
                tracing::warn!(%error, "what is past retention was not removed; it will be tried again");
                AGAIN_AFTER
            }
        };
    }
}

/// `true`: nothing is left to do for now.
async fn turn(context: &Context, retention: Retention) -> Result<bool, CatalogError> {
    let Some(mut purge) = context.catalog.begin_purge(retention).await? else {
        tracing::info!("another purge is at work");
        return Ok(false);
    };
    let mut through = true;
    let mut taken_of = 0;
    for mut day in purge.days().await? {
        if taken_of == DAYS_AT_ONCE {
            through = false;
            break;
        }
        purge.look(&mut day).await?;
        tell_holders(&day);
        taken_of += usize::from(!day.going.is_empty());
        through &= take(context, &mut purge, &day).await?;
    }
    let cleaned = purge.clean(&CancellationToken::new()).await?;
    if cleaned.batches + cleaned.sessions + cleaned.workers + cleaned.audit > 0 {
        tracing::info!(
            cleaned.batches,
            cleaned.sessions,
            cleaned.workers,
            cleaned.audit,
            "removed what belonged to days that are gone"
        );
    }
    Ok(through && !cleaned.more)
}

async fn take(context: &Context, purge: &mut Purge, day: &Day) -> Result<bool, CatalogError> {
    let mut done = Vec::new();
    let result = purge.take_day(day, &CancellationToken::new(), &mut done).await;
    let mut gone = 0;
    for (partition, taken) in &done {
        if tell(partition, *taken) {
            context.metrics.partition_dropped(partition.table);
            gone += 1;
        }
    }
    result?;
    Ok(gone == day.going.len())
}

/// `true` if it is gone.
fn tell(partition: &Partition, taken: Taken) -> bool {
    let Partition { table, day, bytes, .. } = partition;
    let table = table.as_str();
    match taken {
        Taken::Gone { rows, leftovers } => {
            tracing::info!(table, %day, ?rows, bytes, "a partition past retention is dropped");
            if leftovers > 0 {
                tracing::warn!(%day, leftovers, "rows of due, dispatches or grants name executions that are gone");
            }
        }
        Taken::InUse => {
            tracing::info!(table, %day, "a partition past retention is in use; it is dropped later");
        }
        Taken::CameBack => {
            tracing::error!(table, %day, "a detached partition holds executions that have not ended: attached again");
        }
    }
    matches!(taken, Taken::Gone { .. })
}

fn tell_holders(day: &Day) {
    if let Some(holders) = &day.holders {
        let first: Vec<String> = holders.first.iter().map(|(id, status)| format!("{id} {status}")).collect();
        let (day, executions) = (day.day, holders.count);
        tracing::info!(%day, executions, first = first.join(", "), "a day past retention stays: executions of it have not ended, or only just now");
    }
}
