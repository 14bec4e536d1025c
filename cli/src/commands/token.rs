//! `scaleout token`: who may ask a master for what. Works on the catalog directly: the first token cannot come from
//! a master that asks for one.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use scaleout_common::names::Name;
use scaleout_master::catalog::Catalog;
use scaleout_master::catalog::requests::{NewToken, Reach, Role, TokenSummary};
use serde::Serialize;

use super::{Context, catalog};
use crate::exit::{Exit, Failure};
use crate::input;
use crate::output::say;
use crate::tables::{self, View};
use crate::times;

/// Tokens: who may ask a master for what
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout token create ci --role operator
  scaleout token list

These work on the catalog directly (setting postgres.url), not through a master.")]
pub(crate) enum Token {
    /// Makes a token and shows it, once
    #[command(after_help = "\
Examples:
  scaleout token create ci --role operator
  scaleout token create build-7 --role worker --format json
  scaleout token create night --role operator --folder demo --folder etl --expires 90d

Roles: admin may do everything; operator deploys, enqueues, cancels and drains; worker is for workers; reader looks. With \
--folder, an operator or reader reaches these folders only: what is in others it neither sees nor touches, and what is in \
none (workers, limits of keys, the broker) it does not change. docs/security.md has the whole table.")]
    Create(Create),
    /// Lists the tokens, without the secrets
    #[command(after_help = "\
Examples:
  scaleout token list")]
    List,
    /// Makes a token useless
    #[command(after_help = "\
Examples:
  scaleout token revoke ci")]
    Revoke(Revoke),
}

/// A new token.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// What it is called in lists and logs
    name: String,
    /// admin, operator, worker or reader
    #[arg(long)]
    role: Role,
    /// Reaches this folder (repeat for several); left out: all of them
    #[arg(long = "folder", value_name = "FOLDER")]
    folders: Vec<Name>,
    /// Opens nothing any more after so long, such as 90d; left out: until it is revoked
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    expires: Option<Duration>,
}

/// Which token.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    name: String,
}

pub(crate) async fn run(context: &Context, arguments: Token) -> Result<Exit, Failure> {
    let catalog = catalog::connect(context).await?;
    catalog.check_version().await.map_err(catalog::explain)?;
    match arguments {
        Token::Create(arguments) => create(context, &catalog, arguments).await?,
        Token::List => {
            let tokens = catalog.tokens().await.map_err(catalog::explain)?;
            let shown: Vec<Shown> = tokens.into_iter().map(Shown::from).collect();
            context.output.many(&shown, |shown| table(&View::here(), shown))?;
        }
        Token::Revoke(Revoke { name }) => {
            if !catalog.revoke_token(&name).await.map_err(catalog::explain)? {
                return Err(Failure::not_found(format!("there is no token {name} that could be revoked"))
                    .hint("`scaleout token list` shows all"));
            }
            context
                .output
                .done(&Revoked { revoked: &name }, || format!("token {name} opens nothing any more"))?;
        }
    }
    Ok(Exit::Done)
}

async fn create(context: &Context, catalog: &Catalog, arguments: Create) -> Result<(), Failure> {
    let Create { name, role, folders, expires } = arguments;
    let reach = if folders.is_empty() { Reach::All } else { Reach::Folders(folders.into_iter().collect()) };
    let new = NewToken { name: &name, role, reach, expires_in: expires };
    let token = catalog.make_token(&new).await.map_err(catalog::explain_request)?;
    let made = Made { name: &name, role: role.as_str(), folders: new.reach.names(), token: &token };
    context.output.one(&made, |made| made.token.to_owned())?;
    say("it is shown only this once");
    let unknown = catalog.unknown_folders(&new.reach).await.map_err(catalog::explain)?;
    if !unknown.is_empty() {
        say(&format!("nothing is deployed there yet: {} (is that what is meant?)", unknown.join(", ")));
    }
    Ok(())
}

#[derive(Serialize)]
struct Made<'a> {
    name: &'a str,
    role: &'a str,
    /// Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    folders: Option<Vec<&'a str>>,
    token: &'a str,
}

#[derive(Serialize)]
struct Revoked<'a> {
    revoked: &'a str,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    role: &'static str,
    /// Null: all.
    folders: Option<Vec<String>>,
    created_at: Timestamp,
    used_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl From<TokenSummary> for Shown {
    fn from(token: TokenSummary) -> Self {
        let TokenSummary { name, role, reach, created_at, revoked_at, expires_at, used_at } = token;
        let folders = reach.names().map(|names| names.into_iter().map(str::to_owned).collect());
        Self { name, role: role.as_str(), folders, created_at, used_at, expires_at, revoked_at }
    }
}

fn table(view: &View, tokens: &[Shown]) -> String {
    let row = |token: &Shown| {
        vec![
            token.name.clone(),
            token.role.to_owned(),
            token.folders.as_ref().map_or_else(|| "all".to_owned(), |folders| folders.join(", ")),
            times::local(token.created_at, &view.zone),
            times::local_or_dash(token.used_at, &view.zone),
            times::local_or_dash(token.expires_at, &view.zone),
            times::local_or_dash(token.revoked_at, &view.zone),
        ]
    };
    tables::plain(
        &["NAME", "ROLE", "FOLDERS", "CREATED", "USED", "EXPIRES", "REVOKED"],
        tokens.iter().map(row),
    )
}
