//! `scaleout schedule`: packages that run by the clock.

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{
    Missed, NEXT_RUNS_MAX, NextRun, Problem, ScheduleDetail, ScheduleSummary, SetScheduleRequest,
    TIMEZONE_DEFAULT,
};
use scaleout_common::names::{Name, PackagePath};

use super::Context;
use super::terms::{Terms, milliseconds};
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};
use crate::input::{self, Assignment};
use crate::output::say;
use crate::tables::{self, View};

/// Schedules: packages that run by the clock
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout schedule create nightly --cron '0 2 * * *' --timezone Europe/Paris demo/hello/hello
  scaleout schedule list
  scaleout schedule next nightly
  scaleout schedule pause nightly

The leading master runs them, each time once, by the catalog's clock. A run is a batch of one execution, of the version \
of the package that is deployed then.")]
pub(crate) enum Schedule {
    /// Makes a schedule, or replaces one
    #[command(after_help = "\
Examples:
  scaleout schedule create nightly --cron '0 2 * * *' --timezone Europe/Paris demo/hello/hello --set name=Ada
  scaleout schedule create quarters --cron '*/15 8-17 * * MON-FRI' --missed skip demo/hello/hello
  scaleout schedule create nightly --cron '30 2 * * *' demo/hello/hello --replace
  scaleout schedule create hourly --cron @hourly demo/hello/hello --limit-key warehouse --retries 2

The pattern has five fields: minute, hour, day of month, month, day of week; names (MON, JAN), L, W and # are known, and \
@hourly, @daily, @weekly, @monthly, @yearly. If both days are given, either will do. When the clock is changed, an hour \
field of * goes on in real time; any other names times of the day, each of which comes once: one that is skipped as much \
later, one that comes twice at the first. Package, values and all else are checked at once, and again at each run. \
--start-deadline counts from the scheduled time. A run does not wait for the one before: a concurrency limit of 1 \
(`scaleout limit set`) lets one run at a time. It needs the role operator.")]
    Create(Box<Create>),
    /// Lists the schedules, when they run next, and what is amiss with them
    #[command(after_help = "\
Examples:
  scaleout schedule list
  scaleout schedule list --format json")]
    List,
    /// Shows a schedule, its values (sensitive ones masked) and its newest runs
    #[command(after_help = "\
Examples:
  scaleout schedule show nightly")]
    Show(One),
    /// Tells the next runs, on the clock of the schedule's time zone and in UTC
    #[command(after_help = "\
Examples:
  scaleout schedule next nightly
  scaleout schedule next nightly --count 400 --format json")]
    Next(Next),
    /// Pauses a schedule: it does not run until it is resumed
    #[command(after_help = "\
Examples:
  scaleout schedule pause nightly")]
    Pause(One),
    /// Resumes a schedule, from now on: what came in between is not made up for
    #[command(after_help = "\
Examples:
  scaleout schedule resume nightly")]
    Resume(One),
    /// Removes a schedule; what it has enqueued stays
    #[command(after_help = "\
Examples:
  scaleout schedule remove nightly")]
    Remove(One),
}

/// What to run, and when.
#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    schedule: One,
    /// What to run
    #[arg(value_name = "FOLDER/PROJECT/PACKAGE")]
    package: PackagePath,
    /// When: minute, hour, day of month, month, day of week
    #[arg(long, value_name = "PATTERN")]
    cron: String,
    /// On whose clock: a name of the IANA database, such as Europe/Paris
    #[arg(long, value_name = "ZONE", default_value = TIMEZONE_DEFAULT)]
    timezone: String,
    /// What becomes of runs that no master was there for within 5 minutes: skip them, or run once for all
    #[arg(long, value_name = "skip|once", default_value_t)]
    missed: Missed,
    /// If there is a schedule of this name, this one takes its place; if that one is paused, it stays so
    #[arg(long)]
    replace: bool,
    /// A parameter's value
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<Assignment>,
    #[command(flatten)]
    terms: Terms,
    /// A run fails unless it has started within this time of the scheduled one (1ms to 31d) [default: no limit]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    start_deadline: Option<Duration>,
}

/// Which schedule.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The schedule's name
    name: Name,
}

/// How many runs of which schedule.
#[derive(Debug, Args)]
pub(crate) struct Next {
    #[command(flatten)]
    schedule: One,
    /// So many (1 to 1,000)
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(NEXT_RUNS_MAX)))]
    count: u32,
}

pub(crate) async fn run(context: &Context, arguments: Schedule) -> Result<Exit, Failure> {
    let client = context.client()?;
    match arguments {
        Schedule::Create(create) => set(context, &client, *create).await?,
        Schedule::List => {
            let schedules: Vec<ScheduleSummary> = client.get(&["schedules"], &[]).await?;
            context.output.many(&schedules, |schedules| tables::schedules(&View::here(), schedules))?;
        }
        Schedule::Show(One { name }) => {
            let schedule: ScheduleDetail = client.get(&["schedules", name.as_str()], &[]).await?;
            context.output.one(&schedule, |schedule| tables::schedule(&View::here(), schedule))?;
        }
        Schedule::Next(Next { schedule: One { name }, count }) => {
            let query = [("count", count.to_string())];
            let runs: Vec<NextRun> = client.get(&["schedules", name.as_str(), "next"], &query).await?;
            context.output.many(&runs, tables::next_runs)?;
        }
        Schedule::Pause(One { name }) => change(context, &client, &name, "pause", "is paused").await?,
        Schedule::Resume(One { name }) => change(context, &client, &name, "resume", "runs").await?,
        Schedule::Remove(One { name }) => {
            let path = ["schedules", name.as_str()];
            let schedule: ScheduleSummary =
                client.send(Method::DELETE, &path, &(), Repeat::OnlyUnsent).await?;
            say(&format!("the schedule {name} is removed; what it has enqueued stays"));
            show(context, &schedule)?;
        }
    }
    Ok(Exit::Done)
}

async fn set(context: &Context, client: &Client, create: Create) -> Result<(), Failure> {
    let Create { schedule: One { name }, package, set, terms, .. } = create;
    let repeat = if create.replace { Repeat::Harmless } else { Repeat::OnlyUnsent };
    let request = SetScheduleRequest {
        cron: create.cron,
        timezone: create.timezone,
        missed: create.missed,
        replace: create.replace,
        package,
        parameters: input::values(&set, "--set")?,
        pool: terms.pool,
        workers: terms.workers,
        priority: terms.priority,
        retries: terms.retries,
        retry_delay_ms: milliseconds(terms.retry_delay),
        timeout_ms: terms.timeout.map(milliseconds),
        start_deadline_ms: create.start_deadline.map(milliseconds),
        limit_key: terms.limit_key,
        logging_level: terms.logging_level,
    };
    let schedule: ScheduleSummary = client
        .send(Method::PUT, &["schedules", name.as_str()], &request, repeat)
        .await
        .map_err(|failure| Failure { problems: placed(failure.problems), ..failure })?;
    if schedule.paused_at.is_some() {
        say(&format!("the schedule {name} is paused still: scaleout schedule resume"));
    }
    show(context, &schedule)
}

/// The one execution that the master speaks of is the run.
fn placed(problems: Vec<Problem>) -> Vec<Problem> {
    let place = |place: String| match place.strip_prefix("executions[0].parameters.") {
        Some(name) => format!("parameter {name}"),
        None => place,
    };
    problems.into_iter().map(|problem| Problem { place: place(problem.place), ..problem }).collect()
}

async fn change(
    context: &Context,
    client: &Client,
    name: &Name,
    verb: &str,
    done: &str,
) -> Result<(), Failure> {
    let path = ["schedules", name.as_str(), verb];
    let schedule: ScheduleSummary = client.send(Method::POST, &path, &(), Repeat::Harmless).await?;
    say(&format!("the schedule {name} {done}"));
    show(context, &schedule)
}

fn show(context: &Context, schedule: &ScheduleSummary) -> Result<(), Failure> {
    context.output.one(schedule, |schedule| tables::schedules(&View::here(), std::slice::from_ref(schedule)))
}
