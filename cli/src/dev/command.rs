//! The command of `scaleout dev -- COMMAND`: runs in the foreground, with what it needs to reach the master.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::exit::{Exit, Failure};

/// How long the command may go on after a stop; Ctrl-C reached it, too.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Runs the command to its end, or until `stop`; its exit code is the answer.
///
/// # Errors
/// It cannot be started.
pub(super) async fn run(
    command: &[OsString],
    environment: &[(&str, &str)],
    stop: &CancellationToken,
) -> Result<Exit, Failure> {
    let Some((program, arguments)) = command.split_first() else { return Ok(Exit::Done) };
    // On a terminal it stays in the foreground, where it may read, and Ctrl-C reaches all of it. Elsewhere a group
    // of its own is what can be stopped as a whole.
    let has_own_group = !std::io::stdin().is_terminal();
    let mut prepared = Command::new(program);
    if has_own_group {
        prepared.process_group(0);
    }
    let mut child = prepared
        .args(arguments)
        .envs(environment.iter().copied())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Failure::usage(format!("cannot run {}: {error}", program.to_string_lossy())))?;
    tokio::select! {
        status = child.wait() => exit(status),
        () = stop.cancelled() => {
            end(&mut child, has_own_group).await;
            Ok(Exit::Interrupted)
        }
    }
}

async fn end(child: &mut Child, has_own_group: bool) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    // It may have ended in this moment, so nothing here can fail in a way that matters.
    let tell = |signal| match pid {
        Some(pid) if has_own_group => drop(kill_process_group(pid, signal)),
        Some(pid) => drop(kill_process(pid, signal)),
        None => {}
    };
    tell(Signal::INT);
    if tokio::time::timeout(STOP_GRACE, child.wait()).await.is_err() {
        tell(Signal::KILL);
        let _ = child.wait().await;
    }
}

/// As shells do: 128 + n for a command that signal n ended.
fn exit(status: std::io::Result<std::process::ExitStatus>) -> Result<Exit, Failure> {
    let status = status.map_err(|error| Failure::failed(format!("cannot wait for the command: {error}")))?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(match u8::try_from(code) {
        Ok(0) => Exit::Done,
        Ok(code) => Exit::Of(code),
        Err(_) => Exit::NotSucceeded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shell(script: &str) -> Exit {
        let command = ["/bin/sh".into(), "-c".into(), script.into()];
        run(&command, &[("SCALEOUT_URL", "http://x")], &CancellationToken::new()).await.unwrap()
    }

    #[tokio::test]
    async fn the_exit_code_is_passed_on() {
        assert_eq!(shell("exit 0").await, Exit::Done);
        assert_eq!(shell("exit 7").await, Exit::Of(7));
        assert_eq!(shell("kill -9 $$").await, Exit::Of(137));
        assert_eq!(shell("test \"$SCALEOUT_URL\" = http://x").await, Exit::Done);
    }

    #[tokio::test]
    async fn a_stop_ends_the_command() {
        let stop = CancellationToken::new();
        stop.cancel();
        let command = ["/bin/sh".into(), "-c".into(), "sleep 1000".into()];
        let ended = tokio::time::timeout(STOP_GRACE * 2, run(&command, &[], &stop)).await;
        assert_eq!(ended.unwrap().unwrap(), Exit::Interrupted);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let failure = run(&["/no/such".into()], &[], &CancellationToken::new()).await.unwrap_err();
        assert!(failure.message.contains("/no/such"), "{}", failure.message);
    }
}
