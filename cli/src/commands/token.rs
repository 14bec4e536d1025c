//! `scaleout token`: who may ask a master for what. Works on the catalog directly: the first token cannot come from
//! a master that asks for one.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use scaleout_master::catalog::requests::{Role, TokenSummary};
use serde::Serialize;

use super::{Context, catalog};
use crate::exit::{Exit, Failure};
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

Roles: admin may do everything; operator deploys, enqueues, cancels and drains; worker is for workers; reader looks.")]
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
        Token::Create(Create { name, role }) => {
            let token = catalog.create_token(&name, role).await.map_err(catalog::explain_request)?;
            let made = Made { name: &name, role: role.as_str(), token: &token };
            context.output.one(&made, |made| made.token.to_owned())?;
            say("it is shown only this once");
        }
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

#[derive(Serialize)]
struct Made<'a> {
    name: &'a str,
    role: &'a str,
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
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl From<TokenSummary> for Shown {
    fn from(token: TokenSummary) -> Self {
        let TokenSummary { name, role, created_at, revoked_at } = token;
        Self { name, role: role.as_str(), created_at, revoked_at }
    }
}

fn table(view: &View, tokens: &[Shown]) -> String {
    let row = |token: &Shown| {
        vec![
            token.name.clone(),
            token.role.to_owned(),
            times::local(token.created_at, &view.zone),
            times::local_or_dash(token.revoked_at, &view.zone),
        ]
    };
    tables::plain(&["NAME", "ROLE", "CREATED", "REVOKED"], tokens.iter().map(row))
}
