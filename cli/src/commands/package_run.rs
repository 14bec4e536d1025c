//! `scaleout package run`: one package on this machine, through the worker's own runtime and guard.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use scaleout_common::api::{LogMessage, Problem};
use scaleout_common::ids::ExecutionId;
use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::wire::{LogRecord, MessageType, OutcomeKind};
use scaleout_package::arguments;
use scaleout_package::model::Parameter;
use scaleout_package::value::Value;
use scaleout_worker::accounts::Accounts;
use scaleout_worker::guard::{Guard, GuardStart};
use scaleout_worker::runtime::{self, Ended, Host, Limits, LoadedPackage, StopCause, stop_signal};
use serde::Serialize;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Context;
use super::package::{self, Found};
use crate::exit::{Exit, Failure};
use crate::input::{self, Assignment};
use crate::output::{Format, say};
use crate::signals;
use crate::tables::View;

/// Log records that may wait to be printed; then the package waits.
const RECORDS_WAITING_MAX: usize = 256;

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A package file; a project.toml around it is read with it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A parameter's value
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<Assignment>,
    /// A value of one of the project's parameters
    #[arg(long, value_name = "NAME=VALUE")]
    project_set: Vec<Assignment>,
    /// How much is told: none, basic, performance (when tasks start and end, errors) or verbose
    #[arg(long, value_name = "LEVEL", default_value_t)]
    logging_level: LoggingLevel,
}

pub(super) async fn run(context: &Context, wanted: Run) -> Result<Exit, Failure> {
    let found = match package::find(&wanted.file)? {
        Ok(found) => found,
        Err(diagnostics) => {
            package::show_problems(context, &wanted.file, &diagnostics)?;
            return Err(Failure::usage(format!("{} cannot be run", wanted.file.display())));
        }
    };
    let values = values(&found.package.parameters, &wanted.set, "--set")?;
    let project_values = values_of_project(&found, &wanted.project_set)?;
    let settings = context.settings(&[])?.settings;
    let scratch = tempfile::Builder::new().prefix("scaleout-run-").tempdir();
    let scratch =
        scratch.map_err(|error| Failure::failed(format!("cannot make a folder to work in: {error}")))?;
    let work_root = scratch.path().join("work");
    let start =
        GuardStart::new(scratch.path().join("guard")).map_err(|error| Failure::failed(error.to_string()))?;
    let (guard, _) = Guard::start(start).await.map_err(|error| Failure::failed(error.to_string()))?;
    let attempt = runtime::Run {
        execution: ExecutionId(Uuid::now_v7()),
        attempt: 1,
        package: Arc::new(loaded(as_oneself(found))?),
        values: Arc::new(values),
        project_values: Arc::new(project_values),
        timeout: None,
        time_left: None,
        work_root: Arc::from(work_root),
        logging_level: wanted.logging_level,
    };
    let ended = attend(context, attempt, &guard, Limits::of(&settings.worker)).await;
    guard.stop().await;
    conclude(context, ended?)
}

/// Runs the attempt and prints its log as it comes.
async fn attend(
    context: &Context,
    attempt: runtime::Run,
    guard: &Guard,
    limits: Limits,
) -> Result<Option<Ended>, Failure> {
    let interrupt = signals::stop_token()?;
    let (stopper, stop) = stop_signal();
    tokio::spawn(async move {
        interrupt.cancelled().await;
        stopper.stop(StopCause::Told);
    });
    let (log, mut records) = mpsc::channel(RECORDS_WAITING_MAX);
    let host = Arc::new(Host::new(guard.clone(), log, limits, Accounts::default()));
    // The only sender goes with the run, which ends the loop.
    let running = tokio::spawn(runtime::run(attempt, host, stop));
    let view = View::here();
    while let Some(record) = records.recv().await {
        print(context, &view, record)?;
    }
    running.await.map_err(|error| Failure::failed(format!("the package's run broke off: {error}")))
}

fn print(context: &Context, view: &View, record: LogRecord) -> Result<(), Failure> {
    let is_data = record.kind == MessageType::Stdout;
    let message = LogMessage {
        attempt: record.attempt,
        sequence: record.sequence,
        at: Timestamp::from_microsecond(record.at_us).unwrap_or(Timestamp::UNIX_EPOCH),
        kind: record.kind.as_str().to_owned(),
        path: record.path,
        text: record.text,
    };
    match (context.output.format, is_data) {
        (Format::Json, _) => context.output.one(&message, |_| String::new()),
        (Format::Table, true) => context.output.text(&format!("{}\n", message.text)),
        (Format::Table, false) => {
            say(view.log_line(&message).trim_end());
            Ok(())
        }
    }
}

/// The last line of `--format json`.
#[derive(Serialize)]
struct Outcome {
    status: &'static str,
    error: Option<String>,
    result: Option<serde_json::Value>,
}

fn conclude(context: &Context, ended: Option<Ended>) -> Result<Exit, Failure> {
    let Some(Ended { kind, error, result }) = ended else {
        return Err(Failure::failed("the guard process is gone, and what ran was killed"));
    };
    let result = result.and_then(|text| serde_json::from_str(&text).ok());
    let (status, exit) = match kind {
        OutcomeKind::Succeeded => ("succeeded", Exit::Done),
        OutcomeKind::Stopped => ("canceled", Exit::Interrupted),
        OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::Returned => ("failed", Exit::NotSucceeded),
    };
    let outcome = Outcome { status, error, result };
    if context.output.format == Format::Json {
        context.output.one(&outcome, |_| String::new())?;
        return Ok(exit);
    }
    if let Some(result) = &outcome.result {
        say(&format!("result: {result}"));
    }
    say(&match &outcome.error {
        Some(error) => format!("{status}: {error}"),
        None => status.to_owned(),
    });
    Ok(exit)
}

/// Whom packages may run as is a worker's to say, and needs its rights.
fn as_oneself(mut found: Found) -> Found {
    if let Some(user) = found.package.run_as.take() {
        say(&format!("run-as = {user:?} is left out: `package run` runs everything as yourself"));
    }
    found
}

fn loaded(found: Found) -> Result<LoadedPackage, Failure> {
    let absolute = |folder: &Path| {
        let cannot = |error| Failure::failed(format!("cannot find {}: {error}", folder.display()));
        folder.canonicalize().map_err(cannot)
    };
    Ok(LoadedPackage {
        folder: String::new(),
        project: found.settings.name.clone(),
        package: found.package,
        called: found.called,
        project_folder: absolute(&found.folder)?,
        settings: Arc::new(found.settings),
    })
}

/// The project's values. Those that are required but not given may not be needed by this package, so they stay
/// NULL: what does need one says so.
fn values_of_project(found: &Found, given: &[Assignment]) -> Result<BTreeMap<String, Value>, Failure> {
    let given_names: Vec<&str> = given.iter().map(|assignment| assignment.name.as_str()).collect();
    let optional = |(name, parameter): (&String, &Parameter)| {
        let required = parameter.required && given_names.contains(&name.as_str());
        (name.clone(), Parameter { required, ..parameter.clone() })
    };
    let parameters: BTreeMap<String, Parameter> = found.settings.parameters.iter().map(optional).collect();
    values(&parameters, given, "--project-set")
}

fn values(
    parameters: &BTreeMap<String, Parameter>,
    given: &[Assignment],
    flag: &str,
) -> Result<BTreeMap<String, Value>, Failure> {
    let given: BTreeMap<String, serde_json::Value> = input::values(given, flag)?.into_iter().collect();
    let wrong = |errors: Vec<arguments::ParameterError>| {
        let problem = |error: &arguments::ParameterError| Problem {
            place: flag.to_owned(),
            message: error.to_string(),
        };
        Failure::usage("the values do not fit the parameters").problems(errors.iter().map(problem).collect())
    };
    let resolved = arguments::resolve(parameters, &given, &BTreeMap::new()).map_err(wrong)?;
    arguments::typed(parameters, &resolved).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(settings: &str) -> Found {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("packages")).unwrap();
        std::fs::write(folder.path().join("project.toml"), settings).unwrap();
        let file = folder.path().join("packages/p.toml");
        std::fs::write(&file, "[parameters.day]\ntype = \"date\"\nrequired = true\n").unwrap();
        package::find(&file).unwrap().unwrap()
    }

    fn set(texts: &[&str]) -> Vec<Assignment> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn values_are_read_by_their_type_and_all_problems_named() {
        let found = found("name = \"p\"\n");
        let parameters = &found.package.parameters;
        let day = values(parameters, &set(&["day=2026-01-02"]), "--set").unwrap();
        assert_eq!(day["day"].render().unwrap(), "2026-01-02");
        let failure = values(parameters, &set(&["day=never", "dya=1"]), "--set").unwrap_err();
        assert_eq!(failure.problems.len(), 2, "{failure:?}");
        assert!(failure.text().contains("did you mean `day`?"), "{}", failure.text());
    }

    #[test]
    fn a_project_value_that_is_not_needed_may_be_left_out() {
        let found = found("name = \"p\"\n[parameters.url]\ntype = \"string\"\nrequired = true\n");
        assert_eq!(values_of_project(&found, &[]).unwrap()["url"], Value::Null);
        let given = values_of_project(&found, &set(&["url=x"])).unwrap();
        assert_eq!(given["url"], Value::String("x".into()));
        assert!(values_of_project(&found, &set(&["nowhere=x"])).is_err());
    }
}
