//! Loops: what the reader makes of good ones, and what it says of bad ones.

use super::{bad, good};
use crate::files::{FileContent, ProjectFiles};
use crate::model::{Cell, DateUnit, Foreach, Operand, Over, Package, Retrieve, Step, TaskKind};
use crate::project::ProjectSettings;
use crate::property::{Property, PropertyValue};
use crate::reader::{Surroundings, read_package};
use crate::reference::Reference;
use crate::value::Value;

#[track_caller]
fn loop_of<'a>(package: &'a Package, name: &str) -> &'a Foreach {
    let task = package.root.tasks().iter().find(|task| task.name == name).expect("the task is there");
    match &task.kind {
        TaskKind::Foreach(foreach) => foreach,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn loops_are_read() {
    let package = good(
        r#"[parameters.inbox]
type = "string"
[parameters.last]
type = "date"
[tasks.files]
kind = "foreach"
files = { folder = "{{ @inbox }}", pattern = "*.csv", recursive = true, retrieve = "stem" }
into = ["file"]
parallel = 8
maximum-errors = 3
[tasks.files.variables.file]
type = "string"
[tasks.files.tasks.check]
kind = "process"
command = ["./check.sh", "{{ @file }}"]
[tasks.list]
kind = "foreach"
list = [["north", 1], ["{{ @inbox }}", 2]]
into = ["region", "number"]
[tasks.list.variables]
region = { type = "string" }
number = { type = "int64" }
[tasks.numbers]
kind = "foreach"
numbers = { from = 10, to = 1, step = -3 }
[tasks.dates]
kind = "foreach"
dates = { from = 2024-01-31, to = "@last", unit = "month" }
into = ["day"]
[tasks.dates.variables.day]
type = "date"
"#,
    );
    let files = loop_of(&package, "files");
    assert_eq!(files.parallel.known().map(|number| number.get()), Some(8));
    assert_eq!(files.into[0].variable, "file");
    assert_eq!(files.container.tasks()[0].path.to_string(), r"\Package\files\check");
    let Over::Files(over) = &files.over else { panic!("{:?}", files.over) };
    assert_eq!((over.folder.to_string().as_str(), over.recursive.known()), ("{{ @inbox }}", Some(&true)));
    assert_eq!((over.pattern.as_literal(), over.retrieve.known()), (Some("*.csv"), Some(&Retrieve::Stem)));

    let Over::List(rows) = &loop_of(&package, "list").over else { panic!("no list") };
    assert_eq!(rows[0], [Cell::Value(Value::String("north".into())), Cell::Value(Value::Int64(1))]);
    assert!(matches!(&rows[1][0], Cell::Text(text) if text.to_string() == "{{ @inbox }}"));

    let number = |number| Operand::Literal(Value::Int64(number));
    let step = |number| Property::Value(Step::of_value(&Value::Int64(number)).unwrap());
    let numbers = Over::Numbers { from: number(10), to: number(1), step: step(-3) };
    assert_eq!(loop_of(&package, "numbers").over, numbers);
    let dates = Over::Dates {
        from: Operand::Literal(Value::Date("2024-01-31".parse().unwrap())),
        to: Operand::Reference(Reference::Bare("last".into())),
        step: step(1),
        unit: Property::Value(DateUnit::Month),
    };
    assert_eq!(loop_of(&package, "dates").over, dates);
}

#[test]
fn a_loop_goes_over_one_thing() {
    bad(
        r#"[tasks.a]
kind = "foreach"
[tasks.b]
kind = "foreach"
numbers = { from = 1, to = 2 }
list = [1]
[tasks.c]
kind = "foreach"
file = { folder = "." }
list = []
into = []
[tasks.d]
kind = "foreach"
numbers = 3
parallel = 0
"#,
        r#"p.toml:1:8: task `a` goes over nothing: give it one of files, list, numbers, dates, rows
p.toml:5:1: task `b` goes over two things: take one of them out
p.toml:9:1: unknown key `file` in foreach task `c` (did you mean `files`?)
p.toml:10:8: `list` is empty: there is nothing to go over
p.toml:11:8: `into` is empty (name variables, or leave `into` out)
p.toml:14:11: `numbers` expects a table, found 3
p.toml:15:12: `parallel` expects a whole number from 1 to 1000, found 0"#,
    );
}

#[test]
fn what_a_loop_gives_goes_into_variables_of_the_type() {
    bad(
        r#"[parameters.p]
type = "string"
[variables.text]
type = "string"
[variables.n]
type = "int64"
[tasks.a]
kind = "foreach"
numbers = { from = 1, to = 2 }
into = ["text"]
[tasks.b]
kind = "foreach"
dates = { from = 2024-01-01, to = 2024-01-02 }
into = ["n", "text", "n"]
[tasks.c]
kind = "foreach"
list = [1, ["a", "b"], "x"]
into = ["n"]
[tasks.d]
kind = "foreach"
list = [1]
[tasks.e]
kind = "foreach"
numbers = { from = 1, to = 2 }
into = ["p", "nn"]
"#,
        r#"p.toml:10:8: variable `text` is a string; `numbers` gives an int64 (declare it with type = "int64")
p.toml:14:8: `dates` gives one value, `into` names 3 variables
p.toml:14:8: variable `n` is an int64; `dates` gives a date (declare it with type = "date")
p.toml:14:22: variable `n` is there twice
p.toml:17:12: this row has 2 values, `into` names 1 variables
p.toml:17:24: `n` is an int64: expected a whole number from -9223372036854775808 to 9223372036854775807, found a string
p.toml:21:1: `list` needs `into`: the variables that get its values
p.toml:25:9: `p` is a parameter, which is fixed for one execution (declare a variable for it)
p.toml:25:14: unknown variable `nn` (declare it, here or further out: [variables.nn] with its type)"#,
    );
}

#[test]
fn series_lead_from_their_start_to_their_end() {
    bad(
        r#"[parameters.day]
type = "date"
[tasks.a]
kind = "foreach"
numbers = { from = 3, to = 1 }
[tasks.b]
kind = "foreach"
dates = { from = 2024-01-01, to = 2024-02-01, step = -1, unit = "mont" }
[tasks.c]
kind = "foreach"
numbers = { from = 1, to = 2000000, step = 0 }
[tasks.d]
kind = "foreach"
numbers = { from = 1, to = 2000000 }
[tasks.e]
kind = "foreach"
numbers = { from = "@day", to = "2 +" }
[tasks.f]
kind = "foreach"
dates = { to = "@days", by = 1 }
"#,
        r#"p.toml:5:11: `numbers` from 3 never comes to 1 (exchange them, or give `step` the other sign)
p.toml:8:9: `dates` from 2024-01-01 never comes to 2024-02-01 (exchange them, or give `step` the other sign)
p.toml:8:65: unknown unit `mont` (did you mean `month`?)
p.toml:11:44: `step` expects a whole number from -1000000000 to 1000000000 but 0, found 0
p.toml:14:11: `numbers`: there are more than 1000000 iterations; split the work over several executions
p.toml:17:21: the value is DT_DBDATE, and DT_I8 is wanted (cast it: (DT_I8)(…))
p.toml:17:37: the expression ends here: a value is missing
p.toml:20:1: `dates` has no `from`
p.toml:20:17: @days is not known here (did you mean `day`?)
p.toml:20:25: unknown key `by` in `dates` (known: from, to, step, unit)"#,
    );
}

#[test]
fn iterations_at_the_same_time_write_their_own_variables_only() {
    bad(
        r#"[variables.outer]
type = "int64"
[tasks.each]
kind = "foreach"
numbers = { from = 1, to = 2 }
into = ["outer"]
parallel = 2
[tasks.each.variables.own]
type = "string"
[tasks.each.tasks.stage]
kind = "sequence"
[tasks.each.tasks.stage.tasks.a]
kind = "process"
command = ["x", "{{ @outer }}"]
stdout = "outer"
[tasks.each.tasks.stage.tasks.b]
kind = "process"
command = ["x"]
stdout = "own"
"#,
        r#"p.toml:6:9: variable `outer` is outside the loop `each`, whose iterations run at the same time (declare it in the loop, where each iteration has its own, or take out `parallel` of `each`)
p.toml:15:10: variable `outer` is outside the loop `each`, whose iterations run at the same time (declare it in the loop, where each iteration has its own, or take out `parallel` of `each`)"#,
    );
    bad(
        r#"[tasks.a]
kind = "foreach"
numbers = { from = 1, to = 2 }
parallel = 100
[tasks.a.tasks.b]
kind = "foreach"
numbers = { from = 1, to = 2 }
parallel = 11
[tasks.c]
kind = "sequence"
parallel = 2
"#,
        r#"p.toml:8:12: 11 iterations in each of 100 that run at the same time are too many (loops within each other run at most 1000 iterations at the same time)
p.toml:11:1: unknown key `parallel` in sequence task `c`"#,
    );
}

#[test]
fn folders_and_patterns_of_files() {
    let mut files = ProjectFiles::new();
    let file = FileContent { bytes: Vec::new(), executable: false };
    files.insert("inbox/day/a.csv", file).unwrap();
    let settings = ProjectSettings::default();
    let around = Surroundings { settings: &settings, files: Some(&files), siblings: None };
    let check = |over: &str| {
        let text = format!("[tasks.a]\nkind = \"foreach\"\nfiles = {over}\n");
        read_package("p", "p.toml", text.as_bytes(), &around)
            .map(|_| ())
            .map_err(|problems| problems.to_string())
    };
    for taken in ["'.'", "'inbox'", "'./inbox//day/'", "'/var/spool'"] {
        assert_eq!(check(&format!("{{ folder = {taken} }}")), Ok(()), "{taken}");
    }
    for (over, expected) in [
        ("{}", "p.toml:3:1: `files` has no `folder`"),
        ("{ folder = '' }", "p.toml:3:20: `folder` is empty (\".\" is the project's folder)"),
        (
            "{ folder = 'inbo' }",
            "p.toml:3:20: the project has no files in \"inbo\" (a folder outside the project is given by an absolute path)",
        ),
        (
            "{ folder = '/x', pattern = 'a/*.csv' }",
            "p.toml:3:36: `pattern` is for names of files, not for paths \
             (put folders into `folder`; recursive = true looks into those inside, too)",
        ),
        ("{ folder = '/x', pattern = '' }", "p.toml:3:36: `pattern` is empty (\"*\" takes every file)"),
        ("{ folder = '/x', retrieve = 'nam' }", "p.toml:3:37: unknown retrieve `nam` (did you mean `name`?)"),
    ] {
        assert_eq!(check(over).unwrap_err(), expected);
    }
}
