//! Plays two parts for the tests: the guard process, and a worker that starts a process tree and waits to die.

#![expect(clippy::print_stdout, reason = "the test reads the process ids from there")]

use std::path::{Path, PathBuf};

use anyhow::Context;
use scaleout_worker::guard::{self, Guard, GuardStart, Program, SESSION_VARIABLE};
use tokio::io::{AsyncBufReadExt, BufReader};

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
        let path = std::env::var_os("PATH").unwrap_or_default();
        let environment = [("PATH".into(), path), (SESSION_VARIABLE.into(), session.to_string().into())];
        let (mut child, _group) = guard.spawn(&Program {
            path: Path::new("/bin/sh"),
            name: "sh",
            arguments: &["-c".to_owned(), TREE.to_owned()],
            environment: &environment,
            folder: Path::new("/"),
            reads: false,
            account: None,
        })?;
        // Its output is a pipe of ours; the test reads our own.
        let mut lines =
            BufReader::new(child.stdout.take().context("a started program has an output")?).lines();
        while let Some(line) = lines.next_line().await? {
            println!("{line}");
        }
        child.wait().await?;
        Ok(())
    })
}
