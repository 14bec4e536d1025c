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

#[test]
fn values_of_the_types_of_ssis_are_held_by_them() {
    bad(
        r#"[parameters.small]
type = "DT_UI1"
default = 256
[parameters.code]
type = "DT_STR(3,1252)"
default = "longer"
[parameters.price]
type = "DT_NUMERIC(5,2)"
default = 1.234
[parameters.id]
type = "DT_GUID"
default = "no guid"
[variables.at]
type = "DT_DBTIMESTAMP"
value = "2024-02-29T10:00:00Z"
[variables.count]
type = "DT_I2"
value = "40000"
[variables.name]
type = "DT_WSTR(3)"
value = '@[System::PackageName] + "."'
[variables.old]
type = "DT_NTEXT"
[variables.quoted]
type = "DT_I4"
value = "seven"
[parameters.number]
type = "DT_I4"
default = "7"
[variables.status]
type = "DT_UI1"
[tasks.ask]
kind = "http"
url = "http://localhost"
status-into = "status"
[tasks.count]
kind = "foreach"
numbers = { from = 0, to = 300 }
into = ["status"]
[tasks.set]
kind = "expression"
assign = "@at = @[System::StartTime]"
"#,
        r#"p.toml:3:11: `small` is a DT_UI1: expected a whole number from 0 to 255, found 256
p.toml:6:11: `code` is a DT_STR(3,1252): expected text of at most 3 bytes in code page 1252, found "longer"
p.toml:9:11: `price` is a DT_NUMERIC(5,2): expected a number of at most 5 digits, 2 of them behind the point, found 1.234
p.toml:12:11: `id` is a DT_GUID: expected a GUID such as {11111111-2222-3333-4444-555555555555}, found "no guid"
p.toml:15:9: `at` is a DT_DBTIMESTAMP: expected YYYY-MM-DD hh:mm:ss with at most 3 digits of a fraction and without offset, found "2024-02-29T10:00:00Z"
p.toml:18:10: cannot turn DT_I4 into DT_I2: the value is beyond its range
p.toml:23:8: the type DT_NTEXT is not supported (take DT_WSTR)
p.toml:26:10: seven is the name of a column, and there are no columns here (write @seven)
p.toml:29:11: `number` is a DT_I4: expected a whole number from -2147483648 to 2147483647, found a string
p.toml:35:15: variable `status` is a DT_UI1; a status is an int64 (declare it with type = "int64")
p.toml:38:11: variable `status` is a DT_UI1: expected a whole number from 0 to 255, found 300
p.toml:42:17: the value is DT_DBTIMESTAMPOFFSET(7), and DT_DBTIMESTAMP is wanted (cast it: (DT_DBTIMESTAMP)(…))"#,
    );
}
