//! What the reader makes of good files, of bounds and of surroundings; the modules beside have the bad
//! packages.

mod child;
mod expressions;
mod faults;
mod file;
mod handlers;
mod http;
mod kinds;
mod loops;
mod properties;
mod repeat;
mod sql_rows;
mod transactions;
mod variables;

use std::time::Duration;

pub(crate) use properties::PROPERTIES;
use proptest::prelude::*;

use super::{Surroundings, read_package, read_settings};
use crate::files::{FileContent, ProjectFiles};
use crate::model::{After, Join, On, Operand, Package, TaskKind};
use crate::project::ProjectSettings;
use crate::reference::Reference;
use crate::scope::Scope;
use crate::value::Value;

const PROJECT: &str = r#"
name = "shop"
[parameters.warehouse_url]
type = "string"
sensitive = true
[connections.shared]
kind = "postgres"
url = "{{ @[$Project::warehouse_url] }}"
"#;

/// A package with everything that this version reads.
pub(crate) const WHOLE: &str = r#"
description = "Load one day"
maximum-errors = 3
[parameters.day]
type = "date"
required = true
[parameters.rate]
type = "decimal"
default = 1.50
[variables.rows]
type = "int64"
value = 0
[connections.warehouse]
kind = "postgres"
url = "{{ @[$Project::warehouse_url] }}"

[tasks.clear]
kind = "sql"
connection = "warehouse"
statement = "delete from orders where day = $1 and rows > $2 and region = $3"
arguments = ["@day", 5, '"north"', "@[User::rows]", "true", "-1.5"]

[tasks.load]
kind = "process"
command = ["./load.sh", "{{ @day }} of {{ @[System::Attempt] }}"]
after = ["clear"]
retries = 2
retry-delay = "250ms"
timeout = "1h30m"
fail-parent = false
[tasks.load.environment]
REGION = "north"
ALSO = '\{{ {{ @rows }}'

[tasks.report]
kind = "sequence"
after = [{ task = "load", on = "failure" }, { task = "clear", on = "completion" }]
join = "any"
disable = true
[tasks.report.tasks.inner]
kind = "sql"
connection = "shared"
statement = "select 1"

[tasks.tidy-up]
kind = "process"
command = ["./tidy.sh"]
after = "end"
"#;

fn settings() -> ProjectSettings {
    read_settings("project.toml", PROJECT.as_bytes()).expect("the project is good")
}

fn read(text: &str) -> Result<Package, String> {
    let settings = settings();
    let around = Surroundings { settings: &settings, files: None, siblings: None };
    read_package("p", "p.toml", text.as_bytes(), &around).map_err(|diagnostics| diagnostics.to_string())
}

/// Reads a bad package; `expect` are its problems, one a line.
#[track_caller]
fn bad(text: &str, expect: &str) {
    match read(text) {
        Ok(_) => panic!("this was taken:\n{text}\nbut expected:\n{expect}"),
        Err(found) => assert_eq!(found, expect, "\nfound:\n{found}\n"),
    }
}

#[track_caller]
fn good(text: &str) -> Package {
    read(text).unwrap_or_else(|problems| panic!("refused:\n{problems}"))
}

#[test]
fn a_whole_package_is_read() {
    let package = good(WHOLE);
    assert_eq!(package.description.to_string(), "Load one day");
    assert_eq!(package.maximum_errors.known().map(|number| number.get()), Some(3));
    assert_eq!(package.variables["rows"].value, Operand::Literal(Value::Int64(0)));
    assert_eq!(package.parameters["rate"].default.as_ref().unwrap().to_json(), "1.50");
    let tasks = package.root.tasks();
    let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["clear", "load", "report", "tidy-up"], "in the order of the file");
    let paths: Vec<String> = package.root.all_tasks().map(|task| task.path.to_string()).collect();
    assert_eq!(paths[3], r"\Package\report\inner");

    let TaskKind::Sql(sql) = &tasks[0].kind else { panic!("clear is {:?}", tasks[0].kind) };
    assert_eq!(
        sql.query.arguments,
        [
            Operand::Reference(Reference::Bare("day".into())),
            Operand::Literal(Value::Int64(5)),
            Operand::Literal(Value::String("north".into())),
            Operand::Reference(Reference::User("rows".into())),
            Operand::Literal(Value::Bool(true)),
            Operand::Literal(Value::Decimal("-1.5".parse().unwrap())),
        ]
    );
    let load = &tasks[1];
    let resolved = load.properties.resolve(&Scope::default()).0;
    assert_eq!((resolved.retries, resolved.retry_delay), (2, Duration::from_millis(250)));
    assert_eq!(resolved.timeout, Some(Duration::from_secs(5400)));
    assert_eq!((resolved.fail_parent, load.disable.known()), (false, Some(&false)));
    let TaskKind::Process(process) = &load.kind else { panic!("load is {:?}", load.kind) };
    assert_eq!(process.command[1].to_string(), "{{ @day }} of {{ @[System::Attempt] }}");
    let environment: Vec<String> =
        process.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(environment, ["REGION=north", r"ALSO=\{{ {{ @rows }}"], "in the order of the file");

    let After::Constraints(constraints) = &tasks[2].after else { panic!("report runs at the end") };
    assert_eq!(
        constraints.iter().map(|c| (c.task.0, c.on)).collect::<Vec<_>>(),
        [(1, On::Failure), (0, On::Completion)]
    );
    assert_eq!((tasks[2].join, tasks[2].disable.known()), (Join::Any, Some(&true)));
    assert_eq!(tasks[3].after, After::End);
}

#[test]
fn constraints_have_conditions() {
    let package = good(
        r#"[parameters.mode]
type = "string"
sensitive = true
[tasks.a]
kind = "sequence"
[tasks.b]
kind = "sequence"
after = [
  "a",
  { task = "a", when = '@mode == "full"' },
  { task = "a", on = "failure", when = "GETDATE() > GETUTCDATE()", or = true },
]
"#,
    );
    let constraints = package.root.tasks()[1].after.constraints();
    let read: Vec<(On, Option<bool>)> =
        constraints.iter().map(|c| (c.on, c.when.as_ref().map(|when| when.or))).collect();
    assert_eq!(read, [(On::Success, None), (On::Success, Some(false)), (On::Failure, Some(true))]);
}

#[test]
fn an_empty_package_is_a_package() {
    assert!(good("").root.tasks().is_empty());
}

#[test]
fn a_file_that_is_not_utf8_is_told_with_offset_line_and_column() {
    let settings = ProjectSettings::default();
    let around = Surroundings { settings: &settings, files: None, siblings: None };
    let problems = read_package("p", "p.toml", b"a = 1\nb = \"\xc3\xa4\xff\"\n", &around).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "p.toml:2:7: the file is not UTF-8: byte 0xff at offset 13 (save it as UTF-8)"
    );
}

#[test]
fn sizes_have_bounds() {
    let settings = ProjectSettings::default();
    let around = Surroundings { settings: &settings, files: None, siblings: None };
    let large = vec![b'#'; super::FILE_BYTES_MAX + 1];
    let problems = read_package("p", "p.toml", &large, &around).unwrap_err();
    assert_eq!(problems.to_string(), "p.toml: the file has 1048577 bytes; at most 1 MiB is allowed");

    let many: String =
        (0..=super::TASKS_MAX).map(|i| format!("[tasks.t{i}]\nkind = \"sequence\"\n")).collect();
    bad(&many, "p.toml:1:2: the package has more than 10000 tasks");

    let deep = |depth: usize| format!("[{}]\nkind = \"sequence\"\n", vec!["tasks.s"; depth].join("."));
    let headers = |depth: usize| (1..=depth).map(deep).collect::<String>();
    good(&headers(super::NESTING_MAX));
    let refused = read(&headers(super::NESTING_MAX + 1)).unwrap_err();
    assert_eq!(refused, "p.toml:65:258: tasks are nested deeper than 32 containers");

    let faults: String = (0..500).map(|i| format!("k{i} = 1\n")).collect();
    let refused = read(&faults).unwrap_err();
    assert_eq!(refused.lines().count(), 201);
    assert!(refused.contains("there are more problems"), "{refused}");
}

#[test]
fn a_program_by_relative_path_must_come_with_the_project() {
    let mut files = ProjectFiles::new();
    let file = |executable| FileContent { bytes: b"#!/bin/sh\n".to_vec(), executable };
    files.insert("load.sh", file(true)).unwrap();
    files.insert("bin/plain.sh", file(false)).unwrap();
    let settings = ProjectSettings::default();
    let around = Surroundings { settings: &settings, files: Some(&files), siblings: None };
    let text = |program: &str| format!("[tasks.a]\nkind = \"process\"\ncommand = [\"{program}\"]\n");
    let check = |program: &str| {
        let read = read_package("p", "p.toml", text(program).as_bytes(), &around);
        read.map(|_| ()).map_err(|problems| problems.to_string())
    };
    for taken in ["./load.sh", "sh", "/bin/sh", ".//./load.sh"] {
        assert_eq!(check(taken), Ok(()), "{taken}");
    }
    assert_eq!(
        check("./laod.sh").unwrap_err(),
        r#"p.toml:3:12: the program "./laod.sh" is not among the project's files (did you mean `load.sh`?)"#
    );
    assert_eq!(
        check("bin/plain.sh").unwrap_err(),
        r#"p.toml:3:12: the program "bin/plain.sh" is not executable (chmod +x bin/plain.sh)"#
    );
    assert_eq!(
        check("../other").unwrap_err(),
        "p.toml:3:12: the program \"../other\" is not among the project's files \
         (processes start in the project folder: paths are relative to it)"
    );
}

#[test]
fn settings_are_read_and_checked() {
    let read = settings();
    assert_eq!(read.name, "shop");
    assert!(read.parameters["warehouse_url"].sensitive);
    assert!(read.connections.contains_key("shared"));
    let text = "variables = 1\n[parameters.a]\ntype = \"string\"\n\
                [connections.c]\nkind = \"postgres\"\nurl = \"{{ @a }}\"\n";
    let problems = read_settings("project.toml", text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        problems,
        "project.toml:1:1: the project has no `name`\n\
         project.toml:1:1: unknown key `variables` in this file (known: name, description, parameters, connections)\n\
         project.toml:6:11: @a is not known here (write @[$Project::a])"
    );
}

#[test]
fn problems_have_a_picture_and_json() {
    let source = r#"[tasks.a]
kind = "proces"
"#;
    let settings = ProjectSettings::default();
    let around = Surroundings { settings: &settings, files: None, siblings: None };
    let problems = read_package("p", "p.toml", source.as_bytes(), &around).unwrap_err();
    let picture = problems.picture(false);
    assert!(picture.contains("p.toml:2:8") && picture.contains("did you mean `process`?"), "{picture}");
    assert_eq!(
        serde_json::to_value(&problems).unwrap(),
        serde_json::json!([{
            "file": "p.toml", "line": 2, "column": 8,
            "message": "unknown task kind `proces`", "help": "did you mean `process`?",
        }])
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_mutation_of_a_package_makes_the_reader_panic(
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0usize..12), 1..6),
        piece in r#"[\[\]{}@"'=\n.:$#\\a-z0-9 é]{0,6}"#,
    ) {
        let mut text: Vec<char> = WHOLE.chars().chain(sql_rows::MORE.chars()).collect();
        for (to, from, length) in cuts {
            let from = from.index(text.len());
            let copied: Vec<char> = text.iter().skip(from).take(length).copied().chain(piece.chars()).collect();
            let to = to.index(text.len());
            let end = (to + length).min(text.len());
            text.splice(to..end, copied);
            if text.is_empty() {
                break;
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.is_empty());
        }
    }
}
