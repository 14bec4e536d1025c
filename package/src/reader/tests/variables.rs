//! Variables of containers and tasks: who sees them, and who may write them.

use super::bad;

#[test]
fn variables_are_seen_from_where_they_are_declared_inwards() {
    bad(
        r#"[parameters.day]
type = "date"
[tasks.stage]
kind = "sequence"
[tasks.stage.variables.file]
type = "string"
[tasks.stage.variables.day]
type = "string"
[tasks.stage.variables.n]
type = "int"
[tasks.stage.tasks.a]
kind = "process"
command = ["x", "{{ @file }} {{ @own }}"]
[tasks.stage.tasks.a.variables.own]
type = "string"
value = 5
[tasks.b]
kind = "process"
command = ["x", "{{ @file }}"]
"#,
        r#"p.toml:7:24: variable `day` has the name of a parameter (give one of them another name)
p.toml:10:8: unknown type `int` (did you mean `int64`?)
p.toml:16:9: `own` is a string: expected text of at most 1 MiB, found 5
p.toml:19:21: @file is not known here (known: day)"#,
    );
}

#[test]
fn variables_that_are_written() {
    bad(
        r#"[parameters.day]
type = "date"
[variables.rows]
type = "int64"
[tasks.a]
kind = "process"
command = ["x"]
stdout = "row"
[tasks.b]
kind = "process"
command = ["x"]
stdout = "day"
[tasks.c]
kind = "process"
command = ["x"]
stdout = "@rows"
[tasks.d]
kind = "process"
command = ["x"]
stdout = "elsewhere"
[tasks.e]
kind = "process"
command = ["x"]
stdout = 3
"#,
        r#"p.toml:8:10: unknown variable `row` (did you mean `rows`?)
p.toml:12:10: `day` is a parameter, which is fixed for one execution (declare a variable for it)
p.toml:16:10: `stdout` takes a variable's name, found "@rows" (write "rows")
p.toml:20:10: unknown variable `elsewhere` (declare it, here or further out: [variables.elsewhere] with its type)
p.toml:24:10: `stdout` expects a string, found 3"#,
    );
}

#[test]
fn nothing_sensitive_goes_into_a_variable() {
    bad(
        r#"[parameters.key]
type = "string"
sensitive = true
[variables.copy]
type = "string"
value = "@key"
[tasks.set]
kind = "expression"
assign = "@copy = @[$Package::key]"
"#,
        r#"p.toml:6:10: @key is sensitive, and would be shown (logs show variables and properties, and what is made of them)
p.toml:9:11: @[$Package::key] is sensitive, and would be shown (logs show variables and properties, and what is made of them)"#,
    );
}
