//! `scaleout enqueue`: asks for executions, one batch per call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use scaleout_common::api::{EnqueueAnswer, EnqueueRequest};
use scaleout_common::ids::BatchId;
use scaleout_common::names::{PackagePath, PoolName};
use scaleout_common::priority::Priority;
use scaleout_common::status::Status;
use serde::Serialize;
use uuid::Uuid;

use super::{Context, batch};
use crate::client::Repeat;
use crate::exit::{Exit, Failure};
use crate::input::{self, Assignment, Each, Origins, Wanted};
use crate::output::say;
use crate::{tables, wait};

/// Asks for executions of packages
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  scaleout enqueue demo/hello/hello --wait
  scaleout enqueue demo/hello/hello --set name=Ada
  scaleout enqueue demo/nyc-flights/load-month --each month=1,2,3 --each airport=EWR,JFK,LGA --wait
  scaleout enqueue demo/nyc-flights/load-month --from slices.csv --retries 2 --timeout 10m
  scaleout enqueue demo/empty/noop --count 10000 --priority low --format json
  scaleout enqueue demo/hello/hello --worker etl-1 --worker etl-2

Values are texts; the master reads them by the parameter's declared type. --each makes one execution for each value, \
several --each all combinations (a comma within a value is written \\,). --from reads one execution per row: CSV, \
whose header names the parameters and whose empty cells leave theirs out, or JSON Lines. If any row is wrong, nothing \
is enqueued. With --worker no other worker may run it, for ever: one that is offline or disabled is waited for, and \
told. All of it is one batch: repeating the command with the same --request-id gives that batch again. \
With --format json: {\"batch\":\"<uuid>\",\"executions\":<n>}, with --wait also \"counts\", and \"warnings\" if there are any.")]
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
    /// The pool whose workers run it
    #[arg(long, default_value_t)]
    pool: PoolName,
    /// A worker that may run it, by name or id, instead of a pool; given several times (100 at most), any of these
    #[arg(long = "worker", value_name = "NAME|ID", conflicts_with = "pool")]
    workers: Vec<String>,
    /// high, normal or low
    #[arg(long, default_value_t)]
    priority: Priority,
    /// Attempts after the first that may follow a failure (0 to 1,000)
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    retries: u32,
    /// Pause before the first retry (to 1h); it doubles with each
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = input::duration)]
    retry_delay: Duration,
    /// How long one attempt may run (1ms to 366d) [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    timeout: Option<Duration>,
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
    let EnqueueAnswer { batch, executions, repeated, warnings } = answer;
    if repeated {
        say("this request had been accepted before; nothing was added");
    }
    warnings.iter().for_each(|warning| say(&format!("warning: {}", tables::printable_line(warning))));
    if !arguments.wait {
        let done = Accepted { batch, executions, counts: None, warnings: &warnings };
        context.output.one(&done, accepted)?;
        say(&format!("wait for it with: scaleout batch wait {batch}"));
        return Ok(Exit::Done);
    }
    let detail = wait::batch(&client, batch).await?;
    let done = Accepted { batch, executions, counts: Some(&detail.counts), warnings: &warnings };
    context.output.one(&done, |_| tables::batch(&detail))?;
    batch::show_failed(&client, &detail).await?;
    Ok(wait::exit_of(&detail))
}

#[derive(Serialize)]
struct Accepted<'a> {
    batch: BatchId,
    executions: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<&'a BTreeMap<Status, u64>>,
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
    let request = EnqueueRequest {
        // Even without --request-id: the request may have to be sent again by itself.
        request_id: arguments.request_id.unwrap_or_else(|| BatchId(Uuid::now_v7())),
        executions,
        pool: arguments.pool.clone(),
        priority: arguments.priority,
        retries: arguments.retries,
        retry_delay_ms: milliseconds(arguments.retry_delay),
        timeout_ms: arguments.timeout.map(milliseconds),
        workers: arguments.workers.clone(),
    };
    Ok((request, origins))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_exactly_the_documented_keys() {
        let batch = BatchId(Uuid::nil());
        let accepted = Accepted { batch, executions: 3, counts: None, warnings: &[] };
        assert_eq!(
            serde_json::to_string(&accepted).unwrap(),
            r#"{"batch":"00000000-0000-0000-0000-000000000000","executions":3}"#
        );
        let counts = BTreeMap::from([(Status::Succeeded, 3)]);
        let waited = Accepted { batch, executions: 3, counts: Some(&counts), warnings: &[] };
        assert!(
            serde_json::to_string(&waited).unwrap().ends_with(r#""executions":3,"counts":{"succeeded":3}}"#)
        );
    }
}
