//! The guard: what it holds, and that nothing outlives a session, however it ends.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use scaleout_worker::guard::{Child as Started, Group, Guard, GuardError, Program, SpawnError, boot_time};

use super::world::{DEADLINE, Process, start_guard};

/// A worker of its own process, with a tree of processes.
struct Player {
    child: Child,
    counter: u64,
    tree: [Process; 3],
}

impl Player {
    fn start(data_folder: &Path) -> Player {
        let mut command = Command::new(env!("CARGO_BIN_EXE_worker-player"));
        let mut child = command.arg(data_folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut said = HashMap::new();
        while said.len() < 4 {
            let line = lines.next().unwrap_or_else(|| panic!("the player says four numbers, said {said:?}"));
            let (word, number) = line.split_once(' ').expect("a word and a number");
            said.insert(word.to_owned(), number.parse::<i32>().unwrap());
        }
        let counter = said["session"].try_into().unwrap();
        let tree = ["child", "stray", "leader"].map(|word| Process::of(said[word]));
        Player { child, counter, tree }
    }
}

fn guard_of(data_folder: &Path) -> Process {
    let text = std::fs::read_to_string(data_folder.join("lock")).unwrap();
    Process::of(text.lines().next().unwrap().strip_prefix("guard ").unwrap().parse().unwrap())
}

/// Without the session's variable: only what the guard learned before it ran leads to it.
fn sleeper(guard: &Guard) -> (Started, Group, Process) {
    let (child, group) = guard.spawn(&shell(&["-c".to_owned(), "exec sleep 1000".to_owned()])).unwrap();
    let process = Process::of(group.id());
    (child, group, process)
}

fn shell(arguments: &[String]) -> Program<'_> {
    Program {
        path: Path::new("/bin/sh"),
        name: "sh",
        arguments,
        environment: &[],
        folder: Path::new("/"),
        reads: false,
        account: None,
    }
}

#[tokio::test]
async fn nothing_outlives_a_killed_worker_and_its_folder_is_free_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut player = Player::start(folder.path());
    let guard = guard_of(folder.path());
    player.child.kill().unwrap();
    player.child.wait().unwrap();
    // Starts at once, as a supervisor would: it waits for the guard and gets the folder when all is dead.
    let (_guard, session) = Guard::start(start_guard(folder.path())).await.unwrap();
    player.tree.iter().for_each(Process::is_dead);
    guard.dies();
    assert_eq!((player.counter, session.counter), (1, 2));
}

#[tokio::test]
async fn a_passed_fence_kills_everything_while_the_worker_lives() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = Guard::start(start_guard(folder.path())).await.unwrap();
    guard.fence(boot_time().plus(Duration::from_secs(600)));
    let (mut child, _group, process) = sleeper(&guard);
    guard.fence(boot_time().plus(Duration::from_millis(300)));
    process.lives();
    tokio::time::timeout(DEADLINE, guard.lost()).await.unwrap();
    process.dies();
    assert!(!child.wait().await.unwrap().success());
    assert!(guard.is_over());
    let error = guard.spawn(&shell(&[])).unwrap_err();
    assert!(matches!(error, SpawnError::Over), "{error:?}");
}

#[tokio::test]
async fn a_passed_fence_is_asked_of_the_clock_not_of_the_guard() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = Guard::start(start_guard(folder.path())).await.unwrap();
    // Nothing is awaited from here on: as on a machine that wakes up, nobody has heard of the guard yet.
    guard.fence(boot_time());
    assert!(guard.is_over());
    let error = guard.spawn(&shell(&[])).unwrap_err();
    assert!(matches!(error, SpawnError::Over), "{error:?}");
}

#[tokio::test]
async fn a_fence_that_moves_on_in_time_kills_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = Guard::start(start_guard(folder.path())).await.unwrap();
    let (_child, _group, process) = sleeper(&guard);
    let begun = boot_time();
    while boot_time().since(begun) < Duration::from_millis(800) {
        guard.fence(boot_time().plus(Duration::from_millis(600)));
        // Not a wait for anything: the pace of heartbeats.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    process.lives();
    assert!(!guard.is_over());
}

#[tokio::test]
async fn a_killed_guard_is_noticed_and_nothing_starts_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = Guard::start(start_guard(folder.path())).await.unwrap();
    guard_of(folder.path()).kill(Signal::KILL);
    tokio::time::timeout(DEADLINE, guard.lost()).await.unwrap();
    assert!(guard.spawn(&shell(&[])).is_err());
    // The session after it gets the folder.
    let (_next, session) = Guard::start(start_guard(folder.path())).await.unwrap();
    assert_eq!(session.counter, 2);
}

#[tokio::test]
async fn polite_signals_are_not_for_the_guard() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = Guard::start(start_guard(folder.path())).await.unwrap();
    let process = guard_of(folder.path());
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        process.kill(signal);
    }
    // It still does its work. Without it the child would die at the closed pipe, before it became its program.
    let (_child, _group, sleeper) = sleeper(&guard);
    sleeper.lives();
    process.lives();
    tokio::time::timeout(DEADLINE, guard.stop()).await.unwrap();
    sleeper.dies();
}

#[tokio::test]
async fn a_second_worker_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut player = Player::start(folder.path());
    let error = Guard::start(start_guard(folder.path())).await.unwrap_err();
    let pid = player.child.id();
    assert!(
        matches!(error, GuardError::Locked { worker: Some(worker), .. } if worker.cast_unsigned() == pid),
        "{error}"
    );
    assert!(error.to_string().contains(&pid.to_string()), "{error}");
    player.tree.iter().for_each(Process::lives);
    player.child.kill().unwrap();
    player.child.wait().unwrap();
    player.tree.iter().for_each(Process::dies);
}

#[tokio::test]
async fn a_session_that_stops_leaves_nothing_and_frees_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, first) = Guard::start(start_guard(folder.path())).await.unwrap();
    let (_child, _group, process) = sleeper(&guard);
    tokio::time::timeout(DEADLINE, guard.stop()).await.unwrap();
    process.is_dead();
    guard.stop().await;
    let above = scaleout_worker::guard::GuardStart { above: 40, ..start_guard(folder.path()) };
    let (_next, second) = Guard::start(above).await.unwrap();
    assert_eq!((second.worker, second.counter), (first.worker, 41));
}

#[tokio::test]
async fn a_dropped_handle_ends_the_guard() {
    let folder = tempfile::tempdir().unwrap();
    let (guard, _) = Guard::start(start_guard(folder.path())).await.unwrap();
    let process = guard_of(folder.path());
    drop(guard);
    process.dies();
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Guard::start(start_guard(&file)).await.unwrap_err();
    assert!(matches!(error, GuardError::Folder { .. }), "{error:?}");
    assert!(error.to_string().contains("file"), "{error}");
}
