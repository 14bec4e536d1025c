//! Event handlers: what the reader makes of good ones, and what it says of bad ones.

use super::{bad, good};
use crate::model::{Event, TaskKind};
use crate::reader::NESTING_MAX;

#[test]
fn handlers_are_read_on_packages_containers_and_tasks() {
    let package = good(
        r#"[variables.n]
type = "int64"
raise-changed-event = true
[on-error]
maximum-errors = 3
[on-error.variables.text]
type = "string"
value = "@[System::PackageName] + \"!\""
[on-error.tasks.mail]
kind = "process"
command = ["mail", "{{ @text }} of {{ @[System::SourcePath] }}"]
[on-error.tasks.stop]
kind = "expression"
assign = "@[System::Propagate] = FALSE"
after = ["mail"]
[on-variable-changed.tasks.show]
kind = "process"
command = ["echo", "{{ @[System::VariableName] }} = {{ @[System::VariableValue] }}"]
[tasks.stage]
kind = "sequence"
disable-event-handlers = true
[tasks.stage.variables.own]
type = "int64"
[tasks.stage.on-task-failed.tasks.count]
kind = "expression"
assign = "@own = @own + 1"
[tasks.stage.tasks.set]
kind = "expression"
assign = "@n = 1"
[tasks.stage.tasks.set.on-warning.tasks.a]
kind = "sequence"
[tasks.stage.tasks.set.on-warning.tasks.a.on-pre-execute.tasks.deep]
kind = "process"
command = ["echo", "{{ @[System::ErrorDescription] }} {{ @[System::SourceName] }}"]
"#,
    );
    let handler = package.handlers.of(Event::Error).unwrap();
    assert_eq!(handler.maximum_errors.known().map(|number| number.get()), Some(3));
    let paths: Vec<String> = handler.container.all_tasks().map(|task| task.path.to_string()).collect();
    assert_eq!(paths, [r"\Package.EventHandlers[OnError]\mail", r"\Package.EventHandlers[OnError]\stop"]);
    let TaskKind::Expression(all) = &handler.container.tasks()[1].kind else { panic!("{handler:?}") };
    assert_eq!(all[0].target.variable, "System::Propagate");
    let stage = &package.root.tasks()[0];
    assert!(stage.handlers.of(Event::TaskFailed).is_some() && stage.handlers.are_idle());
    let set = &stage.kind.container().unwrap().tasks()[0];
    let inner = &set.handlers.of(Event::Warning).unwrap().container.tasks()[0];
    let deepest = &inner.handlers.of(Event::PreExecute).unwrap().container.tasks()[0];
    assert_eq!(
        deepest.path.to_string(),
        r"\Package\stage\set.EventHandlers[OnWarning]\a.EventHandlers[OnPreExecute]\deep"
    );
    assert!(package.variables["n"].raises_changed);
}

#[test]
fn faults_of_handlers_have_their_place() {
    bad(
        r#"[on-eror.tasks.a]
kind = "sequence"
[on-warning]
[on-error.tasks.a]
kind = "process"
command = ["echo", "{{ @[System::VariableName] }}"]
stdout = "System::SourceName"
[on-error.on-error.tasks.a]
kind = "sequence"
"#,
        r#"p.toml:1:2: unknown key `on-eror` in this file (did you mean `on-error`?)
p.toml:6:24: @[System::VariableName] is not known here (the handlers that know it are on-variable-changed)
p.toml:7:10: `stdout` takes a variable's name, found "System::SourceName" (declare a variable for it)
p.toml:8:11: unknown key `on-error` in `on-error` (known: variables, maximum-errors, tasks)"#,
    );
    bad(
        r#"[tasks.a]
kind = "process"
command = ["echo", "{{ @[System::SourceName] }}"]
[tasks.b]
kind = "expression"
assign = "@[System::Propagate] = FALSE"
[tasks.b.on-error.tasks.c]
kind = "expression"
assign = ["@[System::Propagate] = 1", "@[System::SourceName] = \"x\"", "@[User::System::SourceName] = \"x\""]
"#,
        r#"p.toml:3:24: @[System::SourceName] is not known here (the handlers that know it are on-error, on-warning, on-pre-execute, on-post-execute, on-task-failed, on-variable-changed)
p.toml:6:11: @[System::Propagate] is not known here (the handlers that know it are on-error, on-warning, on-pre-execute, on-post-execute, on-task-failed, on-variable-changed)
p.toml:9:35: the value is DT_I4, and DT_BOOL is wanted (compare it: value != 0)
p.toml:9:39: @[System::SourceName] cannot be written: only variables can (declare a variable for it)
p.toml:9:72: `assign` takes a variable's name, found "System::SourceName" (declare a variable for it)"#,
    );
}

#[test]
fn a_handler_within_a_parallel_loop_writes_nothing_outside() {
    bad(
        r#"[variables.n]
type = "int64"
[tasks.each]
kind = "foreach"
numbers = { from = 1, to = 3 }
parallel = 2
[tasks.each.tasks.a]
kind = "sequence"
[tasks.each.on-error.tasks.count]
kind = "expression"
assign = "@n = @n + 1"
[tasks.each.tasks.a.on-error.tasks.count]
kind = "expression"
assign = "@n = @n + 1"
"#,
        r#"p.toml:14:11: variable `n` is outside the loop `each`, whose iterations run at the same time (declare it in the loop, where each iteration has its own, or take out `parallel` of `each`)"#,
    );
}

#[test]
fn handlers_count_in_the_nesting() {
    let mut text = String::new();
    let mut path = String::new();
    // Each is a handler in a container, and two deeper.
    for _ in 0..=NESTING_MAX / 2 {
        path = format!("{path}on-error.tasks.a.");
        text.push_str(&format!("[{}]\nkind = \"sequence\"\n", path.trim_end_matches('.')));
    }
    let found = super::read(&text).unwrap_err();
    assert!(found.contains("tasks are nested deeper than 32 containers"), "{found}");
}
