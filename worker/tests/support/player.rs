//! Plays two parts for the tests: the guard process, and a worker that starts a process tree and waits to die.

#![expect(clippy::print_stdout, reason = "the test reads the process ids from there")]

use std::path::PathBuf;

use scaleout_worker::guard::{self, Guard, GuardStart, SESSION_VARIABLE};
use tokio::process::Command;

/// A shell whose child stays in the group and whose grandchild does not; it prints the process ids of all three.
const TREE: &str =
    "setsid sh -c 'echo stray $$; exec sleep 1000' & sleep 1000 & echo child $!; echo leader $$; wait";

fn main() -> anyhow::Result<()> {
    guard::main_if_asked();
    let data_folder = std::env::args_os().nth(1).map(PathBuf::from);
    let data_folder = data_folder.ok_or_else(|| anyhow::anyhow!("usage: worker-player DATA-FOLDER"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (guard, session) = Guard::start(GuardStart::new(data_folder)?).await?;
        println!("session {}", session.counter);
        let mut command = Command::new("sh");
        command.arg("-c").arg(TREE).env(SESSION_VARIABLE, session.to_string());
        let (mut child, _group) = guard.spawn(&mut command)?;
        child.wait().await?;
        Ok(())
    })
}
