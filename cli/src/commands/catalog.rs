//! `scaleout catalog`: the catalog itself, without a master.

use clap::Subcommand;
use scaleout_master::catalog::requests::RequestError;
use scaleout_master::catalog::{Catalog as Connected, CatalogError};

use serde::Serialize;

use super::Context;
use super::catalog_purge::{self, Purge};
use crate::exit::{Exit, Failure};

/// The catalog in PostgreSQL, without a master
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout catalog migrate --settings /etc/scaleout.toml
  scaleout catalog purge --older-than 90d --dry-run")]
pub(crate) enum Catalog {
    /// Makes the catalog, or brings it to this build's version
    #[command(after_help = "\
Examples:
  scaleout catalog migrate --settings /etc/scaleout.toml

Works on the database of the setting postgres.url. Masters of the version before may run on: docs/operating.md, \
Upgrading. Take a backup first.")]
    Migrate,
    /// Removes what ended long ago, as the leading master does by itself
    #[command(after_help = "\
Examples:
  scaleout catalog purge --older-than 90d --dry-run
  scaleout catalog purge --older-than 90d --messages-older-than 30d --yes

Works on the database of the setting postgres.url, with masters running or not, and keeps nobody waiting. Whole days go \
(UTC, by when executions were accepted), each once its end is that long ago: 36h keeps an execution for 36 to 60 hours. \
A day stays while an execution of it has not ended, or ended less than a day ago. What masters remove by themselves is \
in the settings under [retention].")]
    Purge(Purge),
}

pub(crate) async fn run(context: &Context, arguments: Catalog) -> Result<Exit, Failure> {
    match arguments {
        Catalog::Migrate => migrate(context).await,
        Catalog::Purge(arguments) => catalog_purge::run(context, arguments).await,
    }
}

async fn migrate(context: &Context) -> Result<Exit, Failure> {
    let catalog = connect(context).await?;
    let found = catalog.migrate().await.map_err(explain)?;
    context.output.done(&Migrated { version_before: found }, || match found {
        0 => "the catalog was empty and has been made".to_owned(),
        version => format!("the catalog had version {version} and is up to date now"),
    })?;
    Ok(Exit::Done)
}

/// What `migrate` found.
#[derive(Serialize)]
struct Migrated {
    /// The version before; 0: the database had no catalog.
    version_before: i32,
}

/// The catalog of the setting `postgres.url`.
pub(super) async fn connect(context: &Context) -> Result<Connected, Failure> {
    let settings = context.settings(&[])?.settings;
    let connected = Connected::connect(&settings.postgres).await.map_err(explain)?;
    Ok(connected.listing_workers(settings.retention.workers()))
}

/// What the catalog said, with the exit code for it.
pub(crate) fn explain(error: CatalogError) -> Failure {
    match error.is_transient() {
        true => Failure::unreachable(error.to_string())
            .hint("is PostgreSQL running there? The setting postgres.url (SCALEOUT__POSTGRES__URL) names it"),
        false => Failure::failed(error.to_string()),
    }
}

/// The same for requests.
pub(crate) fn explain_request(error: RequestError) -> Failure {
    match error {
        RequestError::Catalog(error) => explain(error),
        RequestError::NotFound { message, hint } => Failure { hint, ..Failure::not_found(message) },
        RequestError::Conflict { message, hint } => Failure::usage(message).hint(hint),
        RequestError::Invalid { message, problems } | RequestError::Parameters { message, problems } => {
            Failure::usage(message).problems(problems)
        }
    }
}
