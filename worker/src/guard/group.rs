//! A process and all its descendants that stay in its group, known to the guard before the program runs.

use std::io;
use std::sync::Arc;

use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::frame::Frame;
use super::handle::{Guard, Link};
use super::strays;

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// Nothing of this session may start any more.
    #[error("the session is over: its fence has passed or its guard is gone")]
    Over,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A process group of the session. Dropping it kills whatever is left in it.
#[derive(Debug)]
pub struct Group {
    link: Arc<Link>,
    token: u64,
    /// The leader's process id.
    id: i32,
}

impl Guard {
    /// Starts `command` as the leader of a new process group. The guard knows the group before the program runs.
    ///
    /// # Errors
    /// The session is over, or the program cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<(Child, Group), SpawnError> {
        if self.is_over() {
            return Err(SpawnError::Over);
        }
        let link = Arc::clone(&self.link);
        let token = link.next_token();
        let inner = Arc::clone(&link);
        let announce = move || -> io::Result<()> {
            rustix::process::setpgid(None, None)?;
            let group = rustix::process::getpid().as_raw_nonzero().get();
            inner.write(Frame::Add { token, group })
        };
        // SAFETY: between fork and exec only async-signal-safe calls are allowed. `announce` makes three plain
        // system calls (setpgid, getpid, write), and neither allocates, nor locks, nor panics.
        unsafe { command.pre_exec(announce) };
        match command.spawn() {
            Ok(child) => {
                // The id is gone only after a wait, and nobody has waited yet.
                let id = child.id().map_or(0, u32::cast_signed);
                Ok((child, Group { link, token, id }))
            }
            Err(error) => {
                // The child may have announced itself before its program turned out not to be there.
                link.send(Frame::Remove { token });
                Err(error.into())
            }
        }
    }
}

impl Group {
    /// The group's id: the process id of its leader.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Asks every process of the group to end: SIGTERM.
    pub fn terminate(&self) {
        strays::signal_group(self.id, Signal::TERM);
    }

    /// Kills every process of the group: SIGKILL.
    pub fn kill(&self) {
        strays::kill_group(self.id);
    }
}

/// The leader may have been reaped by now. Its number cannot be another's as long as the group has a member, and
/// with none left the kernel would have to hand out every other number first.
impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        self.link.send(Frame::Remove { token: self.token });
    }
}
