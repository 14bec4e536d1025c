//! `scaleout project`: what is deployed in the catalog.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;
use scaleout_common::api::{DeployAnswer, ProjectDetail, ProjectSummary, SetValuesRequest};
use scaleout_common::names::{Name, ProjectPath};
use scaleout_package::{bundle, folder};
use serde_json::Value;

use super::{Context, package};
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
    /// Checks a project folder and deploys it as a new version
    #[command(after_help = "\
Examples:
  scaleout project deploy examples/hello --folder demo

The same files as those of the current version make no new one. What .scaleoutignore names stays here.")]
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
  scaleout project set demo/nyc-flights --clear late_minutes")]
    Set(Set),
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
        Project::Deploy(wanted) => {
            let bytes = packed(context, &wanted.path)?;
            let path = ["folders", wanted.folder.as_str(), "projects"];
            let answer: DeployAnswer = context.client()?.upload(&path, bytes).await?;
            if answer.unchanged {
                say("nothing has changed since the current version; no new one was made");
            }
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

fn deployed(answer: &DeployAnswer) -> String {
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
