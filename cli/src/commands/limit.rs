//! `scaleout limit`: how many executions of a package, or of a key, may run at once.

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{AT_MOST_MAX, LimitSummary, SetLimitRequest};
use scaleout_common::names::LimitName;

use super::Context;
use crate::client::Repeat;
use crate::exit::{Exit, Failure};
use crate::output::say;
use crate::tables::{self, View};

/// Concurrency limits: how many executions of a package, or of a key, run at once
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout limit set demo/hello/hello 3
  scaleout limit set warehouse 10
  scaleout limit list

The executions beyond a limit wait as `created`, whatever their pool; `scaleout execution explain` says for whom. What \
takes a slot is released in the order of priority and of time.")]
pub(crate) enum Limit {
    /// Sets a limit, or changes it
    #[command(after_help = "\
Examples:
  scaleout limit set demo/hello/hello 3
  scaleout limit set warehouse 10
  scaleout limit set demo/hello/hello 0

For a package (in all of its versions), or for a key, which is any name without slashes: `scaleout enqueue --limit-key \
KEY` puts executions under it, beside the limits of their packages. An execution needs a slot of each of its limits. \
What runs goes on, even if there is more of it than the limit; of what waits in queues, all beyond the limit is \
taken back (a new limit looks through all that is pending first). Pending counts. 0 lets none start. It needs the role operator.")]
    Set(Set),
    /// Lists the limits, who uses them and what waits for them
    #[command(after_help = "\
Examples:
  scaleout limit list
  scaleout limit list --format json")]
    List,
    /// Removes a limit: what waited for it is released
    #[command(after_help = "\
Examples:
  scaleout limit remove demo/hello/hello")]
    Remove(One),
}

/// What to set.
#[derive(Debug, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    limit: One,
    /// So many may be pending or running at once (0 to 10,000)
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(AT_MOST_MAX)))]
    at_most: u32,
}

/// Which limit.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// The package, or the key
    #[arg(value_name = "FOLDER/PROJECT/PACKAGE|KEY")]
    name: LimitName,
}

pub(crate) async fn run(context: &Context, arguments: Limit) -> Result<Exit, Failure> {
    let client = context.client()?;
    match arguments {
        Limit::List => {
            let limits: Vec<LimitSummary> = client.get(&["limits"], &[]).await?;
            context.output.many(&limits, |limits| tables::limits(&View::here(), limits))?;
        }
        Limit::Set(Set { limit: One { name }, at_most }) => {
            let path = ["limits", &name.to_string()];
            let request = SetLimitRequest { at_most };
            let limit: LimitSummary = client.send(Method::PUT, &path, &request, Repeat::Harmless).await?;
            show(context, &limit)?;
        }
        Limit::Remove(One { name }) => {
            let path = ["limits", &name.to_string()];
            let limit: LimitSummary = client.send(Method::DELETE, &path, &(), Repeat::OnlyUnsent).await?;
            say(&format!("the limit {name} is removed; what waited for it is released"));
            show(context, &limit)?;
        }
    }
    Ok(Exit::Done)
}

fn show(context: &Context, limit: &LimitSummary) -> Result<(), Failure> {
    context.output.one(limit, |limit| tables::limits(&View::here(), std::slice::from_ref(limit)))
}
