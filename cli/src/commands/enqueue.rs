//! `scaleout enqueue`: asks for executions, one batch per call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use reqwest::Method;
use scaleout_common::api::{EnqueueAnswer, EnqueueRequest};
use scaleout_common::ids::BatchId;
use scaleout_common::names::PackagePath;
use scaleout_common::status::Status;
use serde::Serialize;
use uuid::Uuid;

use super::terms::{Terms, milliseconds};
use super::{Context, batch};
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};
use crate::input::{self, Assignment, Each, Origins, Wanted};
use crate::output::say;
use crate::{tables, times, wait};

/// Asks for executions of packages
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scaleout enqueue demo/hello/hello --wait
  scaleout enqueue demo/hello/hello --set name=Ada
  scaleout enqueue demo/nyc-flights/load-month --each month=1,2,3 --each airport=EWR,JFK,LGA --wait
  scaleout enqueue demo/nyc-flights/load-month --from slices.csv --retries 2 --timeout 10m
  scaleout enqueue demo/empty/noop --count 10000 --priority low --format json
  scaleout enqueue demo/nyc-flights/load-month --each month=1,2,3 --limit-key warehouse
  scaleout enqueue demo/nyc-flights/report --start-at 2026-03-01T02:00 --start-deadline 2h --pool default
  scaleout enqueue demo/hello/hello --worker etl-1 --worker etl-2

Values are texts; the master reads them by the parameter's declared type. --each makes one execution for each value, \
several --each all combinations (a comma within a value is written \\,). --from reads one execution per row: CSV, \
whose header names the parameters and whose empty cells leave theirs out, or JSON Lines. If any row is wrong, nothing \
is enqueued. With --worker no other worker may run it, for ever: one that is offline or disabled is waited for, and \
told. All of it is one batch: repeating the command with the same --request-id gives that batch again. \
With --format json: {\"batch\":\"<uuid>\",\"executions\":<n>}, with --start-at also \"start_at\" if that is ahead, with \
--wait also \"counts\" and, of a single execution, \"execution\", \"result\" and \"error\", and \"warnings\" if there are \
any. Times without offset or zone are local; +10m counts from now, so that a repeat with the same --request-id is \
another request and refused: give a time.")]
pub(crate) struct Enqueue {
    /// What to run
    #[arg(required = true, value_name = "FOLDER/PROJECT/PACKAGE")]
    packages: Vec<PackagePath>,
    /// A parameter's value, for every execution
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<Assignment>,
    /// One execution for each of these values
    #[arg(long, value_name = "NAME=A,B,C")]
    each: Vec<Each>,
    /// One execution for each row of a CSV or JSON Lines file; - is standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// This many of each, with the same values (1 to 1,000,000)
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    #[command(flatten)]
    terms: Terms,
    /// When they become due: a time, or +10m from now (to 366 days ahead; past: at once) [default: at once]
    #[arg(long, value_name = "TIME", value_parser = input::start)]
    start_at: Option<Timestamp>,
    /// They fail unless they have started within this time of --start-at, or of being accepted (1ms to 31d). It is about
    /// the first start: what has started may be retried later [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    start_deadline: Option<Duration>,
    /// Makes repeating the command harmless: the same id gives the same batch
    #[arg(long, value_name = "UUID")]
    request_id: Option<BatchId>,
    /// Wait until all have ended; exit 0 only if all succeeded
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(context: &Context, arguments: Enqueue) -> Result<Exit, Failure> {
    let client = context.client()?;
    let (request, origins) = request(&arguments)?;
    let answer: EnqueueAnswer = client
        .send(Method::POST, &["batches"], &request, Repeat::Harmless)
        .await
        .map_err(|failure| Failure { problems: origins.translate(failure.problems), ..failure })?;
    if arguments.start_at.is_some() && answer.start_at.is_none() && !answer.repeated {
        say("the start time has passed: it is due at once");
    }
    report(context, &client, &answer, arguments.wait).await
}

/// Says what was accepted, waits for it if asked to, and says what became of it.
pub(super) async fn report(
    context: &Context,
    client: &Client,
    answer: &EnqueueAnswer,
    wait: bool,
) -> Result<Exit, Failure> {
    let EnqueueAnswer { batch, executions, repeated, start_at, ref warnings } = *answer;
    if repeated {
        say("this request had been accepted before; nothing was added");
    }
    if let Some(at) = start_at {
        say(&format!("due at {}", times::local(at, &TimeZone::system())));
    }
    warnings.iter().for_each(|warning| say(&format!("warning: {}", tables::printable_line(warning))));
    if !wait {
        let done = Accepted { batch, executions, start_at, counts: None, only: None, warnings };
        context.output.one(&done, accepted)?;
        say(&format!("wait for it with: scaleout batch wait {batch}"));
        return Ok(Exit::Done);
    }
    let detail = wait::batch(client, batch).await?;
    let only = batch::only(client, &detail).await?;
    let done =
        Accepted { batch, executions, start_at, counts: Some(&detail.counts), only: only.as_ref(), warnings };
    context.output.one(&done, |_| batch::waited(&detail, only.as_ref()))?;
    batch::show_failed(client, &detail, only.as_ref()).await?;
    Ok(wait::exit_of(&detail))
}

#[derive(Serialize)]
struct Accepted<'a> {
    batch: BatchId,
    executions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<&'a BTreeMap<Status, u64>>,
    #[serde(flatten)]
    only: Option<&'a batch::Only>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

fn accepted(accepted: &Accepted<'_>) -> String {
    tables::plain(
        &["BATCH", "EXECUTIONS"],
        [vec![accepted.batch.to_string(), accepted.executions.to_string()]],
    )
}

fn request(arguments: &Enqueue) -> Result<(EnqueueRequest, Origins), Failure> {
    let rows = arguments.from.as_deref().map(input::read_rows).transpose()?;
    let common = input::values(&arguments.set, "--set")?;
    let wanted = Wanted {
        packages: &arguments.packages,
        common: &common,
        each: &arguments.each,
        rows: rows.as_ref(),
        count: arguments.count,
    };
    let (executions, origins) = input::build(&wanted)?;
    let terms = arguments.terms.clone();
    let request = EnqueueRequest {
        // Even without --request-id: the request may have to be sent again by itself.
        request_id: arguments.request_id.unwrap_or_else(|| BatchId(Uuid::now_v7())),
        executions,
        pool: terms.pool,
        priority: terms.priority,
        retries: terms.retries,
        retry_delay_ms: milliseconds(terms.retry_delay),
        timeout_ms: terms.timeout.map(milliseconds),
        limit_key: terms.limit_key,
        start_at: arguments.start_at,
        start_deadline_ms: arguments.start_deadline.map(milliseconds),
        workers: terms.workers,
        logging_level: terms.logging_level,
    };
    Ok((request, origins))
}

#[cfg(test)]
mod tests {
    use scaleout_common::ids::ExecutionId;

    use super::*;

    #[test]
    fn json_has_exactly_the_documented_keys() {
        let batch = BatchId(Uuid::nil());
        let accepted =
            Accepted { batch, executions: 3, start_at: None, counts: None, only: None, warnings: &[] };
        assert_eq!(
            serde_json::to_string(&accepted).unwrap(),
            r#"{"batch":"00000000-0000-0000-0000-000000000000","executions":3}"#
        );
        let counts = BTreeMap::from([(Status::Succeeded, 3)]);
        let waited = Accepted { counts: Some(&counts), ..accepted };
        assert!(
            serde_json::to_string(&waited).unwrap().ends_with(r#""executions":3,"counts":{"succeeded":3}}"#)
        );
        let only = batch::Only { execution: ExecutionId(Uuid::nil()), result: Some(7.into()), error: None };
        let one = Accepted { only: Some(&only), start_at: Some(Timestamp::UNIX_EPOCH), ..waited };
        let expected = r#"{"batch":"00000000-0000-0000-0000-000000000000","executions":3,"start_at":"1970-01-01T00:00:00Z","counts":{"succeeded":3},"execution":"00000000-0000-0000-0000-000000000000","result":7}"#;
        assert_eq!(serde_json::to_string(&one).unwrap(), expected);
    }
}
