//! A process and all its descendants that stay in its group, known to the guard before the program runs.

use std::io;
use std::sync::Arc;

use rustix::process::Signal;

use super::child::Child;
use super::frame::Frame;
use super::handle::{Guard, Link};
use super::program::{Announcement, Program};
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
    /// Starts `program` as the leader of a new process group. The guard knows the group before the program runs.
    /// Blocks until it runs, which takes as long as the system needs to read its file.
    ///
    /// # Errors
    /// The session is over, or the program cannot be started.
    pub fn spawn(&self, program: &Program<'_>) -> Result<(Child, Group), SpawnError> {
        if self.is_over() {
            return Err(SpawnError::Over);
        }
        let link = Arc::clone(&self.link);
        let token = link.next_token();
        match program.start(Announcement { link: Arc::clone(&link), token }) {
            Ok(child) => {
                let group = Group { link, token, id: child.id() };
                Ok((child, group))
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
