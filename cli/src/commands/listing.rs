//! `scaleout execution list`: executions, newest first, page by page.

use clap::Args;
use jiff::Timestamp;
use scaleout_common::api::{ExecutionPage, ExecutionSummary, LIST_LOOKED_MAX, PAGE_MAX};
use scaleout_common::ids::{BatchId, ExecutionId};
use scaleout_common::names::PackageScope;
use scaleout_common::status::Status;
use serde::Deserialize;

use super::Context;
use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::{Format, say};
use crate::tables::View;

/// Answers in a row that may end before they are full, each of which looked through as much as one may: a million
/// executions, about a second.
const SHORT_ANSWERS_MAX: u32 = 10;

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those with one of these statuses
    #[arg(long, value_delimiter = ',', value_name = "STATUS,…")]
    status: Vec<Status>,
    /// Only those of this package, or of all of a project or folder
    #[arg(long, value_name = "FOLDER[/PROJECT[/PACKAGE]]")]
    package: Option<PackageScope>,
    /// Only those of this batch
    #[arg(long, value_name = "UUID")]
    batch: Option<BatchId>,
    /// Only those this worker (name or id) holds or held last
    #[arg(long)]
    worker: Option<String>,
    /// Only those accepted then or later: a time, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = input::past)]
    since: Option<Timestamp>,
    /// Only those accepted before then: a time, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = input::past)]
    until: Option<Timestamp>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Only those accepted before this execution
    #[arg(long, value_name = "ID")]
    before: Option<ExecutionId>,
    /// With --format json, print one page as one document, with the id to go on from (--before)
    #[arg(long)]
    page: bool,
}

pub(crate) async fn run(context: &Context, client: &Client, wanted: &List) -> Result<Exit, Failure> {
    if wanted.page {
        return one_page(context, client, wanted).await;
    }
    let mut left = wanted.limit;
    let mut whole = Vec::new();
    let mut short = 0;
    let mut next = wanted.before;
    loop {
        let limit = left.min(PAGE_MAX);
        let page = ask(client, wanted, next, limit).await?;
        let found = u32::try_from(page.executions.len()).unwrap_or(u32::MAX);
        match context.output.format {
            // Page by page: a long list must not be held as a whole.
            Format::Json => context.output.many(&page.executions, |_| String::new())?,
            Format::Table => whole.extend(page.executions),
        }
        left = left.saturating_sub(found);
        short = if found < limit { short + 1 } else { 0 };
        next = page.next;
        if next.is_none() || left == 0 || short == SHORT_ANSWERS_MAX {
            break;
        }
    }
    if context.output.format == Format::Table {
        context.output.many(&whole, |list| View::here().executions(list))?;
    }
    if let Some(next) = next {
        tell_more(context, wanted.limit - left, left > 0, next);
    }
    Ok(Exit::Done)
}

/// The answer as it is: programs go on by themselves.
async fn one_page(context: &Context, client: &Client, wanted: &List) -> Result<Exit, Failure> {
    if wanted.limit > PAGE_MAX {
        let message = format!("a page has at most {PAGE_MAX} executions, --limit asks for {}", wanted.limit);
        return Err(Failure::usage(message));
    }
    let page = ask(client, wanted, wanted.before, wanted.limit).await?;
    context.output.one(&page, |page| View::here().executions(&page.executions))?;
    if let Some(next) = page.next.filter(|_| context.output.format == Format::Table) {
        let found = u32::try_from(page.executions.len()).unwrap_or(u32::MAX);
        tell_more(context, found, found < wanted.limit, next);
    }
    Ok(Exit::Done)
}

/// Where to go on. What ended before it was full is told in any case: it looks as if it were complete.
fn tell_more(context: &Context, found: u32, is_short: bool, next: ExecutionId) {
    if is_short {
        let looked = u64::from(SHORT_ANSWERS_MAX) * u64::from(LIST_LOOKED_MAX);
        say(&format!(
            "found {found} so far, and there is more to look through (at most {looked} executions at once without one \
             that fits): go on with --before {next}, or narrow it with --since, --batch"
        ));
    } else if context.output.format == Format::Table {
        say(&format!("there are older ones: go on with --before {next}"));
    }
}

/// What a master answers: one of the version before has the bare list only.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Page(ExecutionPage),
    Bare(Vec<ExecutionSummary>),
}

async fn ask(
    client: &Client,
    wanted: &List,
    before: Option<ExecutionId>,
    limit: u32,
) -> Result<ExecutionPage, Failure> {
    let mut query = query(wanted, before, limit);
    query.push(("page", "true".to_owned()));
    let listed = match client.get(&["executions"], &query).await {
        Err(failure) if failure.message.contains("unknown field `page`") => {
            query.pop();
            client.get(&["executions"], &query).await?
        }
        listed => listed?,
    };
    Ok(match listed {
        Listed::Page(page) => page,
        Listed::Bare(executions) => {
            let is_full = u32::try_from(executions.len()).is_ok_and(|found| found >= limit);
            let next = executions.last().map(|execution| execution.id).filter(|_| is_full);
            ExecutionPage { executions, next }
        }
    })
}

fn query(wanted: &List, before: Option<ExecutionId>, limit: u32) -> Vec<(&'static str, String)> {
    let mut query = vec![("limit", limit.to_string())];
    let statuses: Vec<&str> = wanted.status.iter().map(|status| status.as_str()).collect();
    query.extend((!statuses.is_empty()).then(|| ("status", statuses.join(","))));
    query.extend(wanted.package.as_ref().map(|package| ("package", package.to_string())));
    query.extend(wanted.batch.map(|batch| ("batch", batch.to_string())));
    query.extend(wanted.worker.as_ref().map(|worker| ("worker", worker.clone())));
    query.extend(wanted.since.map(|since| ("since", since.to_string())));
    query.extend(wanted.until.map(|until| ("until", until.to_string())));
    query.extend(before.map(|id| ("before", id.to_string())));
    query
}
