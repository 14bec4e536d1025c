//! What the reader says of bad packages, word for word and place by place.

use super::bad;

#[test]
fn unknown_keys_are_told_with_the_nearest_known_one() {
    bad(
        r#"colour = 1
"#,
        r#"p.toml:1:1: unknown key `colour` in this file (known: description, run-as, parameters, max-concurrent, variables, connections, transaction, isolation, maximum-errors, disable-event-handlers, on-error, on-warning, on-pre-execute, on-post-execute, on-task-failed, on-variable-changed, tasks)"#,
    );
    bad(
        r#"[tasks.a]
kind = "process"
command = ["x"]
comand = 1
"#,
        r#"p.toml:4:1: unknown key `comand` in process task `a` (did you mean `command`?)"#,
    );
    bad(
        r#"[parameters.k]
type = "int64"
requierd = true
"#,
        r#"p.toml:3:1: unknown key `requierd` in parameter `k` (did you mean `required`?)"#,
    );
}

#[test]
fn run_as_is_the_name_of_a_user() {
    bad(
        "run-as = \"a b\"\n",
        r#"p.toml:1:10: `run-as` expects the name of a user, found "a b" (write the name as the worker's machine knows it; group and rights are its own)"#,
    );
    bad("run-as = 3\n", "p.toml:1:10: `run-as` expects a string, found 3");
}

#[test]
fn kinds_of_tasks_are_known_or_unknown() {
    bad(
        r#"[tasks.a]
kind = "proces"
command = ["x"]
"#,
        r#"p.toml:2:8: unknown task kind `proces` (did you mean `process`?)"#,
    );
    bad(
        r#"[tasks.a]
kind = "data"
"#,
        r#"p.toml:2:8: unknown task kind `data` (known: process, sql, file, http, package, expression, sequence, for, foreach)"#,
    );
    bad(
        r#"[tasks.a]
command = ["x"]
"#,
        r#"p.toml:1:8: task `a` has no `kind`"#,
    );
    bad(
        r#"[tasks.a]
kind = 3
"#,
        r#"p.toml:2:8: `kind` expects a string, found 3"#,
    );
    bad(
        r#"tasks = 3
"#,
        r#"p.toml:1:9: `tasks` expects a table, found 3"#,
    );
}

#[test]
fn what_comes_later_is_called_so() {
    bad(
        r#"max-concurrent = 0
"#,
        r#"p.toml:1:18: `max-concurrent` expects a whole number from 1 to 1000, found 0"#,
    );
    bad(
        r#"[tasks.a]
kind = "process"
command = ["x"]
force-result = "sucess"
"#,
        r#"p.toml:4:16: unknown force-result `sucess` (did you mean `success`?)"#,
    );
    bad(
        r#"[parameters.n]
type = "DT_WSTR"
"#,
        r#"p.toml:2:8: DT_WSTR takes 1 parameter, found 0 (write DT_WSTR(length))"#,
    );
    bad(
        r#"[variables.y]
type = "string"
value = "@x"
[variables.z]
type = "date"
value = "@y"
[variables.n]
type = "int64"
value = "many"
[variables.m]
type = "int64"
value = "1.5 + 1"
"#,
        r#"p.toml:3:10: @x is not known here
p.toml:6:10: @y is not known here
p.toml:9:10: many is the name of a column, and there are no columns here (write @many)
p.toml:12:10: the value is DT_NUMERIC(12,1), and DT_I8 is wanted (cast it: (DT_I8)(…))"#,
    );
}

#[test]
fn tasks_wait_for_others_of_their_container() {
    bad(
        r#"[tasks.a]
kind = "sequence"
after = ["a"]
"#,
        r#"p.toml:3:10: task `a` waits for itself"#,
    );
    bad(
        r#"[tasks.load]
kind = "sequence"
[tasks.b]
kind = "sequence"
after = ["laod"]
"#,
        r#"p.toml:5:10: unknown task `laod` (did you mean `load`?)"#,
    );
    bad(
        r#"[tasks.a]
kind = "sequence"
after = ["zzz"]
"#,
        r#"p.toml:3:10: unknown task `zzz` (a task can only wait for tasks of its own container)"#,
    );
    bad(
        r#"[tasks.a]
kind = "sequence"
[tasks.s]
kind = "sequence"
[tasks.s.tasks.in]
kind = "sequence"
after = ["a"]
"#,
        r#"p.toml:7:10: unknown task `a` (a task can only wait for tasks of its own container)"#,
    );
}

#[test]
fn order_must_be_possible() {
    bad(
        r#"[tasks.a]
kind = "sequence"
after = ["c"]
[tasks.b]
kind = "sequence"
after = ["a"]
[tasks.c]
kind = "sequence"
after = ["b"]
[tasks.x]
kind = "sequence"
after = ["y"]
[tasks.y]
kind = "sequence"
after = ["x", "a"]
"#,
        r#"p.toml:3:9: tasks wait for each other in a circle: a -> b -> c -> a (take one of these out of its `after`)
p.toml:12:9: tasks wait for each other in a circle: x -> y -> x (take one of these out of its `after`)"#,
    );
    bad(
        r#"[tasks.a]
kind = "sequence"
after = "end"
[tasks.b]
kind = "sequence"
after = ["a"]
"#,
        r#"p.toml:6:10: `a` runs at the end: no task can come after it"#,
    );
}

#[test]
fn after_and_join_have_a_form() {
    bad(
        r#"[tasks.a]
kind = "sequence"
after = "b"
"#,
        r#"p.toml:3:9: `after` is "end" or a list of tasks, found "b" (write after = ["b"])"#,
    );
    bad(
        r#"[tasks.a]
kind = "sequence"
after = [{ task = "b", on = "fail" }, 3, { on = "success" }]
join = "one"
[tasks.b]
kind = "sequence"
"#,
        r#"p.toml:3:29: unknown end `fail` (known: success, failure, completion)
p.toml:3:39: `after` expects tasks such as "load" or { task = "load", on = "failure" }, found 3
p.toml:3:42: this entry of `after` has no `task`
p.toml:4:8: unknown join `one` (known: all, any)"#,
    );
}

#[test]
fn parameters_and_variables() {
    bad(
        r#"[parameters.day]
type = "date"
default = "tomorrow"
"#,
        r#"p.toml:3:11: `day` is a date: expected YYYY-MM-DD, found "tomorrow""#,
    );
    bad(
        r#"[parameters.day]
type = "data"
[parameters.m]
[parameters.k]
type = "int64"
default = "5"
"#,
        r#"p.toml:2:8: unknown type `data` (did you mean `date`?)
p.toml:3:13: parameter `m` has no `type`
p.toml:6:11: `k` is an int64: expected a whole number from -9223372036854775808 to 9223372036854775807, found a string"#,
    );
    bad(
        r#"[parameters.at]
type = "timestamp"
default = 2024-01-01T00:00:00
"#,
        r#"p.toml:3:11: `at` is a timestamp: expected an instant with its offset such as 2024-02-29T12:00:00Z, found 2024-01-01T00:00:00"#,
    );
    bad(
        r#"[parameters.s]
type = "int64"
sensitive = true
default = "secret"
"#,
        r#"p.toml:4:1: parameter `s` is sensitive: a default here would lie open in the file and the bundle (leave it out and give it with `scaleout project set` or at enqueue)"#,
    );
    bad(
        r#"[parameters.x]
type = "int64"
[variables.x]
type = "int64"
value = 1.5
"#,
        r#"p.toml:3:12: variable `x` has the name of a parameter (give one of them another name)
p.toml:5:9: `x` is an int64: expected a whole number from -9223372036854775808 to 9223372036854775807, found 1.5"#,
    );
    bad(
        r#"[parameters.n]
type = "int64"
default = 9223372036854775808
[parameters.f]
type = "float64"
default = inf
"#,
        r#"p.toml:3:11: `n` is an int64: expected a whole number from -9223372036854775808 to 9223372036854775807, found 9223372036854775808
p.toml:6:11: `f` is a float64: expected a finite number such as 1.5 or 1e6, found inf"#,
    );
    bad(
        r#"[parameters."a b:c"]
type = "int64"
[parameters]
"#,
        r#"p.toml:1:13: the name of the parameter `a b:c` holds a control character or one of \ / : * ? " < > | [ ] { }"#,
    );
}

#[test]
fn numbers_and_durations_have_bounds() {
    bad(
        r#"[tasks.a]
kind = "process"
command = ["x"]
retries = -1
retry-delay = "5"
timeout = "31d"
disable = 1
"#,
        r#"p.toml:4:11: `retries` expects a whole number from 0 to 1000, found -1
p.toml:5:15: `retry-delay` expects a duration from 0s to 1d such as "10m", found "5"
p.toml:6:11: `timeout` expects a duration from 1ms to 30d such as "10m", found "31d"
p.toml:7:11: `disable` expects true or false, found 1"#,
    );
    bad(
        r#"maximum-errors = 0
[tasks.a]
kind = "sequence"
retries = 1001
timeout = "0s"
retry-delay = "soon"
fail-parent = "no"
"#,
        r#"p.toml:1:18: `maximum-errors` expects a whole number from 1 to 1000000, found 0
p.toml:4:11: `retries` expects a whole number from 0 to 1000, found 1001
p.toml:5:11: `timeout` expects a duration from 1ms to 30d such as "10m", found "0s"
p.toml:6:15: `retry-delay` expects a duration from 0s to 1d such as "10m", found "soon"
p.toml:7:15: `fail-parent` expects true or false, found a string"#,
    );
}

#[test]
fn toml_errors() {
    bad(
        r#"a = 1
a = 2
[tasks
"#,
        r#"p.toml:2:1: `a` is there twice
p.toml:3:7: unclosed table, expected `]`"#,
    );
    bad(
        r#"[tasks.a]
kind = "sequence"
[tasks.a]
kind = "sequence"
"#,
        r#"p.toml:3:8: `a` is there twice
p.toml:4:1: `kind` is there twice"#,
    );
}

#[test]
fn connections() {
    bad(
        r#"[connections.c]
kind = "postgre"
url = 3
[connections.shared]
kind = "postgres"
url = "x"
[connections.d]
"#,
        r#"p.toml:2:8: unknown connection kind `postgre` (did you mean `postgres`?)
p.toml:3:7: `url` expects a string, found 3
p.toml:4:14: connection `shared` has the name of a connection of the project (give it another name, or use the project's)
p.toml:7:14: connection `d` has no `kind`
p.toml:7:14: connection `d` has no `url`"#,
    );
}

#[test]
fn names_have_rules() {
    bad(
        r#"[tasks."a/b"]
kind = "sequence"
[tasks.""]
kind = "sequence"
[tasks." a"]
kind = "sequence"
"#,
        r#"p.toml:1:8: the name of the task `a/b` holds a control character or one of \ / : * ? " < > | [ ] { }
p.toml:3:8: the name of the task `` is empty
p.toml:5:8: the name of the task ` a` begins or ends with a blank"#,
    );
}
