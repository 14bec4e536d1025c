//! One run of a program: started in a group of its own, attended until nothing of it is left. Owns the child and
//! its group while they live.

use std::path::{Path, PathBuf};

use scaleout_common::wire::{MessageSource, MessageType};
use scaleout_package::duration;
use scaleout_package::model::{Process, Target};
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::task::Try;
use super::command::Prepared;
use super::ending::Exit;
use super::output::Pump;
use super::{captured, command, ending, input, output, program};
use crate::guard::{Child, Group, Program, SpawnError};

/// Runs the program to its end, or to that of everything in its group when `interrupt` is cancelled.
pub(crate) async fn run(
    context: &Context<'_>,
    activation: &Activation<'_>,
    process: &Process,
    interrupt: &CancellationToken,
) -> Try {
    let prepared = match command::prepare(context, activation, process).await {
        Ok(prepared) => prepared,
        Err(problem) => return Try::failed(problem),
    };
    if let Err(error) = context.work_folder.make().await {
        return Try::failed(format!("cannot make the work folder {:?}: {error}", context.work_folder.path()));
    }
    let folder = match folder(context, &prepared).await {
        Ok(folder) => folder,
        Err(problem) => return Try::failed(problem),
    };
    context.log.detail(MessageSource::Task, activation.path(), || starts(&prepared)).await;
    let (child, group) = match spawn(context, &prepared, &folder) {
        Ok(spawned) => spawned,
        Err(error) => return Try::failed(program::explain(context, &prepared, &error)),
    };
    let (ended, printed) =
        attend(context, activation.path(), &prepared, process, child, group, interrupt).await;
    match (&process.stdout, &ended) {
        (Some(target), Try::Succeeded { .. }) => match keep(context, activation, target, printed).await {
            Ok(()) => ended,
            Err(problem) => Try::failed(format!("{}: {problem}", prepared.name)),
        },
        _ => ended,
    }
}

fn starts(prepared: &Prepared) -> String {
    let words = std::iter::once(&prepared.name).chain(&prepared.arguments);
    let words: Vec<String> = words.map(|word| format!("{word:?}")).collect();
    format!("starts {}", words.join(" "))
}

/// Writes what was printed into its variable.
async fn keep(
    context: &Context<'_>,
    activation: &Activation<'_>,
    target: &Target,
    printed: Vec<u8>,
) -> Result<(), String> {
    let value = captured::value(target.data_type, printed)?;
    let value = context.budget.keep_for(&target.variable, value).map_err(|error| error.to_string())?;
    context.keep(activation, &target.variable, value).await.map_err(|error| error.to_string())
}

/// The folder that it starts in.
async fn folder(context: &Context<'_>, prepared: &Prepared) -> Result<PathBuf, String> {
    let project = context.run.package.project_folder.clone();
    let Some(name) = prepared.folder.clone() else { return Ok(project) };
    let work = context.work_folder.path().to_owned();
    let found = tokio::task::spawn_blocking(move || input::folder(&name, &project, &work)).await;
    found.map_err(|error| format!("cannot look for the folder to start in: {error}"))?
}

fn spawn(context: &Context<'_>, prepared: &Prepared, folder: &Path) -> Result<(Child, Group), SpawnError> {
    context.host.guard.spawn(&Program {
        path: &prepared.program,
        name: &prepared.name,
        arguments: &prepared.arguments,
        environment: &prepared.environment,
        folder,
        reads: prepared.stdin.is_some(),
        account: context.account.as_deref(),
    })
}

/// Stays until nothing of it is left; returns also what it printed, if the package wants that.
async fn attend(
    context: &Context<'_>,
    path: &str,
    prepared: &Prepared,
    process: &Process,
    mut child: Child,
    group: Group,
    interrupt: &CancellationToken,
) -> (Try, Vec<u8>) {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let exited = CancellationToken::new();
    let wanted = process.stdout.as_ref().map_or(0, |_| captured::BYTES_WANTED);
    let pump = |kind, wanted_bytes| Pump { context, path, kind, exited: &exited, wanted_bytes };
    let (grace, success) = (context.host.limits.stop_grace, &prepared.success_exit_codes);
    let (exit, out, err, ()) = tokio::join!(
        async {
            let exit = ending::until_exit(&mut child, group, grace, success, interrupt).await;
            exited.cancel();
            exit
        },
        pump(MessageType::Stdout, wanted).run(stdout),
        pump(MessageType::Stderr, 0).run(stderr),
        input::write(stdin, prepared.stdin.as_deref().unwrap_or_default(), &exited),
    );
    let left_open = out.left_open || err.left_open;
    if left_open || matches!(exit, Exit::Interrupted) {
        sweep(context, path, left_open).await;
    }
    let ended = match exit {
        Exit::Succeeded => Try::succeeded(),
        Exit::Interrupted => Try::Interrupted,
        Exit::Failed(how) => Try::failed(match err.last_line {
            Some(line) => format!("{} {how}: {line}", prepared.name),
            None => format!("{} {how}", prepared.name),
        }),
    };
    (ended, out.beginning)
}

/// Ends what left the group, and says so if its output had to be closed.
async fn sweep(context: &Context<'_>, path: &str, left_open: bool) {
    let killed = context.kill_strays(Some(path.to_owned())).await;
    if left_open {
        let waited = duration::print(output::LINGER);
        let text = format!(
            "a process that left the group kept the output open; after {waited} it was closed, and {killed} such processes were killed"
        );
        context.log.say(MessageType::Warning, MessageSource::Task, path, text).await;
    }
}
