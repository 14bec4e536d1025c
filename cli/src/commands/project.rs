//! `scaleout project`: what is deployed in the catalog.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{DeployAnswer, ProjectDetail, ProjectSummary, SetValuesRequest};
use scaleout_common::names::{Name, ProjectPath};
use scaleout_package::{bundle, folder};
use serde_json::Value;

use super::{Context, new_project, package, versions};
use crate::client::{Client, Repeat};
use crate::exit::{Exit, Failure};
use crate::input::{self, Assignment};
use crate::output::say;
use crate::tables::{self, View};

/// Projects: packages and their files, deployed as versions
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout project deploy examples/hello --folder demo
  scaleout project list")]
pub(crate) enum Project {
    /// Makes a project to begin with, which runs
    #[command(after_help = "\
Examples:
  scaleout project new my-project
  scaleout project new jobs/nightly --format json

It has one package, packages/hello.toml, a script that it starts, and project.toml. Nothing that is there is written \
over. With --format json: project, folder, files.")]
    New(new_project::New),
    /// Checks a project folder and deploys it as a new version
    #[command(after_help = "\
Examples:
  scaleout project deploy examples/hello --folder demo
  scaleout project deploy examples/nyc-flights --folder demo --clear-unfit

The same files as those of the current version make no new one. What .scaleoutignore names stays here. What was \
enqueued before runs the version that it was accepted with. Values of `project set` are kept; if one does not fit the \
new version (its parameter is gone, of another type, or not sensitive any more), nothing is deployed, unless \
--clear-unfit says to forget it.")]
    Deploy(Deploy),
    /// Lists the projects
    #[command(after_help = "\
Examples:
  scaleout project list
  scaleout project list --folder demo --format json")]
    List(List),
    /// Shows a project's packages and parameters
    #[command(after_help = "\
Examples:
  scaleout project show demo/hello")]
    Show(Show),
    /// Sets values of a project's own parameters, for all executions from now on
    #[command(after_help = "\
Examples:
  scaleout project set demo/nyc-flights late_minutes=30
  scaleout project set demo/nyc-flights --clear late_minutes

They are kept when another version is deployed or restored, and checked against its parameters then.")]
    Set(Set),
    /// Lists a project's versions, newest first
    #[command(after_help = "\
Examples:
  scaleout project versions demo/hello
  scaleout project versions demo/hello --limit 100 --before 40 --format json

With --format json, one object per line with: version, current, description, packages, deployed_at, deployed_by, \
restored_at, restored_by, bundle (the hash of its files).")]
    Versions(versions::Versions),
    /// Makes an earlier version the current one again
    #[command(after_help = "\
Examples:
  scaleout project restore demo/hello 1

The version keeps its number, and the next deploy gets the next number after the highest. What was enqueued before runs \
the version that it was accepted with. Values of `project set` are kept, if they fit the version, as with \
`project deploy`. With --format json as `project deploy`. It needs the role operator.")]
    Restore(versions::Restore),
    /// Deletes a project with all its versions, if nothing uses it
    #[command(after_help = "\
Examples:
  scaleout project delete demo/hello

Refused while executions of it have not ended. What has ended stays in lists, with its log, until retention removes it, \
but can only be retried once the project is deployed again, which goes on with the next version's number. The values \
of `project set` are forgotten; limits of its packages stay. It needs the role operator.")]
    Delete(versions::Delete),
}

/// What to deploy where.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The project's folder, with project.toml and packages/*.toml
    #[arg(value_name = "DIR")]
    path: PathBuf,
    /// The catalog's folder it goes to; it is made if it is not there
    #[arg(long, default_value = "default", value_name = "NAME")]
    folder: Name,
    /// Forget the values set for the project that do not fit the new version
    #[arg(long)]
    clear_unfit: bool,
}

/// Which projects.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this folder
    #[arg(long, value_name = "NAME")]
    folder: Option<Name>,
}

/// Which project.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[arg(value_name = "FOLDER/PROJECT")]
    project: ProjectPath,
}

/// Which values.
#[derive(Debug, Args)]
pub(crate) struct Set {
    #[arg(value_name = "FOLDER/PROJECT")]
    project: ProjectPath,
    /// Values by parameter name
    #[arg(value_name = "NAME=VALUE", required_unless_present = "clear")]
    values: Vec<Assignment>,
    /// Forget the value of this parameter
    #[arg(long, value_name = "NAME")]
    clear: Vec<String>,
}

pub(crate) async fn run(context: &Context, arguments: Project) -> Result<Exit, Failure> {
    match arguments {
        Project::New(wanted) => new_project::run(context, &wanted)?,
        Project::Deploy(wanted) => {
            let bytes = packed(context, &wanted.path)?;
            let path = ["folders", wanted.folder.as_str(), "projects"];
            let query: Vec<_> =
                wanted.clear_unfit.then(|| ("clear_unfit", "true".to_owned())).into_iter().collect();
            let answer: DeployAnswer = context.client()?.upload(&path, &query, bytes).await?;
            if answer.unchanged {
                say("nothing has changed since the current version; no new one was made");
            }
            tell_cleared(&answer);
            context.output.one(&answer, deployed)?;
            say(&format!("enqueue it with: scaleout enqueue {}", first_package(&answer)));
        }
        Project::List(List { folder }) => {
            let query: Vec<_> = folder.map(|name| ("folder", String::from(name))).into_iter().collect();
            let projects: Vec<ProjectSummary> = context.client()?.get(&["projects"], &query).await?;
            context.output.many(&projects, |projects| tables::projects(&View::here(), projects))?;
        }
        Project::Show(Show { project }) => {
            let path = ["projects", project.folder.as_str(), project.project.as_str()];
            let detail: ProjectDetail = context.client()?.get(&path, &[]).await?;
            context.output.one(&detail, |detail| tables::project(&View::here(), detail))?;
        }
        Project::Set(wanted) => set(context, &context.client()?, wanted).await?,
        Project::Versions(wanted) => versions::list(context, &wanted).await?,
        Project::Restore(wanted) => versions::restore(context, &wanted).await?,
        Project::Delete(wanted) => versions::delete(context, &wanted).await?,
    }
    Ok(Exit::Done)
}

async fn set(context: &Context, client: &Client, wanted: Set) -> Result<(), Failure> {
    let mut values = input::values(&wanted.values, "project set")?;
    for name in wanted.clear {
        if values.insert(name.clone(), Value::Null).is_some() {
            return Err(Failure::usage(format!("{name} is both set and cleared")));
        }
    }
    let path = ["projects", wanted.project.folder.as_str(), wanted.project.project.as_str(), "values"];
    let request = SetValuesRequest { values };
    let detail: ProjectDetail = client.send(Method::PUT, &path, &request, Repeat::Harmless).await?;
    context.output.one(&detail, |detail| tables::project(&View::here(), detail))
}

/// The checked project's bundle: what is wrong is shown with its place here, where the files are.
fn packed(context: &Context, path: &Path) -> Result<Vec<u8>, Failure> {
    let files = folder::read(path)
        .map_err(|error| Failure::usage(format!("cannot read the project {}: {error}", path.display())))?;
    if let Err(diagnostics) = scaleout_package::Project::check(&files) {
        package::show_problems(context, path, &diagnostics)?;
        let count = diagnostics.problems().len();
        return Err(Failure::usage(format!("{} has {count} problems; nothing was deployed", path.display())));
    }
    let bundle = bundle::pack(&files);
    bundle
        .map(|bundle| bundle.bytes)
        .map_err(|error| Failure::usage(format!("cannot pack {}: {error}", path.display())))
}

/// What of `project set` is not there any more.
pub(super) fn tell_cleared(answer: &DeployAnswer) {
    if !answer.cleared.is_empty() {
        say(&format!("forgot values that do not fit this version: {}", answer.cleared.join(", ")));
    }
}

pub(super) fn deployed(answer: &DeployAnswer) -> String {
    let header = ["PROJECT", "VERSION", "PACKAGES", "BUNDLE"];
    let project = format!("{}/{}", answer.folder, answer.project);
    tables::plain(
        &header,
        [vec![project, answer.version.to_string(), answer.packages.join(" "), answer.bundle.clone()]],
    )
}

fn first_package(answer: &DeployAnswer) -> String {
    let package = answer.packages.first().map_or("PACKAGE", String::as_str);
    format!("{}/{}/{package}", answer.folder, answer.project)
}
