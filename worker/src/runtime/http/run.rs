//! One run of an `http` task: the request, the status, and the body's way.

use reqwest::{Method, Response};
use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::model::{HttpAnswer, HttpMethod, HttpTask};
use scaleout_package::property::Word;
use scaleout_package::scope::Scope;
use scaleout_package::{Value, duration};
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::file::{Fault, blocking};
use super::super::process::captured;
use super::super::task::Try;
use super::super::text::{measured, told};
use super::request::{Body, Located, Prepared};
use super::{answer, client, exchange, explain, request};

/// How much of the body of an answer that was not expected is read, in bytes: more than is shown, so that what is
/// masked is whole.
const REFUSAL_BYTES: usize = 64 * 1024;

/// Sends the request, and does with the answer what the task says. Dropping it ends the connection.
pub(crate) async fn run(
    context: &Context<'_>,
    activation: &Activation<'_>,
    task: &HttpTask,
    interrupt: &CancellationToken,
) -> Try {
    if context.host.guard.is_over() {
        return Try::failed("the session is over: its fence has passed or its guard is gone");
    }
    let scope = context.scope_of(activation.task, &activation.place).await;
    let prepared = match request::prepare(context, &scope, task) {
        Ok(prepared) => prepared,
        Err(problem) => return Try::failed(problem),
    };
    let attempted = format!("{} {}", prepared.method.name(), prepared.shown);
    let request_timeout = prepared.terms.request_timeout;
    let work = attend(context, activation, task, &scope, prepared, interrupt);
    let work = tokio::time::timeout(request_timeout, work);
    match interrupt.run_until_cancelled(work).await {
        None | Some(Ok(Err(Fault::Interrupted))) => Try::Interrupted,
        Some(Ok(Ok(()))) => Try::succeeded(),
        Some(Ok(Err(Fault::Missing(problem) | Fault::Failed(problem)))) => Try::failed(problem),
        Some(Err(_)) => {
            let limit = duration::print(request_timeout);
            Try::failed(format!("{attempted} was not done within its request-timeout of {limit}"))
        }
    }
}

async fn attend(
    context: &Context<'_>,
    activation: &Activation<'_>,
    task: &HttpTask,
    scope: &Scope,
    mut prepared: Prepared,
    interrupt: &CancellationToken,
) -> Result<(), Fault> {
    let begun = tokio::time::Instant::now();
    let target = target(context, scope, task).await?;
    open_body(context, &mut prepared, interrupt).await?;
    let terms = prepared.terms.clone();
    let is_secure = prepared.url.scheme() == "https" || terms.redirects_max > 0;
    let client = client::client(context, scope, task, terms.connect_timeout, is_secure).await;
    let client = client.map_err(Fault::Failed)?;
    let method = method(prepared.method);
    let attempted = format!("{method} {}", prepared.shown);
    let sent = exchange::send(&client, method, prepared, terms.redirects_max).await;
    let (response, followed) = sent.map_err(Fault::Failed)?;
    let status = response.status();
    if let Some(target) = &task.status_into {
        write(context, activation, &target.variable, Value::Int64(status.as_u16().into())).await?;
    }
    if !terms.expects(status) {
        return Err(Fault::Failed(refused(context, &attempted, response).await));
    }
    let target = target.map(|to| (to, terms.overwrite));
    let bytes = take(context, activation, task, response, target, interrupt).await?;
    let took = measured(begun.elapsed());
    let redirects =
        if followed > 0 { format!(", {}", told(followed.into(), "redirect")) } else { String::new() };
    let bytes = bytes.map(|bytes| format!(", {}", told(bytes, "byte"))).unwrap_or_default();
    let text = format!("{attempted}: {}{bytes}{redirects} after {took}", explain::status(status));
    context.log.say(MessageType::Information, MessageSource::Task, activation.path(), text).await;
    Ok(())
}

/// The file that the answer goes into: known before anything is asked.
async fn target(context: &Context<'_>, scope: &Scope, task: &HttpTask) -> Result<Option<Located>, Fault> {
    let Some(HttpAnswer::File { file, .. }) = &task.answer else { return Ok(None) };
    let work = context.work_folder.path().to_string_lossy();
    let to = request::locate(context, scope, file, "to-file", &work).map_err(Fault::Failed)?;
    context.make_work_folder_for(&[&to.folder]).await.map_err(Fault::Failed)?;
    Ok(Some(to))
}

/// Opens the file that is sent.
async fn open_body(
    context: &Context<'_>,
    prepared: &mut Prepared,
    interrupt: &CancellationToken,
) -> Result<(), Fault> {
    let Body::File(Located { folder, path }) = &prepared.body else { return Ok(()) };
    context.make_work_folder_for(&[folder]).await.map_err(Fault::Failed)?;
    let (folder, path) = (folder.clone(), path.clone());
    let (file, length) = blocking(context, interrupt, move |_| {
        let file = folder.open()?.read(&path)?;
        let length = file.metadata().map_err(|error| Fault::of("cannot look at body-file", &error))?.len();
        Ok((file, length))
    })
    .await?;
    if length > answer::FILE_BYTES_MAX {
        let most = answer::FILE_BYTES_MAX;
        return Err(Fault::Failed(format!("body-file has {length} bytes; at most {most} are sent")));
    }
    prepared.body = Body::Open(file, length);
    Ok(())
}

/// Why an answer is a failure: its status, and the beginning of what it says.
async fn refused(context: &Context<'_>, attempted: &str, response: Response) -> String {
    let status = response.status();
    let hint = if status.is_redirection() { "; follow-redirects = 5 follows up to 5 of them" } else { "" };
    let answered = format!("{attempted} answered {}{hint}", explain::status(status));
    // What the server would have said, and could not, changes nothing.
    let body = answer::beginning(response, REFUSAL_BYTES).await.unwrap_or_default();
    match explain::excerpt(&body, context.log.masker()) {
        excerpt if excerpt.is_empty() => answered,
        excerpt => format!("{answered}: {excerpt}"),
    }
}

/// Takes the body; returns its bytes if somebody wanted it. With `target`: whether it replaces a file that is there.
async fn take(
    context: &Context<'_>,
    activation: &Activation<'_>,
    task: &HttpTask,
    response: Response,
    target: Option<(Located, bool)>,
    interrupt: &CancellationToken,
) -> Result<Option<u64>, Fault> {
    match (&task.answer, target) {
        (Some(HttpAnswer::Variable(variable)), _) => {
            let body = answer::beginning(response, captured::BYTES_WANTED).await.map_err(Fault::Failed)?;
            let bytes = body.len() as u64;
            let value = captured::value_of(variable.data_type, body, "the answer's body");
            write(context, activation, &variable.variable, value.map_err(Fault::Failed)?).await?;
            Ok(Some(bytes))
        }
        (Some(HttpAnswer::File { .. }), Some((to, overwrite))) => {
            answer::to_file(context, response, to, overwrite, interrupt).await.map(Some)
        }
        _ => Ok(None),
    }
}

async fn write(
    context: &Context<'_>,
    activation: &Activation<'_>,
    variable: &str,
    value: Value,
) -> Result<(), Fault> {
    let value = context.budget.keep_for(variable, value).map_err(|error| Fault::Failed(error.to_string()))?;
    let written = context.keep(activation, variable, value).await;
    written.map_err(|error| Fault::Failed(error.to_string()))
}

fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
        HttpMethod::Options => Method::OPTIONS,
    }
}
