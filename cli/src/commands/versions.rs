//! `scaleout project versions | restore | delete`: what a project was, and going back or away.

use clap::Args;
use reqwest::Method;
use scaleout_common::api::{
    DeployAnswer, PAGE_MAX, ProjectSummary, RestoreRequest, VersionPage, VersionSummary,
};
use scaleout_common::names::ProjectPath;

use super::Context;
use super::project::{deployed, tell_cleared};
use crate::client::Repeat;
use crate::exit::Failure;
use crate::output::say;
use crate::tables::{self, View};

/// Which versions.
#[derive(Debug, Args)]
pub(crate) struct Versions {
    #[arg(value_name = "FOLDER/PROJECT")]
    project: ProjectPath,
    /// At most this many (1 to 1,000)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    limit: u32,
    /// Only those before this version
    #[arg(long, value_name = "VERSION")]
    before: Option<i32>,
}

/// Which version.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    #[arg(value_name = "FOLDER/PROJECT")]
    project: ProjectPath,
    /// Its number, as `project versions` shows it
    #[arg(id = "number", value_name = "VERSION", value_parser = clap::value_parser!(i32).range(1..))]
    version: i32,
    /// Forget the values set for the project that do not fit the version
    #[arg(long)]
    clear_unfit: bool,
}

/// Which project.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    #[arg(value_name = "FOLDER/PROJECT")]
    project: ProjectPath,
}

pub(super) async fn list(context: &Context, wanted: &Versions) -> Result<(), Failure> {
    let path = ["projects", wanted.project.folder.as_str(), wanted.project.project.as_str(), "versions"];
    let mut query = vec![("limit", wanted.limit.to_string())];
    query.extend(wanted.before.map(|before| ("before", before.to_string())));
    let page: VersionPage = context.client()?.get(&path, &query).await?;
    let table = |versions: &[VersionSummary]| tables::versions(&View::here(), versions);
    context.output.many(&page.versions, table)?;
    if let Some(next) = page.next {
        say(&format!("there are older ones: go on with --before {next}"));
    }
    Ok(())
}

pub(super) async fn restore(context: &Context, wanted: &Restore) -> Result<(), Failure> {
    let path = ["projects", wanted.project.folder.as_str(), wanted.project.project.as_str(), "restore"];
    let request = RestoreRequest { version: wanted.version, clear_unfit: wanted.clear_unfit };
    let answer: DeployAnswer =
        context.client()?.send(Method::POST, &path, &request, Repeat::Harmless).await?;
    if answer.unchanged {
        say(&format!("version {} is the current one already", answer.version));
    }
    tell_cleared(&answer);
    context.output.one(&answer, deployed)
}

pub(super) async fn delete(context: &Context, wanted: &Delete) -> Result<(), Failure> {
    let path = ["projects", wanted.project.folder.as_str(), wanted.project.project.as_str()];
    let was: ProjectSummary = context.client()?.send(Method::DELETE, &path, &(), Repeat::OnlyUnsent).await?;
    say(&format!(
        "{} is deleted; the history of its executions stays until retention removes it",
        wanted.project
    ));
    context.output.one(&was, |was| tables::projects(&View::here(), std::slice::from_ref(was)))
}
