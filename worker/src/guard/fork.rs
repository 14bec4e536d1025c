//! Starts a program from a copy of this process, as std does it: for other users, and where `vfork` is not possible.

use std::io;
use std::process::Stdio;

use tokio::process::Command;

use super::child::Child;
use super::program::{Announcement, Program};
use crate::accounts::switch_to;

pub(super) fn start(program: &Program<'_>, announcement: Announcement) -> io::Result<Child> {
    let mut command = Command::new(program.path);
    command
        .arg0(program.name)
        .args(program.arguments)
        .env_clear()
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(program.folder)
        .stdin(if program.reads { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(account) = program.account {
        switch_to(&mut command, account, program.folder)?;
    }
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `make` is three plain system calls, and
    // neither allocates, nor locks, nor panics.
    unsafe { command.pre_exec(move || announcement.make()) };
    command.spawn().map(Child::forked)
}
