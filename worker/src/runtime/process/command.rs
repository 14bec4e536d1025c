//! From a `process` task and its values to what will be started.

use std::ffi::OsString;
use std::path::PathBuf;

use scaleout_package::model::{ExitCode, Process};
use scaleout_package::scope::Scope;
use scaleout_package::template::Template;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::text::{rendered, resolved};
use super::environment::{Facts, environment};
use super::input::STDIN_BYTES_MAX;
use super::program;
use crate::accounts::Account;

/// A program that was found, with all that it gets.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The program as the package names it.
    pub(super) name: String,
    /// Where it is: an absolute path.
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(OsString, OsString)>,
    /// What it reads from its standard input.
    pub(super) stdin: Option<String>,
    /// The folder that it starts in as the package names it, if it names one.
    pub(super) folder: Option<String>,
    /// The exit codes that mean success.
    pub(super) success_exit_codes: Vec<u32>,
}

/// Renders the command and its environment and finds the program.
///
/// # Errors
/// Why it cannot be started, for the log.
pub(super) async fn prepare(
    context: &Context<'_>,
    activation: &Activation<'_>,
    process: &Process,
) -> Result<Prepared, String> {
    let scope = context.scope_of(activation.task, &activation.place).await;
    let mut words = render_all(&scope, &process.command)?.into_iter();
    let name = words.next().filter(|name| !name.is_empty());
    let name = name.ok_or("the command is empty: its first word names the program")?;
    let own = process.environment.iter().map(|(name, value)| Ok((name.clone(), rendered(value, &scope)?)));
    let own = own.collect::<Result<Vec<_>, String>>()?;
    let run = context.run;
    let environment = environment(
        &inherited(&context.host.inherited, context.account.as_deref()),
        own,
        Facts {
            execution: run.execution,
            attempt: run.attempt,
            task: activation.path(),
            work_folder: context.work_folder.path(),
            result_file: &context.work_folder.result_file(),
            session: context.host.guard.session(),
        },
    );
    let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
    let program = program::find(&name, &run.package.project_folder, path.unwrap_or_default())?;
    let folder = process.folder.as_ref().map(|folder| rendered(folder, &scope)).transpose()?;
    let stdin = process.stdin.as_ref().map(|stdin| rendered(stdin, &scope)).transpose()?;
    if let Some(bytes) = stdin.as_ref().map(String::len).filter(|bytes| *bytes > STDIN_BYTES_MAX) {
        return Err(format!(
            "its standard input has {bytes} bytes; at most {STDIN_BYTES_MAX} are allowed: pass more in a file"
        ));
    }
    let code = |code| resolved("success-exit-codes", code, &scope).map(ExitCode::get);
    let success_exit_codes = process.success_exit_codes.iter().map(code).collect::<Result<_, _>>()?;
    Ok(Prepared { name, program, arguments: words.collect(), environment, stdin, folder, success_exit_codes })
}

/// What a process has of its surroundings: the worker's, and its user's own in their place.
fn inherited(worker: &[(OsString, OsString)], account: Option<&Account>) -> Vec<(OsString, OsString)> {
    let of_user = account.into_iter().flat_map(|account| {
        let name = OsString::from(&account.name);
        [("HOME", account.home.clone().into()), ("USER", name.clone()), ("LOGNAME", name)]
    });
    // Later ones win.
    worker.iter().cloned().chain(of_user.map(|(name, value)| (name.into(), value))).collect()
}

fn render_all(scope: &Scope, templates: &[Template]) -> Result<Vec<String>, String> {
    templates.iter().map(|template| rendered(template, scope)).collect()
}
