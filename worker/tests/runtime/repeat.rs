//! `for` loops and `expression` tasks carried out.

use std::time::Duration;

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;

use super::world::World;

const COUNT: &str = r#"
    [variables.i]
    type = "int64"
    [tasks.count]
    kind = "for"
    init = "@i = 1"
    while = "@i <= 3"
    step = "@i = @i + 1"
"#;

const SHOW: &str = r#"
    [tasks.count.tasks.show]
    kind = "process"
    command = ["sh", "-c", "printf '%s\\n' \"{{ @i }} $SCALEOUT_TASK\""]
"#;

#[tokio::test]
async fn a_loop_runs_as_long_as_its_condition_is_true() {
    let world = World::new().await;
    let after = r#"
        [tasks.after]
        kind = "process"
        command = ["echo", "{{ @i }}"]
        after = ["count"]
    "#;
    let went = world.run(&format!("{COUNT}{SHOW}{after}")).await;
    went.succeeded();
    let shown = [r"1 \Package\count[1]\show", r"2 \Package\count[2]\show", r"3 \Package\count[3]\show", "4"];
    assert_eq!(went.stdout(), shown);
    assert_eq!(went.texts(MessageType::Information), ["i = 1", "i = 2", "i = 3", "i = 4"]);
}

#[tokio::test]
async fn a_task_inside_ends_it_and_a_condition_that_is_null_does_too() {
    let world = World::new().await;
    let set = r#"
        [tasks.count.tasks.set]
        kind = "expression"
        assign = ["@i = @i * 10", "@i = @i + 5"]
    "#;
    let went = world.run(&format!("{COUNT}{set}")).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["i = 1", "i = 10", "i = 15", "i = 16"]);
    let null = COUNT.replace("init = \"@i = 1\"", "");
    let went = world.run(&format!("{null}{SHOW}")).await;
    went.succeeded();
    assert!(went.stdout().is_empty());
}

#[tokio::test]
async fn errors_end_it_when_they_are_too_many() {
    let world = World::new().await;
    let fail = "\n[tasks.count.tasks.fail]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", \"echo {{ @i }}; exit 1\"]\n";
    let text = format!("{}maximum-errors = 2\n{fail}", COUNT.trim_end_matches(' '));
    let went = world.run(&text).await;
    assert_eq!(went.stdout(), ["1", "2"]);
    let told = went.texts(MessageType::Information);
    let last = *told.last().unwrap();
    assert_eq!(last, "no further iteration starts, because 2 errors reached the loop's maximum-errors");
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert!(went.error().starts_with(r"\Package\count[1]\fail: "), "{}", went.error());
}

#[tokio::test]
async fn what_cannot_be_evaluated_fails_the_task() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "none": 0 });
    let none = "[parameters.none]\ntype = \"int64\"\n";
    for (key, expected) in [
        ("init = \"@i = 1 / @none\"", "cannot set i: "),
        ("while = \"1 / @none > @i\"", "its condition cannot be evaluated: "),
        ("step = \"@i = @i / @none\"", "cannot set i: "),
    ] {
        let word = key.split(' ').next().unwrap();
        let line = COUNT.lines().find(|line| line.trim_start().starts_with(word)).unwrap();
        let went = world.run(&format!("{none}{}{SHOW}", COUNT.replace(line, key))).await;
        assert_eq!(went.kind(), OutcomeKind::Failed);
        let error = went.error();
        assert!(error.starts_with(&format!(r"\Package\count: {expected}")), "{error}");
    }
}

#[tokio::test]
async fn a_stop_and_a_timeout_end_a_loop_that_never_ends() {
    let world = World::new().await;
    let forever = "\n[tasks.ever]\nkind = \"for\"\nwhile = \"TRUE\"\n";
    let went = world.run(&format!("{forever}timeout = \"300ms\"\n")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert!(went.error().contains("timed out after 300ms"), "{}", went.error());
    let running = world.start(forever);
    tokio::time::sleep(Duration::from_millis(100)).await;
    running.stopper.stop(StopCause::Told);
    assert_eq!(running.end().await.kind(), OutcomeKind::Stopped);
}

/// Looks through texts of some MiB, which no machine does in a millisecond.
const HEAVY: &str = "@n = TOKENCOUNT(REPLICATE(@piece, 300000), REPLICATE(@piece, 300000))";

/// An expression task with these assignments.
fn assign(all: &[&str], more: &str) -> String {
    let variables =
        "[variables.n]\ntype = \"int64\"\n[variables.piece]\ntype = \"string\"\nvalue = \"ab,\"\n";
    let all: Vec<String> = all.iter().map(|one| format!("\"{one}\"")).collect();
    format!("{variables}[tasks.set]\nkind = \"expression\"\nassign = [{}]\n{more}\n", all.join(", "))
}

#[tokio::test]
async fn an_evaluation_that_takes_too_long_sets_nothing_and_fails_each_try() {
    let world = World::new().await;
    let more = "timeout = \"1ms\"\nretries = 1\nretry-delay = \"10ms\"";
    let went = world.run(&assign(&[HEAVY], more)).await;
    assert_eq!(went.kind(), OutcomeKind::Failed, "{went:#?}");
    assert_eq!(went.error(), r"\Package\set: timed out after 1ms");
    assert_eq!(went.texts(MessageType::Warning), ["try 1 of 2 failed, again in 10ms: timed out after 1ms"]);
    assert!(went.texts(MessageType::Information).is_empty(), "{went:#?}");
    // The timeout is for all of them together.
    let went = world.run(&assign(&["@n = 1", HEAVY, "@n = 2"], "timeout = \"1ms\"")).await;
    assert_eq!(went.error(), r"\Package\set: timed out after 1ms");
    world.run(&assign(&[HEAVY], "timeout = \"10m\"")).await.succeeded();
}

#[tokio::test]
async fn a_stop_ends_assignments_when_the_evaluation_under_way_has_ended() {
    let world = World::new().await;
    // All of them together take far longer than a few of them.
    let all: Vec<&str> = std::iter::once("@n = 1").chain([HEAVY; 99]).collect();
    let mut running = world.start(&assign(&all, ""));
    running.told(MessageType::Information, "n = 1").await;
    running.stopper.stop(StopCause::Told);
    let went = running.end().await;
    assert_eq!(went.kind(), OutcomeKind::Stopped);
    assert!(went.texts(MessageType::Information).len() < 10, "{went:#?}");
    assert!(went.texts(MessageType::PostExecute)[0].starts_with("set was stopped"), "{went:#?}");
}
