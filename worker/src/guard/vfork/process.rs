//! A child of ours until it was waited for. Owns its pidfd.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A child of ours. Dropped before it was waited for, it is killed and waited for by a thread of its own.
#[derive(Debug)]
pub(in crate::guard) struct Process {
    id: i32,
    /// Readable when it has ended; nothing once it was waited for.
    pidfd: Option<AsyncFd<OwnedFd>>,
    ended: Option<ExitStatus>,
}

impl Process {
    pub(super) fn watched(id: i32, pidfd: OwnedFd) -> io::Result<Self> {
        // SAFETY: an `OwnedFd` is open, and the same one, for as long as it lives, and `AsyncFd` owns it.
        match unsafe { AsyncFd::register_with_interest(pidfd, Interest::READABLE) } {
            Ok(pidfd) => Ok(Self { id, pidfd: Some(pidfd), ended: None }),
            Err(refused) => {
                let (pidfd, error) = refused.into_parts();
                end(pidfd);
                Err(error)
            }
        }
    }

    pub(in crate::guard) fn id(&self) -> i32 {
        self.id
    }

    pub(in crate::guard) async fn wait(&mut self) -> io::Result<ExitStatus> {
        if let Some(ended) = self.ended {
            return Ok(ended);
        }
        let pidfd = self.pidfd.as_ref().ok_or_else(|| io::Error::other("it is not watched"))?;
        let ended = loop {
            let mut ready = pidfd.readable().await?;
            match status(pidfd.get_ref(), WaitIdOptions::NOHANG)? {
                Some(ended) => break ended,
                None => ready.clear_ready(),
            }
        };
        self.ended = Some(ended);
        self.pidfd = None;
        Ok(ended)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pidfd) = self.pidfd.take() {
            end(pidfd.into_inner());
        }
    }
}

/// Kills what nobody waits for any more, and takes its end. One that hangs in the kernel holds up nobody but a thread of
/// its own; without a thread it stays a zombie until the worker goes.
fn end(pidfd: OwnedFd) {
    let _ = rustix::process::pidfd_send_signal(&pidfd, rustix::process::Signal::KILL);
    let thread = std::thread::Builder::new().name("reaper".to_owned());
    let _ = thread.spawn(move || status(&pidfd, WaitIdOptions::empty()));
}

/// How the process has ended; with `NOHANG` `None`, if it has not.
pub(super) fn status(pidfd: &OwnedFd, options: WaitIdOptions) -> io::Result<Option<ExitStatus>> {
    let wait = || rustix::process::waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED | options);
    Ok(rustix::io::retry_on_intr(wait)?.as_ref().map(exit_status))
}

fn exit_status(status: &WaitIdStatus) -> ExitStatus {
    // As wait(2) puts it into one number: the signal, or the code in the byte above.
    let signal = status.terminating_signal();
    ExitStatus::from_raw(signal.unwrap_or_else(|| status.exit_status().unwrap_or_default() << 8))
}
