//! Event handlers carried out: which run, in which order, what they see, and what their failure does.

use std::time::Duration;

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;

use super::world::{World, task};

/// The header of a handler's only task, which prints `text`.
pub(super) fn echo(owner: &str, event: &str, text: &str) -> String {
    format!("[{owner}{event}.tasks.tell]\nkind = \"process\"\ncommand = [\"echo\", \"{text}\"]\n")
}

/// A handler whose only task says who it is, and fails.
fn fails(owner: &str, event: &str) -> String {
    format!(
        "[{owner}{event}.tasks.bad]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", \"echo {owner}{event}; exit 1\"]\n"
    )
}

const STAGE: &str = "[tasks.stage]\nkind = \"sequence\"\n[tasks.stage.tasks.a]\nkind = \"process\"\n";

#[tokio::test]
async fn an_error_goes_from_the_task_to_the_package() {
    let world = World::new().await;
    let told = "{{ @[System::SourceName] }} {{ @[System::SourcePath] }} {{ @[System::ErrorDescription] }}";
    let text = [
        echo("", "on-error", &format!("package: {told}")),
        STAGE.to_owned(),
        "command = [\"false\"]\n".to_owned(),
        echo("tasks.stage.", "on-error", "stage: {{ @[System::SourceName] }}"),
        echo("tasks.stage.tasks.a.", "on-error", "a: {{ @[System::SourceName] }}"),
    ];
    let went = world.run(&text.concat()).await;
    assert_eq!(went.error(), r"\Package\stage\a: false exited with code 1");
    assert_eq!(went.stdout(), ["a: a", "stage: a", r"package: a \Package\stage\a false exited with code 1"]);
    let handled = r"\Package\stage\a.EventHandlers[OnError]\tell";
    assert!(went.events().contains(&format!("pre-execute {handled}")), "{:#?}", went.events());
}

#[tokio::test]
async fn a_handler_that_does_not_propagate_is_the_last_and_disabled_ones_do_not_run() {
    let world = World::new().await;
    let stop = "[tasks.stage.on-error.tasks.stop]\nkind = \"expression\"\nassign = \"@[System::Propagate] = FALSE\"\n";
    for (disable, expected) in [(false, vec!["a"]), (true, vec!["a", "package"])] {
        let stage = STAGE.replace(
            "[tasks.stage.tasks",
            &format!("disable-event-handlers = {disable}\n[tasks.stage.tasks"),
        );
        let text = [
            echo("", "on-error", "package"),
            stage,
            "command = [\"false\"]\n".to_owned(),
            echo("tasks.stage.tasks.a.", "on-error", "a"),
            stop.to_owned(),
        ];
        assert_eq!(world.run(&text.concat()).await.stdout(), expected, "disabled: {disable}");
    }
}

#[tokio::test]
async fn every_event_has_its_time() {
    let world = World::new().await;
    let events = ["on-error", "on-warning", "on-pre-execute", "on-post-execute", "on-task-failed"];
    let mut text: String = events
        .into_iter()
        .map(|event| echo("", event, &format!("{event} {{{{ @[System::SourceName] }}}}")))
        .collect();
    text.push_str(&task("run", "echo run; exit 1", "retries = 1"));
    text.push_str(&task("off", "echo off", "disable = true"));
    text.push_str(&task("skipped", "echo skipped", "after = [\"run\"]"));
    let went = world.run(&text).await;
    assert_eq!(
        went.stdout(),
        [
            "on-pre-execute job",
            "on-pre-execute run",
            "run",
            "on-warning run",
            "run",
            "on-error run",
            "on-task-failed run",
            "on-post-execute run",
            "on-post-execute job",
        ]
    );
}

#[tokio::test]
async fn a_task_that_succeeds_at_last_raises_no_error() {
    let world = World::new().await;
    let text = [
        echo("", "on-error", "error"),
        echo("", "on-warning", "warning: {{ @[System::ErrorDescription] }}"),
        task("a", "mkdir $SCALEOUT_WORK_DIR/once 2>/dev/null && exit 3; exit 0", "retries = 2"),
    ];
    let went = world.run(&text.concat()).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["warning: try 1 of 3 failed, again in 0s: sh exited with code 3"]);
}

#[tokio::test]
async fn a_handler_sees_the_variables_of_its_task_and_has_its_own() {
    let world = World::new().await;
    let text = r#"
        [tasks.each]
        kind = "foreach"
        numbers = { from = 1, to = 4 }
        into = ["n"]
        parallel = 2
        maximum-errors = 10
        fail-parent = false
        [tasks.each.variables]
        n = { type = "int64" }
        [tasks.each.on-error.variables.twice]
        type = "int64"
        value = "@[System::Attempt] * 2"
        [tasks.each.on-error.tasks.tell]
        kind = "process"
        command = ["echo", "{{ @n }} {{ @twice }} {{ @[System::SourcePath] }}"]
        [tasks.each.tasks.inner]
        kind = "foreach"
        list = ["x"]
        into = ["letter"]
        fail-parent = false
        [tasks.each.tasks.inner.variables]
        letter = { type = "string" }
        [tasks.each.tasks.inner.tasks.fail]
        kind = "process"
        command = ["false"]
        [tasks.each.tasks.inner.tasks.fail.variables]
        own = { type = "int64", value = 7 }
        [tasks.each.tasks.inner.tasks.fail.on-error.tasks.own]
        kind = "process"
        command = ["echo", "{{ @letter }} {{ @own }}"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    let mut lines = went.stdout();
    lines.sort_unstable();
    let told = |n: u32| format!(r"{n} 2 \Package\each[{n}]\inner[1]\fail");
    assert_eq!(lines, [&told(1), &told(2), &told(3), &told(4), "x 7", "x 7", "x 7", "x 7"]);
    let path = r"pre-execute \Package\each[3]\inner[1]\fail.EventHandlers[OnError]\own";
    assert!(went.events().iter().any(|event| event == path), "{:#?}", went.events());
}

#[tokio::test]
async fn a_handler_that_fails_counts_and_never_handles_itself() {
    let world = World::new().await;
    // The error of `a`'s handler goes to the package's, whose own error goes nowhere; then that of `a` itself does.
    let text = [task("a", "exit 1", ""), fails("tasks.a.", "on-error"), fails("", "on-error")];
    let went = world.run(&text.concat()).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.stdout(), ["tasks.a.on-error", "on-error", "on-error"]);
    // What raised the event has failed, too.
    let behind = "after = [{ task = \"a\", on = \"failure\" }]";
    for (event, runs) in [("on-pre-execute", vec![]), ("on-post-execute", vec!["a"])] {
        let text = [task("a", "echo a", ""), fails("tasks.a.", event), task("b", "echo b", behind)];
        let went = world.run(&text.concat()).await;
        let name = if runs.is_empty() { "OnPreExecute" } else { "OnPostExecute" };
        assert_eq!(went.error(), format!(r"\Package\a.EventHandlers[{name}]\bad: sh exited with code 1"));
        let handled = format!("tasks.a.{event}");
        assert_eq!(went.stdout(), [runs, vec![handled.as_str(), "b"]].concat());
    }
    // Also of the package, which need not have tasks.
    let told = echo("", "on-error", "{{ @[System::SourcePath] }} {{ @[System::ErrorDescription] }}");
    let went = world.run(&[fails("", "on-post-execute"), told].concat()).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.stdout(), ["on-post-execute", r"\Package a handler on-post-execute of it failed"]);
    assert!(went.error().starts_with(r"\Package.EventHandlers[OnPostExecute]\bad: "), "{}", went.error());
}

#[tokio::test]
async fn a_handler_of_a_warning_that_fails_ends_the_tries() {
    let world = World::new().await;
    let went =
        world.run(&[task("a", "exit 1", "retries = 3"), fails("tasks.a.", "on-warning")].concat()).await;
    assert_eq!(went.error(), r"\Package\a: sh exited with code 1", "what made it fail");
    assert_eq!(went.stdout().len(), 1);
    let told = went.texts(MessageType::Error);
    assert_eq!(told[1..], ["sh exited with code 1", "a handler on-warning of it failed"]);
}

#[tokio::test]
async fn a_handler_of_a_change_that_fails_is_told_and_what_changed_is_not_done_again() {
    let world = World::new().await;
    let text = [
        "[variables]\nn = { type = \"int64\", value = 0, raise-changed-event = true }\n",
        "[tasks.a]\nkind = \"expression\"\nassign = \"@n = 1\"\nretries = 3\n",
        &fails("tasks.a.", "on-variable-changed"),
        &fails("", "on-variable-changed"),
        &echo("", "on-error", "{{ @[System::SourcePath] }} {{ @[System::ErrorDescription] }}"),
    ];
    let went = world.run(&text.concat()).await;
    assert_eq!(went.error(), r"\Package.EventHandlers[OnVariableValueChanged]\bad: sh exited with code 1");
    assert_eq!(
        went.stdout(),
        ["on-variable-changed", r"\Package\a a handler on-variable-changed of it failed"]
    );
}

#[tokio::test]
async fn a_handler_of_what_a_loop_changes_that_fails_is_told() {
    let world = World::new().await;
    let error = r"\Package.EventHandlers[OnVariableValueChanged]\bad: sh exited with code 1";
    let loops = [
        (r"\Package\each", "kind = \"for\"\ninit = \"@n = 1\"\nwhile = \"false\"\nretries = 3\n"),
        (r"\Package\each[1]", "kind = \"foreach\"\nnumbers = { from = 1, to = 1 }\ninto = [\"n\"]\n"),
    ];
    for (path, how) in loops {
        let text = [
            "[variables]\nn = { type = \"int64\", value = 0, raise-changed-event = true }\n",
            &format!("[tasks.each]\n{how}"),
            &task("each.tasks.inner", "echo never", ""),
            &fails("", "on-variable-changed"),
            &echo("", "on-error", "{{ @[System::ErrorDescription] }}"),
        ];
        let went = world.run(&text.concat()).await;
        assert_eq!(went.error(), error);
        assert_eq!(went.stdout(), ["on-variable-changed", "a handler on-variable-changed of it failed"]);
        assert!(went.events().contains(&format!("error {path}")), "{:#?}", went.events());
    }
}

#[tokio::test]
async fn a_change_is_handled_with_the_only_slot() {
    let world = World::new().await;
    let text = r#"
        max-concurrent = 1
        [variables]
        n = { type = "int64", value = 0, raise-changed-event = true }
        quiet = { type = "int64" }
        [on-variable-changed.tasks.tell]
        kind = "process"
        command = ["echo", "{{ @[System::VariableName] }} is {{ @[System::VariableValue] }} by {{ @[System::SourceName] }}"]
        [on-variable-changed.tasks.again]
        kind = "expression"
        assign = "@n = @n"
        [tasks.print]
        kind = "process"
        command = ["echo", "5"]
        stdout = "n"
        [tasks.set]
        kind = "expression"
        assign = ["@quiet = 1", "@n = @n + 1", "@n = @n + 1"]
        after = ["print"]
        [tasks.count]
        kind = "for"
        while = "@n < 9"
        step = "@n = @n + 1"
        after = ["set"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    let by = |n: u32, task: &str| format!("n is {n} by {task}");
    assert_eq!(
        went.stdout(),
        ["5", &by(5, "print"), &by(6, "set"), &by(7, "set"), &by(8, "count"), &by(9, "count")]
    );
}

#[tokio::test]
async fn changes_from_many_sides_do_not_hang_with_one_slot() {
    let world = World::new().await;
    let text = r#"
        max-concurrent = 1
        [variables]
        n = { type = "int64", value = 0, raise-changed-event = true }
        seen = { type = "int64", value = 0 }
        [on-variable-changed.tasks.count]
        kind = "expression"
        assign = "@seen = @seen + 1"
        [tasks.loop]
        kind = "for"
        while = "@seen < 40"
        step = "@n = @n + 1"
        [tasks.leaf]
        kind = "expression"
        assign = ["@n = 1", "@n = 2", "@n = 3"]
        [tasks.other]
        kind = "process"
        command = ["echo", "9"]
        stdout = "n"
    "#;
    world.run(text).await.succeeded();
}

#[tokio::test]
async fn nothing_is_handled_after_a_stop_and_what_runs_ends() {
    let world = World::new().await;
    let text = [
        task("a", "exit 1", ""),
        "[tasks.a.on-error.tasks.wait]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", \"echo pid $$; exec sleep 1000\"]\n".to_owned(),
        echo("", "on-error", "package"),
        echo("", "on-post-execute", "post"),
        echo("tasks.a.", "on-task-failed", "failed"),
    ];
    let mut running = world.start(&text.concat());
    let process = running.process("pid").await;
    running.stopper.stop(StopCause::Told);
    let went = running.end().await;
    process.dies();
    assert_eq!(went.kind(), OutcomeKind::Stopped);
    assert_eq!(went.stdout().len(), 1, "{:?}", went.stdout());
    let handled = |event: &String| event.contains(".EventHandlers") && !event.contains("[OnError]");
    assert!(!went.events().iter().any(handled), "{:#?}", went.events());
    let outer = r"pre-execute \Package.EventHandlers[OnError]";
    assert!(!went.events().iter().any(|event| event == outer), "{:#?}", went.events());
}

#[tokio::test]
async fn a_task_that_runs_out_of_time_is_handled() {
    let world = World::new().await;
    let text = [
        echo("", "on-error", "{{ @[System::ErrorDescription] }}"),
        task("a", "sleep 1000", "timeout = \"100ms\""),
    ];
    let went = world.run(&text.concat()).await;
    assert_eq!(went.stdout(), ["timed out after 100ms"]);
}

#[tokio::test]
async fn a_condition_that_cannot_be_evaluated_is_an_error_of_the_container() {
    let world = World::new().await;
    let text = [
        "[variables]\nzero = { type = \"int64\", value = 0 }\n".to_owned(),
        task("a", "true", ""),
        task("b", "true", "after = [{ task = \"a\", when = \"1 / @zero > 0\" }]"),
        echo("tasks.b.", "on-error", "b"),
        echo("", "on-error", "{{ @[System::SourceName] }} {{ @[System::ErrorDescription] }}"),
    ];
    let went = world.run(&text.concat()).await;
    assert_eq!(went.stdout(), ["b its condition cannot be evaluated: the right side of / is zero"]);
}

#[tokio::test]
async fn what_handlers_are_told_is_masked() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "key": "hush-hush" });
    let text = r#"
        [parameters.key]
        type = "string"
        sensitive = true
        [variables.length]
        type = "int64"
        [on-error.tasks.length]
        kind = "expression"
        assign = "@length = FINDSTRING(@[System::ErrorDescription], \"hush\", 1)"
        [tasks.a]
        kind = "process"
        command = ["{{ @key }}"]
    "#;
    let went = world.run(text).await;
    assert!(went.error().contains("***"), "{}", went.error());
    assert!(went.texts(MessageType::Information).contains(&"length = 0"), "{went:#?}");
}

#[tokio::test]
async fn handlers_of_a_parallel_loop_count_without_a_loss() {
    let world = World::new().await;
    let text = r#"
        [variables]
        errors = { type = "int64", value = 0 }
        [on-error.tasks.count]
        kind = "expression"
        assign = "@errors = @errors + 1"
        [tasks.outer]
        kind = "foreach"
        numbers = { from = 1, to = 10 }
        parallel = 5
        [tasks.outer.tasks.inner]
        kind = "foreach"
        numbers = { from = 1, to = 10 }
        parallel = 5
        [tasks.outer.tasks.inner.tasks.bad]
        kind = "process"
        command = ["false"]
        fail-parent = false
        [tasks.tell]
        kind = "process"
        command = ["echo", "{{ @errors }}"]
        after = ["outer"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["100"]);
}

#[tokio::test]
async fn a_storm_of_errors_passes() {
    let world = World::new().await;
    let text = r#"
        [variables]
        i = { type = "int64", value = 0 }
        errors = { type = "int64", value = 0 }
        zero = { type = "int64", value = 0 }
        [on-error.variables.own]
        type = "string"
        value = "@[System::PackageName]"
        [on-error.tasks.count]
        kind = "expression"
        assign = "@errors = @errors + 1"
        [tasks.storm]
        kind = "for"
        while = "@i < 10000"
        step = "@i = @i + 1"
        [tasks.storm.tasks.bad]
        kind = "expression"
        assign = "@zero = 1 / @zero"
        fail-parent = false
        [tasks.check]
        kind = "expression"
        assign = "@zero = 10000 / (@errors == 10000 ? 1 : 0)"
        after = ["storm"]
    "#;
    let running = world.start(text);
    let records = tokio::time::timeout(Duration::from_secs(50), running.drain()).await.expect("it ends");
    assert!(records > 80_000, "{records}");
}

#[tokio::test]
async fn descriptions_tell_handlers_what_is_known_when_something_happens() {
    let world = World::new().await;
    let text = r#"
        description = "the job of {{ @[System::PackageName] }}"
        [variables.n]
        type = "int64"
        value = 1
        [tasks.plain]
        kind = "expression"
        description = "as it stands"
        assign = "@n = 2"
        [tasks.made]
        kind = "expression"
        description = "with {{ @n }} of {{ @own }}"
        assign = "@n = 3"
        after = ["plain"]
        [tasks.made.variables.own]
        type = "string"
        value = "its own"
        [tasks.lost]
        kind = "expression"
        description = "{{ NULL(DT_I4) }}"
        assign = "@n = 4"
        after = ["made"]
        [on-post-execute.tasks.tell]
        kind = "process"
        command = ["echo", "{{ @[System::SourceName] }}: {{ @[System::SourceDescription] }}"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(
        went.stdout(),
        [
            "plain: as it stands",
            "made: with 3 of its own",
            "lost: cannot evaluate `description`: NULL(DT_I4) is NULL and cannot be put into a text",
            "job: the job of job",
        ]
    );
}
