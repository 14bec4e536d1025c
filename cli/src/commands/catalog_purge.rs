//! `scaleout catalog purge`: removes from the catalog what is past its time, as the leading master does, with masters
//! running or not. Shows what would go, asks, and says what went.

use std::time::{Duration, Instant};

use clap::Args;
use scaleout_common::api::AuditAction;
use scaleout_master::catalog::Catalog;
use scaleout_master::catalog::protocol::{Day, Partition, Purge as Purging, Retention, Taken};
use scaleout_master::catalog::requests::Deed;
use tokio_util::sync::CancellationToken;

use super::{Context, catalog};
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::tables::Purged;
use crate::{ask, input, signals};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const AGE_DAYS_MAX: u32 = 10_000;

/// A master's turn is over by then, unless it has a great deal to remove.
const WAIT_MAX: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(250);

/// What goes.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Executions accepted longer ago than this go, with all that belongs to them
    #[arg(long, value_name = "DURATION", value_parser = age)]
    older_than: Duration,
    /// Logs of executions accepted longer ago than this go; left out: with their executions
    #[arg(long, value_name = "DURATION", value_parser = age)]
    messages_older_than: Option<Duration>,
    /// Lines of the audit that are older than this go; left out: all stay
    #[arg(long, value_name = "DURATION", value_parser = age)]
    audit_older_than: Option<Duration>,
    /// Shows what would go, and leaves it
    #[arg(long)]
    dry_run: bool,
    /// Does not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(context: &Context, arguments: Purge) -> Result<Exit, Failure> {
    let Purge { older_than, messages_older_than, audit_older_than, dry_run, yes } = arguments;
    if messages_older_than.is_some_and(|messages| messages > older_than) {
        return Err(Failure::usage(
            "--messages-older-than is longer than --older-than: logs go with their executions at the latest",
        )
        .hint("leave it out, or give less"));
    }
    if !dry_run && !yes && !ask::anybody() {
        return Err(Failure::usage("nobody can be asked here whether all this may go")
            .hint("look with --dry-run first, then say --yes"));
    }
    let connected = catalog::connect(context).await?;
    connected.check_version().await.map_err(catalog::explain)?;
    let retention =
        Retention { executions: Some(older_than), messages: messages_older_than, audit: audit_older_than };
    let mut purging = begin(&connected, retention).await?;
    let days = look(&purging).await?;
    let planned = Purged::planned(&days, purging.old_audit().await.map_err(catalog::explain)?);
    if dry_run {
        context.output.one(&planned, Purged::table)?;
        return Ok(Exit::Done);
    }
    if !yes && planned.takes_something() {
        // While nobody answers, masters may go on with theirs.
        drop(purging);
        say(planned.table().trim_end());
        if !ask::agreed("\nRemove all of it for good?")? {
            return Err(Failure::interrupted("nothing was removed"));
        }
        purging = begin(&connected, retention).await?;
    }
    let deed = Deed::new(AuditAction::CatalogPurge, "").detail(in_words(&retention));
    connected.audit_owner(&deed).await.map_err(catalog::explain)?;
    // From here on Ctrl-C ends it after the partition it is at; before, at once.
    let stop = signals::stop_token()?;
    let days = look(&purging).await?;
    let purged = take(&mut purging, &days, &stop).await?;
    context.output.one(&purged, Purged::table)?;
    match stop.is_cancelled() {
        true => Err(Failure::interrupted("stopped before everything was removed; what is listed has gone")
            .hint("the same command goes on")),
        false => Ok(Exit::Done),
    }
}

/// Begins as soon as no other purge is at work.
async fn begin(catalog: &Catalog, retention: Retention) -> Result<Purging, Failure> {
    let began = Instant::now();
    loop {
        if let Some(purging) = catalog.begin_purge(retention).await.map_err(catalog::explain)? {
            return Ok(purging);
        }
        if began.elapsed() > WAIT_MAX {
            return Err(Failure::failed(format!(
                "another purge has been at work for {} s: the leading master's, or somebody's",
                WAIT_MAX.as_secs()
            ))
            .hint("try again later"));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn look(purging: &Purging) -> Result<Vec<Day>, Failure> {
    let mut days = purging.days().await.map_err(catalog::explain)?;
    for day in &mut days {
        purging.look(day).await.map_err(catalog::explain)?;
    }
    Ok(days)
}

async fn take(purging: &mut Purging, days: &[Day], stop: &CancellationToken) -> Result<Purged, Failure> {
    let mut done: Vec<(Partition, Taken)> = Vec::new();
    for day in days {
        if let Err(error) = purging.take_day(day, stop, &mut done).await {
            // What has gone is told all the same.
            say(Purged::of(days, &done).table().trim_end());
            return Err(catalog::explain(error));
        }
    }
    let mut purged = Purged::of(days, &done);
    loop {
        let cleaned = purging.clean(stop).await.map_err(catalog::explain)?;
        purged.batches += cleaned.batches;
        purged.sessions += cleaned.sessions;
        purged.workers += cleaned.workers;
        purged.audit += cleaned.audit;
        if !cleaned.more || stop.is_cancelled() {
            return Ok(purged);
        }
    }
}

/// What the audit says of it.
fn in_words(retention: &Retention) -> String {
    let Retention { executions, messages, audit } = retention;
    let part = |what: &str, kept: &Option<Duration>| {
        kept.map(|kept| format!("{what} older than {} h", kept.as_secs() / 3_600))
    };
    let parts = [part("executions", executions), part("logs", messages), part("audit", audit)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// How old something must be: a duration within bounds.
fn age(text: &str) -> Result<Duration, String> {
    let example = "expected a duration such as 90d or 36h";
    let age = input::duration(text).map_err(|_| example.to_owned())?;
    if age < DAY {
        return Err(format!(
            "{example}, at least 1d: days go as a whole, and today's and yesterday's are worked on"
        ));
    }
    if age > DAY * AGE_DAYS_MAX {
        return Err(format!("{example}, at most {AGE_DAYS_MAX}d"));
    }
    Ok(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_duration_of_a_day_or_more() {
        assert_eq!(age("90d"), Ok(90 * DAY));
        assert_eq!(age("36h"), Ok(DAY + DAY / 2));
        for (text, says) in [
            ("90", "such as 90d"),
            ("soon", "such as 90d"),
            ("-3d", "such as 90d"),
            ("", "such as 90d"),
            ("0d", "at least 1d"),
            ("23h", "at least 1d"),
            ("10001d", "at most 10000d"),
        ] {
            let refused = age(text).unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
