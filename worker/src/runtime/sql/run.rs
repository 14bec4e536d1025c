//! One run of a statement: on a connection of its own, which ends with it, or on that of the transaction around it.

use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::model::Sql;
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::task::Try;
use super::execute::{Executed, execute_alone};
use super::ready::{Ready, connect};
use super::session::{Ran, Session};
use super::transaction::Broken;

/// Runs the statement to its end, or cancels it when `interrupt` is cancelled.
pub(crate) async fn run(
    context: &Context<'_>,
    activation: &Activation<'_>,
    sql: &Sql,
    interrupt: &CancellationToken,
) -> Try {
    if context.host.guard.is_over() {
        return Try::failed("the session is over: its fence has passed or its guard is gone");
    }
    let executed = match &activation.place.within {
        Some(within) => within.execute(context, activation, sql, interrupt).await,
        None => alone(context, activation, sql, interrupt).await,
    };
    match executed {
        Ok(executed) => tell(context, activation, executed).await,
        Err(Broken::Failed(problem)) => Try::failed(problem),
        Err(Broken::Interrupted) => Try::Interrupted,
    }
}

async fn alone(
    context: &Context<'_>,
    activation: &Activation<'_>,
    sql: &Sql,
    interrupt: &CancellationToken,
) -> Result<Executed, Broken> {
    let ready = Ready::of(context, activation, &sql.query).await?;
    let session = connect(context, activation, &ready.connection, interrupt).await?;
    let Session { client, mut wire } = session.ok_or(Broken::Interrupted)?;
    let work = execute_alone(&client, sql, &ready);
    match wire.carry(context, activation.path(), &client, interrupt, work).await {
        // Success already achieved stands: tried again, it would be there twice.
        Ran::Done(Ok(executed)) | Ran::Cancelled(Some(Ok(executed))) => Ok(executed),
        Ran::Done(Err(problem)) => Err(Broken::Failed(problem.text)),
        Ran::Cancelled(_) => Err(Broken::Interrupted),
    }
}

/// Says what was done, and puts what came back into variables.
async fn tell(context: &Context<'_>, activation: &Activation<'_>, executed: Executed) -> Try {
    let Executed { told, values } = executed;
    context.log.say(MessageType::Information, MessageSource::Task, activation.path(), told).await;
    for (variable, value) in values {
        if let Err(error) = context.keep(activation, &variable, value).await {
            return Try::failed(error.to_string());
        }
    }
    Try::succeeded()
}
