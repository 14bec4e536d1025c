//! Stops, timeouts and fences: the whole tree goes, and the outcome says why.

use std::time::{Duration, Instant};

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;

use super::world::{Process, Running, World, task};

/// A shell with a child in its group and a grandchild out of it; SIGTERM ends the shell at once.
const TREE: &str = "setsid sh -c 'echo stray $$; exec sleep 1000 >/dev/null 2>&1' & sleep 1000 & echo child $!; echo leader $$; wait";

fn tree_task(before: &str) -> String {
    task("run", &format!("{before}{TREE}; sleep 1000"), "")
}

async fn tree(running: &mut Running) -> [Process; 3] {
    [running.process("child").await, running.process("stray").await, running.process("leader").await]
}

#[tokio::test]
async fn a_stop_ends_the_whole_tree_strays_too() {
    let world = World::new().await;
    let mut running = world.start(&tree_task(""));
    let tree = tree(&mut running).await;
    running.stopper.stop(StopCause::Told);
    let went = running.end().await;
    assert_eq!(went.kind(), OutcomeKind::Stopped);
    tree.iter().for_each(Process::dies);
    assert_eq!(std::fs::read_dir(world.work_root()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_program_is_asked_before_it_is_killed() {
    let world = World::new().await;
    let script = "trap 'echo goodbye; exit 0' TERM; echo ready $$; while :; do sleep 0.05; done";
    let mut running = world.start(&task("run", script, ""));
    running.word("ready").await;
    running.stopper.stop(StopCause::HandBack);
    let went = running.end().await;
    // It exited with 0, but was not done: it was told to go.
    assert_eq!(went.kind(), OutcomeKind::Returned);
    assert!(went.stdout().contains(&"goodbye"), "{went:#?}");
}

#[tokio::test]
async fn a_program_that_does_not_listen_is_killed_after_the_grace() {
    let mut world = World::new().await;
    world.limits.stop_grace = Duration::from_millis(200);
    let mut running =
        world.start(&task("run", "trap '' TERM; echo ready $$; while :; do sleep 1000; done", ""));
    let leader = running.process("ready").await;
    let told = Instant::now();
    running.stopper.stop(StopCause::Told);
    assert_eq!(running.end().await.kind(), OutcomeKind::Stopped);
    assert!(told.elapsed() >= world.limits.stop_grace, "it was killed before its grace was over");
    leader.dies();
}

#[tokio::test]
async fn an_attempt_that_runs_too_long_times_out() {
    let mut world = World::new().await;
    world.timeout = Some(Duration::from_millis(700));
    let mut running = world.start(&tree_task(""));
    let tree = tree(&mut running).await;
    let went = running.end().await;
    assert_eq!(went.kind(), OutcomeKind::TimedOut);
    assert_eq!(went.error(), "the attempt ran longer than its timeout of 700ms");
    tree.iter().for_each(Process::dies);
}

#[tokio::test]
async fn a_task_that_runs_too_long_fails_each_try() {
    let world = World::new().await;
    let went = world
        .run(&task("slow", "sleep 1000", "timeout = \"200ms\"\nretries = 1\nretry-delay = \"10ms\""))
        .await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), "\\Package\\slow: timed out after 200ms");
    assert_eq!(went.texts(MessageType::Warning), ["try 1 of 2 failed, again in 10ms: timed out after 200ms"]);
}

#[tokio::test]
async fn a_container_that_runs_too_long_ends_what_is_in_it() {
    let world = World::new().await;
    let inner = task("all.tasks.slow", "sleep 1000", "");
    let next = task("all.tasks.next", "echo never", "after = [\"slow\"]");
    let outer = "[tasks.all]\nkind = \"sequence\"\ntimeout = \"300ms\"\n";
    let went = world.run(&format!("{outer}{inner}{next}")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), "\\Package\\all: timed out after 300ms");
    assert!(went.stdout().is_empty());
}

#[tokio::test]
async fn a_fence_kills_at_once_and_says_nothing() {
    let world = World::new().await;
    let mut running = world.start(&tree_task("trap '' TERM; "));
    let tree = tree(&mut running).await;
    running.stopper.stop(StopCause::Fenced);
    assert!(running.end().await.ended.is_none());
    tree.iter().for_each(Process::dies);
    assert_eq!(std::fs::read_dir(world.work_root()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_fence_overtakes_a_stop_that_waits_for_its_grace() {
    let mut world = World::new().await;
    // Longer than the test may take.
    world.limits.stop_grace = Duration::from_secs(600);
    // Short sleeps: a signal that comes just before the shell forks one is only told when that one has ended.
    let script = "trap 'echo asked $$' TERM; echo ready $$; while :; do sleep 0.1; done";
    let mut running = world.start(&task("run", script, ""));
    let leader = running.process("ready").await;
    running.stopper.stop(StopCause::Told);
    running.process("asked").await;
    running.stopper.stop(StopCause::Fenced);
    assert!(running.end().await.ended.is_none());
    leader.dies();
}

#[tokio::test]
async fn nothing_starts_once_the_session_is_over() {
    let world = World::new().await;
    world.guard.stop().await;
    assert!(world.run_script("echo never").await.ended.is_none());
    assert!(world.run("description = \"no tasks\"\n").await.ended.is_none());
}

#[tokio::test]
async fn a_stop_between_tries_ends_the_wait() {
    let world = World::new().await;
    let mut running = world.start(&task("run", "echo try $$; exit 1", "retries = 5\nretry-delay = \"1h\""));
    running.word("try").await;
    running.stopper.stop(StopCause::Told);
    assert_eq!(running.end().await.kind(), OutcomeKind::Stopped);
}
