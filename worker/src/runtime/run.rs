//! One attempt as a place: starts the package, listens for stops and for the attempt's timeout, and says how it
//! ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use scaleout_common::ids::{Attempt, ExecutionId};
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::wire::{MessageSource, MessageType, OutcomeKind};
use scaleout_package::flow::{End, RunPath};
use scaleout_package::frames::Beginning;
use scaleout_package::project::ProjectSettings;
use scaleout_package::{Package, Value, duration};
use tokio_util::sync::CancellationToken;

use super::container::{self, ContainerEnd, PackagePlace};
use super::context::{Context, PACKAGE_PATH};
use super::host::Host;
use super::stop::{Stop, StopCause};
use super::text::presentable;
use super::variables::{Owner, variables};

/// Longest error of an outcome, in bytes.
pub(crate) const ERROR_BYTES_MAX: usize = 4 * 1024;

/// A package with all that its executions share.
#[derive(Debug)]
pub struct LoadedPackage {
    /// Name of the catalog folder; empty under `package run`.
    pub folder: String,
    /// Name of the project in the catalog.
    pub project: String,
    pub package: Package,
    /// The packages that it runs, and those that they run, by name.
    pub called: BTreeMap<String, Package>,
    /// What the project's settings say.
    pub settings: Arc<ProjectSettings>,
    /// The project's unpacked files, shared and read-only: where processes start. An absolute path.
    pub project_folder: PathBuf,
}

/// One attempt to run.
#[derive(Debug)]
pub struct Run {
    pub execution: ExecutionId,
    pub attempt: Attempt,
    pub package: Arc<LoadedPackage>,
    /// A value for every parameter of the package ([`scaleout_package::arguments::typed`]).
    pub values: Arc<BTreeMap<String, Value>>,
    /// A value for every parameter of the project.
    pub project_values: Arc<BTreeMap<String, Value>>,
    /// How long the attempt may take from its grant on.
    pub timeout: Option<Duration>,
    /// What is left of that.
    pub time_left: Option<Duration>,
    /// The folder in which attempts get their work folders. An absolute path.
    pub work_root: Arc<Path>,
    /// How much of it the log keeps.
    pub logging_level: LoggingLevel,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub kind: OutcomeKind,
    /// Why it did not succeed; at most 4 KiB.
    pub error: Option<String>,
    /// The JSON that the package left in `SCALEOUT_RESULT`; at most 16 KiB.
    pub result: Option<String>,
}

/// Runs an attempt to its end. `None` if it was fenced: then everything it had started is dead, and nothing may
/// be reported.
///
/// Dropping the future kills the attempt's process groups, but leaves strays and the work folder behind.
pub async fn run(run: Run, host: Arc<Host>, stop: Stop) -> Option<Ended> {
    if host.guard.is_over() {
        return None;
    }
    let package = &run.package.package;
    if package.root.tasks().is_empty() && package.handlers.are_idle() {
        return Some(Ended { kind: OutcomeKind::Succeeded, error: None, result: None });
    }
    // Boxed, so that the path above costs nothing for what it does not use.
    Box::pin(attend(&run, &host, stop)).await
}

/// Why a running attempt is being ended early.
#[derive(Clone, Copy, Debug)]
enum Halt {
    Stopped(StopCause),
    Overdue(Duration),
}

async fn attend(run: &Run, host: &Host, mut stop: Stop) -> Option<Ended> {
    let wanted = run.package.package.run_as.as_deref();
    let (account, denied) = match host.accounts.choose(wanted) {
        Ok(account) => (account, None),
        Err(denied) => (None, Some(denied.to_string())),
    };
    let (variables, owner) = variables();
    let mut context = Context::new(run, host, account, variables);
    if let Err(error) = context.limit_tasks() {
        return Some(refuse(&context, error.to_string()).await);
    }
    let beginning = match (denied, context.begin(&run.package.package.variables, None)) {
        (None, Ok(beginning)) => beginning,
        (Some(denied), _) => return Some(refuse(&context, denied).await),
        (None, Err(error)) => return Some(refuse(&context, error.to_string()).await),
    };
    let Some((end, halt)) = until_end(&context, beginning, owner, &mut stop).await else {
        context.abandon().await;
        return None;
    };
    // The guard kills at the fence, before the session has noticed: what then looks like a failure was none.
    if end.end != End::Success && host.guard.is_over() {
        context.abandon().await;
        return None;
    }
    let result = context.conclude().await;
    let mask = |error: String| presentable(&context.log.masker().mask_text(&error), ERROR_BYTES_MAX);
    let (kind, error) = outcome(end, halt);
    Some(Ended { kind, error: error.map(mask), result })
}

/// Nothing of the package starts: it failed before.
async fn refuse(context: &Context<'_>, why: String) -> Ended {
    context.log.say(MessageType::Error, MessageSource::Package, PACKAGE_PATH, why.clone()).await;
    context.conclude().await;
    Ended { kind: OutcomeKind::Failed, error: Some(presentable(&why, ERROR_BYTES_MAX)), result: None }
}

/// `None` if it was fenced.
async fn until_end(
    context: &Context<'_>,
    beginning: Beginning,
    owner: Owner,
    stop: &mut Stop,
) -> Option<(ContainerEnd, Option<Halt>)> {
    let token = CancellationToken::new();
    let mut owner = pin!(owner.answer());
    let place = PackagePlace { path: RunPath::package(), around: None, at_once: 1 };
    let mut body = pin!(container::run_package(context, place, beginning, token.clone()));
    let mut fence = stop.clone();
    let mut overdue = pin!(tokio::time::sleep(context.run.time_left.unwrap_or(Duration::MAX)));
    let mut halt = None;
    loop {
        tokio::select! {
            biased;
            () = fence.fenced() => return None,
            // Before the package: one that was told to stop while it was being loaded must not start anything.
            cause = stop.stopped(), if halt.is_none() => {
                halt = Some(Halt::Stopped(cause));
                token.cancel();
            }
            end = &mut body => return Some((end, halt)),
            () = &mut owner => unreachable!("the context can ask for as long as the package runs"),
            () = &mut overdue, if halt.is_none() => {
                halt = Some(Halt::Overdue(context.run.timeout.unwrap_or_default()));
                token.cancel();
            }
        }
    }
}

/// What to report, and why it is no success.
fn outcome(end: ContainerEnd, halt: Option<Halt>) -> (OutcomeKind, Option<String>) {
    match (end.end, halt) {
        // Success already achieved stands, whatever was asked for meanwhile.
        (End::Success, _) => (OutcomeKind::Succeeded, None),
        (End::Failure, None) => {
            let error = end.error.unwrap_or_else(|| "the package failed".to_owned());
            (OutcomeKind::Failed, Some(error))
        }
        (End::Failure, Some(Halt::Overdue(timeout))) => {
            let error = format!("the attempt ran longer than its timeout of {}", duration::print(timeout));
            (OutcomeKind::TimedOut, Some(error))
        }
        (End::Failure, Some(Halt::Stopped(StopCause::HandBack))) => {
            (OutcomeKind::Returned, Some("the worker drained and handed the execution back".to_owned()))
        }
        (End::Failure, Some(Halt::Stopped(_))) => {
            (OutcomeKind::Stopped, Some("the execution was told to stop".to_owned()))
        }
    }
}
