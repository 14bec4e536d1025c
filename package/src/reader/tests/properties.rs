//! Properties that are expressions: what the reader makes of them, and what it says of bad ones.

use std::time::Duration;

use super::{bad, good};
use crate::model::{ForceResult, HttpAnswer, Over, Package, Sql, Statement, Task, TaskKind};
use crate::property::Property;
use crate::scope::Scope;
use crate::value::Value;

#[track_caller]
fn task<'a>(package: &'a Package, name: &str) -> &'a Task {
    package.root.tasks().iter().find(|task| task.name == name).expect("the task is there")
}

fn scope(values: &[(&str, Value)]) -> Scope {
    let package = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Scope { package: std::sync::Arc::new(package), ..Scope::default() }
}

/// Every property of a task, of a package and of its kinds, each given by the parameters.
pub(crate) const PROPERTIES: &str = r#"max-concurrent = "@n"
maximum-errors = "@n + 1"
disable-event-handlers = "!@yes"
[parameters]
n = { type = "int64", default = 2 }
yes = { type = "bool", default = true }
text = { type = "string", default = "failure" }
[tasks.a]
kind = "process"
command = ["x"]
retries = "@n * 3"
retry-delay = "{{ @n }}s"
timeout = "{{ @n }}m"
fail-parent = "@n > 2"
force-result = "{{ @text }}"
maximum-errors = "@n"
disable = "@n == 3"
disable-event-handlers = "@yes"
success-exit-codes = [0, "@n"]
[tasks.b]
kind = "foreach"
files = { folder = ".", recursive = "@yes", retrieve = "{{ @text }}" }
parallel = "@n"
[tasks.c]
kind = "foreach"
dates = { from = 2024-01-01, to = 2024-01-05, step = "@n", unit = "{{ @text }}" }
[tasks.d]
kind = "file"
operation = "{{ @text }}"
folder = "/x"
from = "a"
to = "b"
recursive = "@yes"
overwrite = "@yes"
missing = "{{ @text }}"
[tasks.e]
kind = "http"
method = "{{ @text }}"
url = "https://host/"
expected-status = ["@n + 200"]
follow-redirects = "@n"
connect-timeout = "{{ @n }}s"
request-timeout = "{{ @n }}s"
to-file = "a"
overwrite = "@yes"
[tasks.f]
kind = "sql"
connection = "{{ @text }}"
statement-expression = "\"select \" + (DT_WSTR,9)@n"
transaction = "{{ @text }}"
isolation = "{{ @text }}"
[tasks.g]
kind = "foreach"
rows = { connection = "{{ @text }}", file = "{{ @text }}.sql" }
into = ["m"]
[tasks.g.variables]
m = { type = "int64" }
"#;

#[test]
fn any_property_is_an_expression() {
    let package = good(PROPERTIES);
    let scope = scope(&[
        ("n", Value::Int64(2)),
        ("yes", Value::Bool(true)),
        ("text", Value::String("failure".to_owned())),
    ]);
    let number = package.max_concurrent.as_ref().unwrap().resolve("", &scope).unwrap();
    assert_eq!((number.get(), package.maximum_errors.resolve("", &scope).unwrap().get()), (2, 3));
    let a = task(&package, "a");
    assert!(!a.properties.are_known() && a.handlers.disabled.known().is_none());
    let (resolved, fault) = a.properties.resolve(&scope);
    assert_eq!(fault, None);
    assert_eq!((resolved.retries, resolved.retry_delay), (6, Duration::from_secs(2)));
    assert_eq!((resolved.timeout, resolved.maximum_errors.get()), (Some(Duration::from_secs(120)), 2));
    assert_eq!((resolved.fail_parent, resolved.force_result), (false, ForceResult::Failure));
    assert_eq!(a.disable.resolve("", &scope), Ok(false));
    let TaskKind::Process(process) = &a.kind else { panic!("{a:?}") };
    assert_eq!(process.success_exit_codes[1].resolve("", &scope).map(|code| code.get()), Ok(2));
    let TaskKind::Foreach(foreach) = &task(&package, "b").kind else { panic!("{package:?}") };
    let Over::Files(files) = &foreach.over else { panic!("{foreach:?}") };
    assert_eq!((foreach.parallel.resolve("", &scope).unwrap().get(), files.recursive.known()), (2, None));
    let TaskKind::Foreach(foreach) = &task(&package, "c").kind else { panic!("{package:?}") };
    let Over::Dates { step, unit, .. } = &foreach.over else { panic!("{foreach:?}") };
    assert_eq!((step.resolve("", &scope).unwrap().get(), unit.known()), (2, None));
    let TaskKind::File(file) = &task(&package, "d").kind else { panic!("{package:?}") };
    assert_eq!(
        (file.recursive.resolve("", &scope), file.overwrite.resolve("", &scope)),
        (Ok(true), Ok(true))
    );
    assert_eq!(file.missing.known(), None);
    let TaskKind::Http(http) = &task(&package, "e").kind else { panic!("{package:?}") };
    assert_eq!(http.expected_status[0].resolve("", &scope).unwrap().get(), 202);
    assert_eq!(http.redirects_max.resolve("", &scope).unwrap().get(), 2);
    assert_eq!(http.connect_timeout.resolve("", &scope).unwrap().get(), Duration::from_secs(2));
    assert_eq!(http.request_timeout.resolve("", &scope).unwrap().get(), Duration::from_secs(2));
    assert!(matches!(&http.answer, Some(HttpAnswer::File { overwrite: Property::Expression(_), .. })));
    assert_eq!(
        (file.operation.known(), http.method.known()),
        (None, None),
        "what they are is known when they start"
    );
    let TaskKind::Sql(Sql { query, .. }) = &task(&package, "f").kind else { panic!("{package:?}") };
    assert_eq!(query.connection.render(&scope).as_deref(), Ok("failure"));
    let Statement::Expression(made) = &query.statement else { panic!("{query:?}") };
    assert_eq!(made.value(&scope), Ok(Value::String("select 2".to_owned())));
    let f = task(&package, "f").properties.resolve(&scope).1.unwrap().to_string();
    assert_eq!(f, "`transaction` expects one of required, supported, not-supported, found \"failure\"");
    let TaskKind::Foreach(foreach) = &task(&package, "g").kind else { panic!("{package:?}") };
    let Over::Query(query) = &foreach.over else { panic!("{foreach:?}") };
    let Statement::File(path) = &query.statement else { panic!("{query:?}") };
    assert_eq!(path.render(&scope).as_deref(), Ok("failure.sql"));
    let problem = files.retrieve.resolve("retrieve", &scope).unwrap_err().to_string();
    assert_eq!(problem, "`retrieve` expects one of path, name, stem, found \"failure\"");
}

#[test]
fn an_expression_that_is_always_the_same_is_checked_at_once() {
    let package = good("[tasks.a]\nkind = \"sequence\"\nretries = \"1 + 1\"\ndisable = \"1 == 2\"\n");
    let a = task(&package, "a");
    assert_eq!(a.properties.resolve(&Scope::default()).0.retries, 2);
    assert!(a.properties.are_known());
    assert_eq!(a.disable, Property::Value(false));
    bad(
        r#"[parameters.day]
type = "date"
[parameters.key]
type = "bool"
sensitive = true
[tasks.a]
kind = "sequence"
retries = "500 * 3"
retry-delay = "{{ @nobody }}s"
timeout = ["1m"]
fail-parent = "@day"
force-result = "sucess"
maximum-errors = "@day + 1"
disable = "@key"
[tasks.a.variables.n]
type = "int64"
[tasks.b]
kind = "sequence"
disable = "@n == 1"
disable-event-handlers = "no"
maximum-errors = 1.5
retry-delay = "{{ @word }}"
timeout = "{{ 31 }}d"
retries = "{{ @day }}"
[parameters.word]
type = "string"
sensitive = true
[tasks.c]
kind = "sequence"
timeout = "@day"
force-result = "{{ \"sucess\" }}"
disable = "word"
"#,
        r#"p.toml:8:11: `retries` expects a whole number from 0 to 1000, found 500 * 3
p.toml:9:19: @nobody is not known here (known: n, day, key, word)
p.toml:10:11: `timeout` expects a duration from 1ms to 30d such as "10m", found a list
p.toml:11:16: the value is DT_DBDATE, and DT_BOOL is wanted (cast it: (DT_BOOL)(…))
p.toml:12:16: unknown force-result `sucess` (did you mean `success`?)
p.toml:13:19: + cannot be applied to DT_DBDATE and DT_I4 (dates are added to with DATEADD and subtracted with DATEDIFF)
p.toml:14:12: @key is sensitive, and would be shown (logs show variables and properties, and what is made of them)
p.toml:19:12: @n is not known here (known: day, key, word)
p.toml:20:26: `disable-event-handlers` expects true or false, found a string
p.toml:21:18: `maximum-errors` expects a whole number from 1 to 1000000, found 1.5
p.toml:22:15: @word is sensitive, and would be shown (logs show properties, and what is made of them)
p.toml:23:11: `timeout` expects a duration from 1ms to 30d such as "10m", found "{{ 31 }}d"
p.toml:24:11: `retries` is an expression as a whole, not a text with {{ }} (take out the braces)
p.toml:30:11: `timeout` is a text, and has its expressions in {{ }} (write "{{ @day }}")
p.toml:31:16: unknown force-result `sucess` (did you mean `success`?)
p.toml:32:12: word is the name of a column, and there are no columns here (write @word)"#,
    );
}

#[test]
fn what_may_run_at_the_same_time_is_treated_so() {
    bad(
        r#"[parameters.n]
type = "int64"
[variables.sum]
type = "int64"
[tasks.a]
kind = "foreach"
numbers = { from = 1, to = 3 }
parallel = "@n"
transaction = "required"
[tasks.a.tasks.set]
kind = "expression"
assign = "@sum = @sum + 1"
[tasks.b]
kind = "foreach"
numbers = { from = 1, to = 3 }
parallel = 100
[tasks.b.tasks.c]
kind = "foreach"
numbers = { from = 1, to = 3 }
parallel = "@n"
[tasks.b.tasks.c.tasks.d]
kind = "foreach"
numbers = { from = 1, to = 3 }
parallel = 20
"#,
        r#"p.toml:9:15: iterations that run at the same time cannot be one transaction (take out `parallel`, or put a sequence with transaction = "required" into the loop: a transaction for each iteration)
p.toml:12:11: variable `sum` is outside the loop `a`, whose iterations run at the same time (declare it in the loop, where each iteration has its own, or take out `parallel` of `a`)
p.toml:24:12: 20 iterations in each of 100 that run at the same time are too many (loops within each other run at most 1000 iterations at the same time)"#,
    );
}

#[test]
fn what_makes_a_statement_and_names_a_connection_is_checked_as_far_as_it_is_known() {
    bad(
        r#"[parameters]
day = { type = "date", default = 2024-01-01 }
key = { type = "string", sensitive = true }
[tasks.a]
kind = "sql"
connection = "{{ @day }}"
statement-expression = "@day"
[tasks.b]
kind = "sql"
connection = "{{ @day }}"
statement-expression = "\"select \" + @key"
[tasks.c]
kind = "sql"
connection = "nobody"
statement-expression = "\" \""
file = "a.sql"
[tasks.d]
kind = "sql"
connection = "{{ @day }}"
statement-expression = "\" \""
[tasks.e]
kind = "sql"
connection = "{{ @day }}"
file = "/{{ @day }}"
statement = "{{ @day }}"
[tasks.l]
kind = "sql"
connection = "{{ @day }}"
statement-expression = "NULL(DT_WSTR,5)"
[tasks.i]
kind = "sql"
connection = "{{ @key }}"
file = "{{ @key }}.sql"
"#,
        r#"p.toml:7:25: the value is DT_DBDATE, and DT_WSTR is wanted (cast it: (DT_WSTR,50)(…))
p.toml:11:24: @key is sensitive, and what an expression makes of it could not be masked (only texts with {{ }} and `arguments` take it, standing alone)
p.toml:14:14: unknown connection `nobody` (known: shared)
p.toml:15:1: a statement stands in `file` or in `statement-expression`: take one of them out
p.toml:20:24: what `statement-expression` makes is empty
p.toml:24:1: a statement stands in `statement` or in `file`: take one of them out
p.toml:29:24: `statement-expression` is NULL
p.toml:32:14: @key is sensitive, and would be shown (logs show properties, and what is made of them)
p.toml:33:8: @key is sensitive, and would be shown (logs show properties, and what is made of them)"#,
    );
}

#[test]
fn operations_and_methods_are_checked_as_far_as_they_are_known() {
    bad(
        r#"[parameters]
day = { type = "date", default = 2024-01-01 }
[tasks.f]
kind = "file"
operation = "{{ @day }}"
folder = "sub"
to = "../x"
[tasks.g]
kind = "http"
url = "https://host/"
method = "get"
[tasks.h]
kind = "http"
url = "https://host/"
method = "{{ \"FETCH\" }}"
[tasks.j]
kind = "file"
operation = "rename"
folder = "/x"
from = "a"
to = "b/"
[tasks.k]
kind = "package"
package = "other"
transaction = "{{ @day }}"
isolation = "serializable"
"#,
        r#"p.toml:7:6: `to` cannot be "../x": `..` leads out (a path is relative to the task's folder, and stays in it)
p.toml:11:10: methods are written in capitals, found "get" (write "GET")
p.toml:15:10: unknown method `FETCH` (did you mean `PATCH`?)
p.toml:21:6: a new name has no `/` at its end (operation `move` takes it into a folder)
p.toml:24:11: `package` names a package of the same project, and this file belongs to none (put it into packages/ of a folder with project.toml)
p.toml:26:1: unknown key `isolation` in package task `k`"#,
    );
}
