//! However the parent ends, nothing of the servers runs on.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use scaleout_local::testing;
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::processes::{self, Process};
use crate::{PROGRAM, open_folder};

/// A loaded machine may take long to schedule all of them.
const GONE_WAIT_MAX: Duration = Duration::from_secs(30);

/// `scaleout-servers run` with its command, both servers and all below them.
struct Running {
    program: Child,
    tree: BTreeSet<Process>,
    temporary: TempDir,
}

impl Running {
    /// Returns when the command runs, that is when both servers are ready.
    fn start(script: &str) -> Running {
        let temporary = open_folder();
        let mut program = Command::new(PROGRAM)
            .args(["run", "--", "sh", "-c", &format!("echo ready; {script}")])
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let tree = processes::tree(program.id());
        let names: BTreeSet<&str> = tree.iter().map(|process| &*process.name).collect();
        for expected in ["sh", "exe", "epmd", "beam.smp", "erl_child_setup", "postgres"] {
            assert!(names.contains(expected), "{names:?}");
        }
        Running { program, tree, temporary }
    }

    fn signal(&self, signal: &str, pid: u32) {
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    }

    fn assert_all_gone(mut self) -> (ExitStatus, TempDir) {
        let status = self.program.wait().unwrap();
        processes::wait_until_gone(&self.tree, GONE_WAIT_MAX);
        (status, self.temporary)
    }
}

fn assert_empty(folder: &Path) {
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn the_command_finds_the_servers_and_its_code_is_passed_on() {
    let own = std::env::current_exe().unwrap();
    // A name that matches no test would pass, too: it must say that it ran one.
    let inside = format!(
        "told=$('{}' --exact ends::inside_a_run --ignored) || exit 1; echo \"$told\" >&2; \
         case $told in *'1 passed'*) ;; *) exit 1 ;; esac",
        own.display()
    );
    let mut running = Running::start(&format!("{inside}; read line; exit 7"));
    // Closing its input ends the script.
    drop(running.program.stdin.take());
    let (status, temporary) = running.assert_all_gone();
    assert_eq!(status.code(), Some(7));
    assert_empty(temporary.path());
}

#[tokio::test]
#[ignore = "run by the test above, with servers"]
async fn inside_a_run() {
    let (one, two) = (testing::database().await, testing::database().await);
    assert_ne!(one.url, two.url);
    let (client, connection) = tokio_postgres::connect(&one.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let name: String = client.query_one("select current_database()::text", &[]).await.unwrap().get(0);
    assert_eq!(name, one.name);
    let vhost = testing::vhost().await;
    assert!(vhost.amqp_url.ends_with(&format!("/{}", vhost.name)), "{vhost:?}");
}

#[test]
fn on_sigint() {
    let running = Running::start("exec sleep 600");
    running.signal("-INT", running.program.id());
    let (status, temporary) = running.assert_all_gone();
    assert_eq!(status.code(), Some(130));
    assert_empty(temporary.path());
}

#[test]
fn on_sigterm_while_the_servers_are_starting() {
    let temporary = open_folder();
    let mut program =
        Command::new(PROGRAM).args(["run", "--", "true"]).env("TMPDIR", temporary.path()).spawn().unwrap();
    let booting = |tree: &BTreeSet<Process>| tree.iter().any(|process| process.name == "beam.smp");
    let mut tree = processes::tree(program.id());
    while !booting(&tree) {
        assert!(program.try_wait().unwrap().is_none(), "it ended before RabbitMQ began to boot");
        std::thread::sleep(processes::LOOK_AGAIN);
        tree = processes::tree(program.id());
    }
    assert!(Command::new("kill").arg(program.id().to_string()).status().unwrap().success());
    assert_eq!(program.wait().unwrap().code(), Some(143));
    processes::wait_until_gone(&tree, GONE_WAIT_MAX);
    assert_empty(temporary.path());
}

#[test]
fn on_kill_9_of_the_parent() {
    let running = Running::start("exec sleep 600");
    running.signal("-9", running.program.id());
    let (status, temporary) = running.assert_all_gone();
    assert_eq!(status.code(), None);
    assert_empty(temporary.path());
}

#[test]
fn on_kill_9_of_the_keeper() {
    let running = Running::start("exec sleep 600");
    let keeper = running.tree.iter().find(|process| process.name == "exe").unwrap().pid;
    running.signal("-9", keeper);
    // The parent hears of it and ends too; who removes the folder is dead.
    let (status, _) = running.assert_all_gone();
    assert_eq!(status.code(), Some(3));
}
