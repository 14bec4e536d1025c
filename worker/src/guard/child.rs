//! A program that was started, however it was. Owns its process until it is waited for, and our ends of its pipes.

use std::io;
use std::process::ExitStatus;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

/// A program that was started.
#[derive(Debug)]
pub struct Child {
    leader: Leader,
    /// The writing end of its standard input, if it reads.
    pub stdin: Option<ChildStdin>,
    /// The reading end of its standard output.
    pub stdout: Option<ChildStdout>,
    /// The reading end of its standard error.
    pub stderr: Option<ChildStderr>,
}

#[derive(Debug)]
enum Leader {
    Forked(tokio::process::Child),
    #[cfg(target_os = "linux")]
    Vforked(super::vfork::Process),
}

impl Child {
    pub(super) fn forked(mut child: tokio::process::Child) -> Self {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        Self { leader: Leader::Forked(child), stdin, stdout, stderr }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn vforked(process: super::vfork::Process, pipes: super::vfork::Pipes) -> io::Result<Self> {
        Ok(Self {
            leader: Leader::Vforked(process),
            stdin: pipes.stdin.map(|end| ChildStdin::from_std(end.into())).transpose()?,
            stdout: Some(ChildStdout::from_std(pipes.stdout.into())?),
            stderr: Some(ChildStderr::from_std(pipes.stderr.into())?),
        })
    }

    /// Its process id, and so its group's.
    pub(super) fn id(&self) -> i32 {
        match &self.leader {
            // The id is gone only after a wait, and nobody has waited yet.
            Leader::Forked(child) => child.id().map_or(0, u32::cast_signed),
            #[cfg(target_os = "linux")]
            Leader::Vforked(process) => process.id(),
        }
    }

    /// Waits until it has ended, and says how. May be dropped and called again, also after the end.
    ///
    /// # Errors
    /// The system has lost it.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        match &mut self.leader {
            Leader::Forked(child) => child.wait().await,
            #[cfg(target_os = "linux")]
            Leader::Vforked(process) => process.wait().await,
        }
    }
}
