//! Control flow carried out: order, concurrency, failures and what follows them.

use scaleout_common::wire::{MessageType, OutcomeKind};

use super::world::{World, task};

#[tokio::test]
async fn a_package_without_tasks_succeeds_and_leaves_no_trace() {
    let world = World::new().await;
    let went = world.run("description = \"nothing to do\"\n").await;
    went.succeeded();
    assert!(went.log.is_empty());
    assert!(!world.work_root().exists());
}

#[tokio::test]
async fn tasks_that_wait_for_nothing_run_at_the_same_time() {
    let world = World::new().await;
    world.script("pipe.sh", "mkfifo \"$SCALEOUT_WORK_DIR/pipe\"");
    // Each end of the pipe opens only when the other one does.
    let write = task("write", "echo hello > \"$SCALEOUT_WORK_DIR/pipe\"", "after = [\"make\"]");
    let read = task("read", "cat \"$SCALEOUT_WORK_DIR/pipe\"", "after = [\"make\"]");
    let make = "[tasks.make]\nkind = \"process\"\ncommand = [\"./pipe.sh\"]\n";
    let went = world.run(&format!("{make}{write}{read}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["hello"]);
}

#[tokio::test]
async fn more_tasks_than_slots_wait_for_their_turn() {
    let mut world = World::new().await;
    world.limits.tasks_max = 1;
    let script = "mkdir \"$SCALEOUT_WORK_DIR/alone\" && rmdir \"$SCALEOUT_WORK_DIR/alone\"";
    let tasks: String = (0..8).map(|number| task(&format!("t{number}"), script, "")).collect();
    world.run(&tasks).await.succeeded();
}

#[tokio::test]
async fn a_package_says_how_many_of_its_tasks_run_at_once() {
    let world = World::new().await;
    let script = "mkdir \"$SCALEOUT_WORK_DIR/alone\" && sleep 0.02 && rmdir \"$SCALEOUT_WORK_DIR/alone\"";
    let tasks: String = (0..8).map(|number| task(&format!("t{number}"), script, "")).collect();
    world.run(&format!("max-concurrent = 1\n{tasks}")).await.succeeded();
    assert_eq!(world.run(&tasks).await.kind(), OutcomeKind::Failed, "the test would notice two at once");
}

#[tokio::test]
async fn a_forced_result_counts_for_what_follows_and_is_said() {
    let world = World::new().await;
    let fails = task("fails", "exit 1", "force-result = \"success\"");
    let next = task("next", "echo next", "after = [\"fails\"]");
    let went = world.run(&format!("{fails}{next}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["next"]);
    assert_eq!(went.texts(MessageType::Error), ["sh exited with code 1"]);
    let told = went.texts(MessageType::Information);
    assert_eq!(told, ["it counts as succeeded, whatever happened: force-result says so"]);
    let went = world.run(&task("works", "true", "force-result = \"failure\"")).await;
    assert_eq!(
        went.error(),
        "\\Package\\works: it counts as failed, whatever happened: force-result says so"
    );
}

#[tokio::test]
async fn a_forced_result_is_the_last_word_on_what_is_allowed() {
    let world = World::new().await;
    let leaf = |force| task("leaf", "exit 1", &format!("maximum-errors = 2\nforce-result = \"{force}\""));
    assert_eq!(world.run(&leaf("failure")).await.kind(), OutcomeKind::Failed);
    world.run(&leaf("success")).await.succeeded();
    let container = |maximum_errors, force| {
        let head = format!("maximum-errors = {maximum_errors}\n[tasks.all]\nkind = \"sequence\"\n");
        let inside = [task("all.tasks.one", "exit 1", ""), task("all.tasks.two", "exit 1", "")].concat();
        format!("{head}maximum-errors = 3\nforce-result = \"{force}\"\n{inside}")
    };
    // Two tasks in it failed, and so has it: these two count.
    assert_eq!(world.run(&container(2, "failure")).await.kind(), OutcomeKind::Failed);
    world.run(&container(3, "failure")).await.succeeded();
    world.run(&container(1, "success")).await.succeeded();
}

#[tokio::test]
async fn an_error_that_a_task_allows_counts_around_it_only() {
    let world = World::new().await;
    let fails = task(
        "fails",
        "exit 3",
        "maximum-errors = 2\n[tasks.fails.on-task-failed.tasks.x]\nkind = \"sequence\"",
    );
    let next = task("next", "echo next", "after = [\"fails\"]");
    let went = world.run(&format!("maximum-errors = 2\n{fails}{next}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["next"]);
    assert_eq!(went.texts(MessageType::Information), ["it counts as succeeded: maximum-errors is 2"]);
    assert!(went.texts(MessageType::TaskFailed).is_empty(), "{went:?}");
    let went = world.run(&format!("{fails}{next}")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed, "the package allows none");
    assert_eq!((went.stdout(), went.error()), (vec!["next"], "\\Package\\fails: sh exited with code 3"));
}

#[tokio::test]
async fn a_handled_failure_goes_its_way_and_skipped_tasks_say_why() {
    let world = World::new().await;
    let load = task("load", "exit 1", "fail-parent = false");
    let next = task("next", "echo next", "after = [\"load\"]");
    let last = task("last", "echo last", "after = [\"next\"]");
    let mend = task("mend", "echo mend", "after = [{ task = \"load\", on = \"failure\" }]");
    let tidy = task("tidy", "echo tidy", "after = \"end\"");
    let went = world.run(&format!("{load}{next}{last}{mend}{tidy}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["mend", "tidy"]);
    assert_eq!(
        went.texts(MessageType::Information),
        [
            "skipped: it waits for success of load, which failed",
            "skipped: it waits for success of next, which was skipped",
        ]
    );
}

#[tokio::test]
async fn conditions_decide_what_runs_and_say_why_not() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "rows": 3 });
    let head = "[parameters.rows]\ntype = \"int64\"\n\
                [variables.doubled]\ntype = \"int64\"\nvalue = \"@rows * 2\"\n\
                [variables.nothing]\ntype = \"int64\"\n";
    let load = task("load", "echo load", "");
    let some = task("some", "echo some", "after = [{ task = \"load\", when = \"@doubled == 6\" }]");
    let many = task("many", "echo many", "after = [{ task = \"load\", when = \"@rows > 100\" }]");
    let none = task("none", "echo none", "after = [{ task = \"load\", when = \"@nothing > 0\" }]");
    let either = "after = [{ task = \"load\", on = \"failure\", when = \"@rows > 0\", or = true }]";
    let either = task("either", "echo either", either);
    let text = "[tasks.text]\nkind = \"process\"\ncommand = [\"echo\", '{{ UPPER(\"n\") + (DT_WSTR,5)(@rows + 1) }}']\n\
                after = [\"some\", \"either\"]\n";
    let went = world.run(&format!("{head}{load}{some}{many}{none}{either}{text}")).await;
    went.succeeded();
    let mut said = went.stdout();
    said.sort();
    assert_eq!(said, ["N4", "either", "load", "some"]);
    let skipped = "skipped: the condition behind load is not true";
    assert_eq!(went.texts(MessageType::Information), [skipped, skipped]);
}

#[tokio::test]
async fn what_cannot_be_evaluated_is_an_error_with_its_place() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "zero": 0 });
    let head = "[parameters.zero]\ntype = \"int64\"\n";
    let load = task("load", "echo load", "");
    let next = task("next", "echo next", "after = [{ task = \"load\", when = \"1 / @zero > 0\" }]");
    let tidy = task("tidy", "echo tidy", "after = \"end\"");
    let went = world.run(&format!("{head}{load}{next}{tidy}")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    let why = "its condition cannot be evaluated: the right side of / is zero";
    assert_eq!(went.error(), format!("\\Package\\next: {why}"));
    assert_eq!(went.texts(MessageType::Error), [why]);
    assert_eq!(went.stdout(), ["load", "tidy"]);

    let variable = "[variables.x]\ntype = \"int64\"\nvalue = \"1 / @zero\"\n";
    let went = world.run(&format!("{head}{variable}{load}")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), "cannot evaluate the value of variable x: the right side of / is zero");

    let text = "[tasks.text]\nkind = \"process\"\ncommand = [\"echo\", '{{ 1 / @zero }}']\n";
    let went = world.run(&format!("{head}{text}")).await;
    assert!(
        went.error().contains("cannot render {{ 1 / @zero }}: the right side of / is zero"),
        "{}",
        went.error()
    );
}

#[tokio::test]
async fn tasks_in_a_sequence_have_its_path_and_their_failure_names_them() {
    let world = World::new().await;
    let outer = "[tasks.each]\nkind = \"sequence\"\n";
    let check = task("each.tasks.check", "echo 'no good' >&2; exit 2", "");
    let after = task("after", "echo after", "after = [{ task = \"each\", on = \"completion\" }]");
    let went = world.run(&format!("{outer}{check}{after}")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), "\\Package\\each\\check: sh exited with code 2: no good");
    assert_eq!(went.stdout(), ["after"]);
    let events = went.events();
    assert!(events.contains(&"error \\Package\\each\\check".to_owned()), "{events:?}");
    assert!(events.contains(&"task-failed \\Package\\each".to_owned()), "{events:?}");
}

#[tokio::test]
async fn a_task_is_tried_again_until_it_succeeds() {
    let world = World::new().await;
    let script = "cd \"$SCALEOUT_WORK_DIR\"; echo x >> tries; test $(wc -l < tries) -ge 3";
    let went = world.run(&task("load", script, "retries = 5\nretry-delay = \"1ms\"")).await;
    went.succeeded();
    let warnings = went.texts(MessageType::Warning);
    assert_eq!(
        warnings,
        [
            "try 1 of 6 failed, again in 1ms: sh exited with code 1",
            "try 2 of 6 failed, again in 1ms: sh exited with code 1"
        ]
    );
    assert!(went.texts(MessageType::Error).is_empty());
}

#[tokio::test]
async fn a_container_is_tried_again_as_a_whole() {
    let world = World::new().await;
    let outer = "[tasks.all]\nkind = \"sequence\"\nretries = 1\nretry-delay = \"1ms\"\n";
    let first = task("all.tasks.first", "echo first", "");
    let second = task(
        "all.tasks.second",
        "cd \"$SCALEOUT_WORK_DIR\"; mkdir once 2>/dev/null && exit 1; echo second",
        "after = [\"first\"]",
    );
    let went = world.run(&format!("{outer}{first}{second}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["first", "first", "second"]);
}

#[tokio::test]
async fn an_error_that_a_container_allows_and_the_package_does_not_is_named() {
    let world = World::new().await;
    let outer = "[tasks.all]\nkind = \"sequence\"\nmaximum-errors = 2\n";
    let went = world.run(&format!("{outer}{}", task("all.tasks.one", "exit 3", ""))).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), "\\Package\\all\\one: sh exited with code 3");
}
