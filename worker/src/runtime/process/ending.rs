//! How a process ends: by itself, or asked and then made to.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::guard::{Child, Group};

/// How a process ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Succeeded,
    /// How, to follow the program's name: `exited with code 3`.
    Failed(String),
    /// It was told to end, and did.
    Interrupted,
}

/// Waits until the leader has exited, and kills what is left of its group. When `interrupt` is cancelled the group
/// gets SIGTERM, and SIGKILL when `grace` is over. `success` are the exit codes that mean it.
pub(super) async fn until_exit(
    child: &mut Child,
    group: Group,
    grace: Duration,
    success: &[u32],
    interrupt: &CancellationToken,
) -> Exit {
    if let Some(exit) = interrupt.run_until_cancelled(child.wait()).await {
        return exit.map_or_else(
            |error| Exit::Failed(format!("was lost: {error}")),
            |status| describe(status, success),
        );
    }
    group.terminate();
    if tokio::time::timeout(grace, child.wait()).await.is_err() {
        group.kill();
        // SIGKILL ends it unless it hangs in the kernel; then this waits with it, and the fence is the limit.
        let _ = child.wait().await;
    }
    Exit::Interrupted
}

fn describe(status: ExitStatus, success: &[u32]) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) if u32::try_from(code).is_ok_and(|code| success.contains(&code)) => Exit::Succeeded,
        (Some(code), _) => Exit::Failed(format!("exited with code {code}")),
        (None, Some(signal)) => Exit::Failed(format!("was killed by {}", signal_name(signal))),
        (None, None) => Exit::Failed(format!("ended in an unknown way: {status}")),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL: by somebody, or because memory ran out",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_described() {
        for (raw, expected) in [
            (0, Exit::Succeeded),
            (3 << 8, Exit::Failed("exited with code 3".to_owned())),
            (11, Exit::Failed("was killed by signal 11 (SIGSEGV)".to_owned())),
            (64, Exit::Failed("was killed by signal 64".to_owned())),
        ] {
            assert_eq!(describe(ExitStatus::from_raw(raw), &[0]), expected);
        }
        assert_eq!(describe(ExitStatus::from_raw(3 << 8), &[0, 3]), Exit::Succeeded);
        assert_eq!(describe(ExitStatus::from_raw(0), &[3]), Exit::Failed("exited with code 0".to_owned()));
    }
}
