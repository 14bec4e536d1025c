//! What is known before a statement is sent: its text, its values, and where it goes.

use std::borrow::Cow;
use std::time::Duration;

use scaleout_common::wire::MessageSource;
use scaleout_package::Value;
use scaleout_package::budget::{Budget, Kept};
use scaleout_package::model::{Connection, ConnectionKind, Operand, Query, Statement};
use scaleout_package::scope::Scope;
use scaleout_package::statement::{self, STATEMENT_BYTES_MAX};
use scaleout_package::template::Template;
use tokio::io::AsyncReadExt;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::text::presentable;
use super::explain;
use super::session::Session;

/// How long connecting may take, if the URL says nothing.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(15);

/// Most of a statement that an expression makes which the verbose log shows, in bytes.
const SHOWN_BYTES_MAX: usize = 4 * 1024;

/// A statement with its values.
#[derive(Debug)]
pub(super) struct Ready<'a> {
    /// Name of the connection that it is for.
    pub(super) connection: String,
    pub(super) text: Cow<'a, str>,
    pub(super) arguments: Vec<Value>,
    /// For what comes back.
    budget: Budget,
}

impl<'a> Ready<'a> {
    /// Evaluates the arguments and what else is an expression, and reads the statement if it stands in a file.
    ///
    /// # Errors
    /// Why it cannot be sent.
    pub(super) async fn of(
        context: &Context<'_>,
        activation: &Activation<'_>,
        query: &'a Query,
    ) -> Result<Ready<'a>, String> {
        let scope = context.scope_of(activation.task, &activation.place).await;
        let value = |(index, operand): (usize, &Operand)| {
            let value = operand.value(&scope);
            value.map_err(|error| format!("cannot evaluate the argument ${}: {error}", index + 1))
        };
        let arguments = query.arguments.iter().enumerate().map(value).collect::<Result<_, _>>()?;
        let rendered = |key: &str, text: &Template| {
            text.render(&scope).map_err(|error| format!("cannot render `{key}`: {error}"))
        };
        let connection = rendered("connection", &query.connection)?;
        find(context, &connection)?;
        let text = match &query.statement {
            Statement::Text(text) => Cow::Borrowed(text.as_str()),
            Statement::File(path) => Cow::Owned(read(context, &rendered("file", path)?).await?),
            Statement::Expression(operand) => {
                let text = made(operand, &scope)?;
                // Masked before it is cut: what is cut off of a secret would be found no more.
                let masked = || context.log.masker().mask_text(&text).into_owned();
                let shown = || presentable(&format!("the statement: {}", masked()), SHOWN_BYTES_MAX);
                context.log.detail(MessageSource::Task, activation.path(), shown).await;
                Cow::Owned(text)
            }
        };
        Ok(Ready { connection, text, arguments, budget: context.budget.clone() })
    }

    /// Counts a value that came back and is to go into `variable`.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn count(&self, variable: &str, value: Value) -> Result<(String, Kept), String> {
        let kept = self.budget.keep_for(variable, value).map_err(|error| error.to_string())?;
        Ok((variable.to_owned(), kept))
    }
}

/// The statement that an expression makes.
fn made(operand: &Operand, scope: &Scope) -> Result<String, String> {
    const KEY: &str = "statement-expression";
    match operand.value(scope).map_err(|error| format!("cannot evaluate `{KEY}`: {error}"))? {
        Value::String(text) => {
            statement::check(&text).map_err(|error| format!("what `{KEY}` makes {error}"))?;
            Ok(text)
        }
        _ => Err(format!("`{KEY}` is NULL")),
    }
}

/// The statement in the project's file at `path`. It was checked with the project, if the package was read with one and
/// says which file it is.
async fn read(context: &Context<'_>, path: &str) -> Result<String, String> {
    let wrong = || format!("`file` cannot be {path:?}: it is a file of the project, relative to its folder");
    let path = &statement::file_at(path).ok_or_else(wrong)?;
    let failed = |error: std::io::Error| format!("cannot read the statement in {path}: {error}");
    let file = tokio::fs::File::open(context.run.package.project_folder.join(path)).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(STATEMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    statement::of_file(&bytes)
        .map(str::to_owned)
        .map_err(|error| format!("the statement's file {path} {error}"))
}

/// Connects `name` as `activation` sees it; `None` if `interrupt` was cancelled before.
///
/// # Errors
/// Why it is not reached; never with its password.
pub(super) async fn connect(
    context: &Context<'_>,
    activation: &Activation<'_>,
    name: &str,
    interrupt: &CancellationToken,
) -> Result<Option<Session>, String> {
    let config = config(context, &context.scope_of(activation.task, &activation.place).await, name)?;
    match interrupt.run_until_cancelled(Session::connect(&config)).await {
        None => Ok(None),
        Some(Ok(session)) => Ok(Some(session)),
        Some(Err(error)) => {
            let place = explain::place(&config);
            Err(format!("cannot connect {name} ({place}): {}", explain::error(&error, "")))
        }
    }
}

/// The connection `name`.
fn find<'c>(context: &Context<'c>, name: &str) -> Result<&'c Connection, String> {
    let known = || context.connection_names().collect::<Vec<_>>().join(", ");
    context.connection(name).ok_or_else(|| format!("there is no connection {name:?} (known: {})", known()))
}

fn config(context: &Context<'_>, scope: &Scope, name: &str) -> Result<Config, String> {
    let connection = find(context, name)?;
    let ConnectionKind::Postgres { url } = &connection.kind;
    // A task's own variable of the same name is none of the connection's business.
    let url = url.render(&scope.clone().of_package());
    let url = url.map_err(|error| format!("cannot render the URL of connection {name}: {error}"))?;
    // The parser's own words could repeat parts of the URL, and so its password.
    let mut config: Config = url.parse().map_err(|_| {
        format!("the URL of connection {name} is not valid (not shown): expected postgres://user:password@host:port/database")
    })?;
    // A socket asks the system who connects, and that is the worker.
    let is_socket = |host: &Host| !matches!(host, Host::Tcp(_));
    if context.account.is_some()
        && (config.get_hosts().is_empty() || config.get_hosts().iter().any(is_socket))
    {
        return Err(format!(
            "connection {name} leads to a socket of this machine, which this package, that runs as another user, cannot \
             use: name the server by its host"
        ));
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIME_MAX);
    }
    if config.get_application_name().is_none() {
        config.application_name(format!("scaleout {}", context.run.execution));
    }
    Ok(config)
}
