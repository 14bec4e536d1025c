//! Statements in files, variables that hold rows, and loops over rows.

use super::{PROJECT, bad, good, settings};
use crate::files::{FileContent, ProjectFiles};
use crate::model::{Over, Statement, TaskKind};
use crate::project::Project;
use crate::reader::{Surroundings, read_package};
use crate::rows::Column;
use crate::value::DataType;

/// What is wrong with an `sql` task whose statement stands in `file`, in a project with some files.
fn with_files(file: &str) -> String {
    let mut files = ProjectFiles::new();
    for (path, bytes) in [
        ("sql/report.sql", &b"select 1"[..]),
        ("sql/empty.sql", b" \n"),
        ("sql/braces.sql", b"select\n {{ @day }}"),
        ("sql/latin.sql", b"select '\xe4'"),
    ] {
        files.insert(path, FileContent { bytes: bytes.to_vec(), executable: false }).unwrap();
    }
    let settings = settings();
    let around = Surroundings { settings: &settings, files: Some(&files), siblings: None };
    let text = format!("[tasks.a]\nkind = \"sql\"\nconnection = \"shared\"\nfile = {file}\n");
    match read_package("p", "p.toml", text.as_bytes(), &around) {
        Ok(package) => match &package.root.tasks()[0].kind {
            TaskKind::Sql(sql) => format!("{:?}", sql.query.statement),
            other => panic!("{other:?}"),
        },
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn a_statement_may_stand_in_a_file_of_the_project() {
    let help = "(it is a file of the project; paths are relative to the project's folder)";
    for (file, expected) in [
        (
            "\"./sql//report.sql\"",
            "File(Template { parts: [Literal(\"./sql//report.sql\")] })".to_owned(),
        ),
        (
            "\"sql/reprot.sql\"",
            "p.toml:4:8: \"sql/reprot.sql\" is not among the project's files (did you mean `sql/report.sql`?)"
                .to_owned(),
        ),
        ("\"sql\"", format!("p.toml:4:8: \"sql\" is not among the project's files {help}")),
        ("\"/etc/passwd\"", format!("p.toml:4:8: `file` cannot be \"/etc/passwd\" {help}")),
        ("\"../a.sql\"", format!("p.toml:4:8: `file` cannot be \"../a.sql\" {help}")),
        ("\"\"", format!("p.toml:4:8: `file` cannot be \"\" {help}")),
        ("\"sql/empty.sql\"", "p.toml:4:8: sql/empty.sql is empty".to_owned()),
        (
            "\"sql/braces.sql\"",
            "p.toml:4:8: sql/braces.sql holds `{{` (line 2): values go in as bound arguments; write $1 in the statement and arguments = [\"@name\"]"
                .to_owned(),
        ),
        (
            "\"sql/latin.sql\"",
            "p.toml:4:8: sql/latin.sql is not UTF-8 (line 1): save it as UTF-8".to_owned(),
        ),
        ("3", "p.toml:4:8: `file` expects a string, found 3".to_owned()),
        (
            "\"sql/report.sql\"\nstatement = \"select 1\"",
            "p.toml:4:1: a statement stands in `statement` or in `file`: take one of them out".to_owned(),
        ),
    ] {
        assert_eq!(with_files(file), expected, "{file}");
    }
}

#[test]
fn the_files_of_a_whole_project_are_looked_into() {
    let mut files = ProjectFiles::new();
    let task = |name| format!("[tasks.{name}]\nkind = \"sql\"\nconnection = \"shared\"\nfile = \"a.sql\"\n");
    let package = &format!("{}{}", task("a"), task("b"));
    for (path, text) in [("project.toml", PROJECT), ("packages/p.toml", package), ("a.sql", "{{")] {
        files.insert(path, FileContent { bytes: text.into(), executable: false }).unwrap();
    }
    let problems = Project::check(&files).unwrap_err().to_string();
    assert!(problems.starts_with("packages/p.toml:4:8: a.sql holds `{{` (line 1)"), "{problems}");
    assert_eq!(problems.lines().count(), 1, "what is wrong with a file is told once: {problems}");
}

const TABLE: &str = r#"[variables.customers]
type = "table"
columns = { name = "string", orders = "int64" }
"#;

#[test]
fn a_table_has_columns_in_the_order_of_the_file() {
    let package = good(&format!(
        "{TABLE}[tasks.fill]\nkind = \"sql\"\nconnection = \"shared\"\nstatement = \"x\"\nrows = \"customers\"\n"
    ));
    let column = |name: &str, data_type| Column { name: name.to_owned(), data_type };
    let columns = [column("name", DataType::String), column("orders", DataType::Int64)];
    assert_eq!(*package.variables["customers"].columns, columns);
    let TaskKind::Sql(sql) = &package.root.tasks()[0].kind else { panic!("no sql") };
    let target = sql.rows.as_ref().unwrap();
    assert_eq!((target.variable.as_str(), &*target.columns), ("customers", &columns[..]));
}

#[test]
fn a_table_is_declared_with_its_columns_and_nothing_else_is() {
    bad(
        r#"[parameters.p]
type = "table"
[variables]
a = { type = "table" }
b = { type = "table", columns = {} }
c = { type = "table", columns = ["x"] }
d = { type = "table", columns = { x = "table", y = "int", " z" = "int64" }, value = 3 }
e = { type = "int64", columns = { x = "int64" } }
"#,
        r#"p.toml:1:13: parameter `p` cannot be a table (a variable may; fill it with `rows` of an sql task)
p.toml:4:1: variable `a` is a table, and has no `columns` (write columns = { name = "string", orders = "int64" })
p.toml:5:33: `columns` names none (write columns = { name = "string", orders = "int64" })
p.toml:6:33: `columns` expects a table, found a list
p.toml:7:39: column `x` cannot be a table itself
p.toml:7:52: unknown type `int` (did you mean `int64`?)
p.toml:7:59: the name of the column ` z` begins or ends with a blank
p.toml:7:77: a table has no `value` (it begins without rows; an sql task with `rows` fills it)
p.toml:8:23: `columns` goes with type = "table""#,
    );
}

#[test]
fn rows_are_no_value_of_texts_expressions_and_single_variables() {
    bad(
        &format!(
            r#"{TABLE}[variables.n]
type = "int64"
[tasks.a]
kind = "process"
command = ["echo", "{{{{ @customers }}}}"]
stdout = "customers"
[tasks.b]
kind = "expression"
assign = ["@customers = 1", "@n = LEN(@[User::customers])"]
[tasks.c]
kind = "sql"
connection = "shared"
statement = "select $1"
arguments = ["@customers"]
into = ["customers"]
[tasks.d]
kind = "sql"
connection = "shared"
statement = "select 1"
into = ["n"]
rows = "n"
[tasks.e]
kind = "sql"
connection = "shared"
statement = "select 1"
rows = "costumers"
"#
        ),
        r#"p.toml:8:24: @customers holds rows, which no expression or text takes (go over them with a foreach: rows = its name)
p.toml:9:10: variable `customers` holds rows, `stdout` writes single values (an sql task fills it: rows = "customers")
p.toml:12:12: variable `customers` holds rows, `assign` writes single values (an sql task fills it: rows = "customers")
p.toml:12:39: @[User::customers] holds rows, which no expression or text takes (go over them with a foreach: rows = its name)
p.toml:17:15: @customers holds rows, which no expression or text takes (go over them with a foreach: rows = its name)
p.toml:18:9: variable `customers` holds rows, `into` writes single values (an sql task fills it: rows = "customers")
p.toml:24:1: `into` takes the only row, `rows` takes all: take one of them out
p.toml:24:8: variable `n` is an int64, `rows` takes a table (declare it with type = "table" and its columns)
p.toml:29:8: unknown variable `costumers` (did you mean `customers`?)"#,
    );
}

fn each(rows: &str, into: &str) -> String {
    format!(
        "{TABLE}[variables]\nname = {{ type = \"string\" }}\norders = {{ type = \"int64\" }}\n\
         [tasks.each]\nkind = \"foreach\"\nrows = {rows}\n{into}\n"
    )
}

#[test]
fn a_loop_goes_over_the_rows_of_a_variable_or_of_a_query() {
    let into = "into = [\"name\", \"orders\"]";
    let over = |rows: &str| {
        let TaskKind::Foreach(foreach) = good(&each(rows, into)).root.tasks()[0].kind.clone() else {
            panic!("no loop")
        };
        foreach.over
    };
    assert_eq!(over("\"customers\""), Over::Rows("customers".to_owned()));
    let query = "{ connection = \"shared\", statement = \"select $1, 2\", arguments = [\"@name\"] }";
    let Over::Query(query) = over(query) else { panic!("no query") };
    assert_eq!(query.statement, Statement::Text("select $1, 2".to_owned()));
    assert_eq!((query.connection.as_literal(), query.arguments.len()), (Some("shared"), 1));
}

#[test]
fn columns_of_rows_are_held_against_the_variables() {
    for (rows, into, expected) in [
        (
            "\"customers\"",
            "into = [\"name\"]",
            "p.toml:9:8: variable `customers` has 2 columns, `into` names 1 variables",
        ),
        (
            "\"customers\"",
            "into = [\"orders\", \"name\"]",
            "p.toml:9:8: column `name` of `customers` is a string, variable `orders` is an int64 \
             (columns go in their order; declare it with type = \"string\")\n\
             p.toml:9:8: column `orders` of `customers` is an int64, variable `name` is a string \
             (columns go in their order; declare it with type = \"int64\")",
        ),
        ("\"customers\"", "", "p.toml:9:1: `rows` needs `into`: the variables that get its values"),
        (
            "\"name\"",
            "into = [\"name\"]",
            "p.toml:9:8: variable `name` is a string, `rows` takes a table \
             (declare it with type = \"table\" and its columns)",
        ),
        (
            "\"custom\"",
            "into = [\"name\"]",
            "p.toml:9:8: unknown variable `custom` (did you mean `customers`?)",
        ),
        (
            "3",
            "into = [\"name\"]",
            "p.toml:9:8: `rows` expects the name of a variable, or { connection = \"…\", statement = \"…\" }, found 3",
        ),
        (
            "{ connection = \"shard\", statment = \"x\" }",
            "into = [\"name\"]",
            "p.toml:9:1: `rows` has no `statement`, `file` or `statement-expression`\n\
             p.toml:9:23: unknown connection `shard` (did you mean `shared`?)\n\
             p.toml:9:32: unknown key `statment` in `rows` (did you mean `statement`?)",
        ),
    ] {
        bad(&each(rows, into), expected);
    }
}

/// What the rest of this room reads, for mutations.
pub(super) const MORE: &str = r#"
[variables.customers]
type = "table"
columns = { name = "string", orders = "int64" }
[tasks.move]
kind = "sequence"
transaction = "required"
isolation = "serializable"
[tasks.move.tasks.fill]
kind = "sql"
connection = "warehouse"
file = "report.sql"
rows = "customers"
transaction = "not-supported"
[tasks.move.tasks.each]
kind = "foreach"
rows = { connection = "warehouse", statement = "select $1", arguments = ["@day"] }
into = ["rows"]
[tasks.move.tasks.each.tasks.inner]
kind = "sql"
connection = "warehouse"
statement = "select 1"
"#;
