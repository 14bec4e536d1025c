//! `scaleout audit`: who did what, and what was refused.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use scaleout_common::api::{AuditAction, AuditEntry, AuditPage, PAGE_MAX};

use super::Context;
use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::{Format, say};
use crate::tables::{self, View};

/// Answers in a row that may end before they are full, each of which looked through as much as one may: a million lines.
const SHORT_ANSWERS_MAX: u32 = 10;

/// The audit: who did what, and what was refused
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout audit list
  scaleout audit list --who ci --since 2h")]
pub(crate) enum Audit {
    /// Lists what was done and refused, the newest first
    #[command(after_help = "\
Examples:
  scaleout audit list
  scaleout audit list --action project.deploy --object demo/ --since 2026-03-01
  scaleout audit list --who night --limit 1000 --format json

One line for each request, however many executions it is about. Who has no token is \"unknown\"; who works on the catalog \
directly (token, catalog purge) is \"the catalog's owner\". What was refused again within a minute is counted in TIMES. With \
--format json, one object per line with: id, at, who, role, action, object, batch, result, times, detail, address. It \
needs the role admin.")]
    List(List),
}

/// What to list.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only what this token did or was refused
    #[arg(long, value_name = "TOKEN")]
    who: Option<String>,
    /// Only this
    #[arg(long, value_parser = action())]
    action: Option<AuditAction>,
    /// Only what was done to something that begins so
    #[arg(long, value_name = "TEXT")]
    object: Option<String>,
    /// Only what was done then or later: a time, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = input::past)]
    since: Option<Timestamp>,
    /// Only what was done before then: a time, or 2h for two hours ago
    #[arg(long, value_name = "TIME", value_parser = input::past)]
    until: Option<Timestamp>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Only what stands before the line of this id
    #[arg(long, value_name = "ID")]
    before: Option<u64>,
}

/// Completed by shells, since all are known.
fn action() -> impl clap::builder::TypedValueParser<Value = AuditAction> {
    let all = AuditAction::ALL.iter().map(|action| action.as_str());
    PossibleValuesParser::new(all).try_map(|text| text.parse::<AuditAction>())
}

pub(crate) async fn run(context: &Context, arguments: Audit) -> Result<Exit, Failure> {
    let Audit::List(wanted) = arguments;
    let client = context.client()?;
    let (mut left, mut next, mut short) = (wanted.limit, wanted.before, 0);
    let mut whole: Vec<AuditEntry> = Vec::new();
    loop {
        let limit = left.min(PAGE_MAX);
        let page = ask(&client, &wanted, next, limit).await?;
        let found = u32::try_from(page.entries.len()).unwrap_or(u32::MAX);
        match context.output.format {
            // Page by page: a long list must not be held as a whole.
            Format::Json => context.output.many(&page.entries, |_| String::new())?,
            Format::Table => whole.extend(page.entries),
        }
        left = left.saturating_sub(found);
        short = if found < limit { short + 1 } else { 0 };
        next = page.next;
        if next.is_none() || left == 0 || short == SHORT_ANSWERS_MAX {
            break;
        }
    }
    if context.output.format == Format::Table {
        context.output.many(&whole, |entries| tables::audit(&View::here(), entries))?;
    }
    if let Some(next) = next.filter(|_| left > 0 || context.output.format == Format::Table) {
        say(&format!("there may be older ones: go on with --before {next}"));
    }
    Ok(Exit::Done)
}

async fn ask(client: &Client, wanted: &List, before: Option<u64>, limit: u32) -> Result<AuditPage, Failure> {
    let mut query = vec![("limit", limit.to_string())];
    query.extend(wanted.who.as_ref().map(|who| ("who", who.clone())));
    query.extend(wanted.action.map(|action| ("action", action.to_string())));
    query.extend(wanted.object.as_ref().map(|object| ("object", object.clone())));
    query.extend(wanted.since.map(|since| ("since", since.to_string())));
    query.extend(wanted.until.map(|until| ("until", until.to_string())));
    query.extend(before.map(|id| ("before", id.to_string())));
    client.get(&["audit"], &query).await
}
