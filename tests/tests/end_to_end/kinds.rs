//! Each kind of task on a real cluster: it succeeds, fails, runs longer than its timeout, and is canceled while it runs
//! and while it waits for its next try. Of what it had outside nothing is left.

use scaleout_tests::harness::{Execution, MOMENT, WHILE, until};
use serde_json::Value;

use crate::kinds_world::{KINDS, Kind, World, world};

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_task_succeeds_fails_times_out_and_is_canceled() {
    let world = world().await;
    for kind in &KINDS {
        succeeds(&world, kind).await;
        fails(&world, kind).await;
        times_out(&world, kind).await;
        is_canceled(&world, kind).await;
        is_canceled_between_tries(&world, kind).await;
    }
}

async fn succeeds(world: &World, kind: &Kind) {
    let id = enqueue(world, kind, "succeeds").await;
    let (_, task) = ended(world, &id, "succeeded", "succeeded").await;
    assert_eq!((&task["kind"], &task["failed"]), (&kind.name.into(), &0.into()), "{task}");
}

async fn fails(world: &World, kind: &Kind) {
    let id = enqueue(world, kind, "fails").await;
    let (shown, _) = ended(world, &id, "failed", "failed").await;
    let error = shown.text("error");
    assert!(error.starts_with(r"\Package\run") && error.contains(kind.refusal), "{}: {error}", kind.name);
}

async fn times_out(world: &World, kind: &Kind) {
    let id = enqueue(world, kind, "overdue").await;
    let (shown, task) = ended(world, &id, "failed", "failed").await;
    assert_eq!(shown.text("error"), r"\Package\run: timed out after 1s", "{}", kind.name);
    assert_eq!(task["error"], "timed out after 1s", "{}: {task}", kind.name);
    nothing_is_left(world, kind, &id).await;
}

async fn is_canceled(world: &World, kind: &Kind) {
    let id = enqueue(world, kind, "holds").await;
    task(world, &id, "running").await;
    until(&format!("{} holds something outside", kind.name), MOMENT, async || {
        match world.outside(kind, &id).await {
            Some(0) => Err("nothing".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    cancel(world, &id).await;
    nothing_is_left(world, kind, &id).await;
}

async fn is_canceled_between_tries(world: &World, kind: &Kind) {
    let id = enqueue(world, kind, "rests").await;
    world.cluster.logs_with(&id, "try 1 of 2 failed, again in 1h: ").await;
    task(world, &id, "running").await;
    cancel(world, &id).await;
}

async fn enqueue(world: &World, kind: &Kind, how: &str) -> String {
    world.cluster.enqueue_one(&[&format!("t/kinds/{}-{how}", kind.name)]).await
}

/// Cancels what runs, and sees it end.
async fn cancel(world: &World, id: &str) {
    let told = world.cluster.scaleout(&["execution", "cancel", id, "--format", "json"]).await.ok().json();
    assert_eq!((&told["canceled"], &told["stopping"]), (&0.into(), &1.into()), "{told}");
    let (shown, _) = ended(world, id, "canceled", "stopped").await;
    assert_eq!((shown.number("attempt"), shown.endings()), (1, vec![]), "{shown:?}");
}

/// Waits until an execution has ended so, and its task, too.
async fn ended(world: &World, id: &str, status: &str, state: &str) -> (Execution, Value) {
    let shown = world.cluster.reaches(id, &[status], WHILE).await;
    (shown, task(world, id, state).await)
}

/// Waits until the execution's task is in that state, and returns what the tree has of it.
async fn task(world: &World, id: &str, state: &str) -> Value {
    until(&format!("the task of {id} is {state}"), MOMENT, async || {
        let shown = world.cluster.show(id).await.0;
        let tasks = shown["executables"].as_array().into_iter().flatten();
        match tasks.into_iter().find(|one| one["path"] == r"\Package\run") {
            Some(task) if task["state"] == state => Ok(task.clone()),
            _ => Err(shown.to_string()),
        }
    })
    .await
}

async fn nothing_is_left(world: &World, kind: &Kind, id: &str) {
    until(&format!("{} leaves nothing outside", kind.name), MOMENT, async || {
        match world.outside(kind, id).await {
            None | Some(0) => Ok(()),
            Some(count) => Err(count.to_string()),
        }
    })
    .await;
}
