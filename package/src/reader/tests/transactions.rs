//! Which tasks share which transaction.

use super::{bad, good};
use crate::model::{Begin, Container, Isolation, Membership, TaskKind};
use crate::property::{Property, Word};

/// A package on the connections `shared` and `other`, with what each task of `tasks` has: path, kind and lines.
fn package(above: &str, tasks: &[(&str, &str, &str)]) -> String {
    let mut text = format!("{above}\n[connections.other]\nkind = \"postgres\"\nurl = \"x\"\n");
    for (path, kind, more) in tasks {
        let header = path.replace('/', ".tasks.");
        let sql = "connection = \"shared\"\nstatement = \"x\"\n";
        let own = match *kind {
            "sql" if !more.contains("connection") => sql,
            "sql" => "statement = \"x\"\n",
            "for" => "while = \"FALSE\"\n",
            "foreach" => "numbers = { from = 1, to = 2 }\n",
            "process" => "command = [\"x\"]\n",
            _ => "",
        };
        text.push_str(&format!("[tasks.{header}]\nkind = \"{kind}\"\n{own}{more}\n"));
    }
    text
}

/// What becomes of them: `name: +` begins, `^` joins, `^!` joins and takes back alone, `?` is found out when it starts, `-` is
/// outside.
fn shared(above: &str, tasks: &[(&str, &str, &str)]) -> String {
    let package = good(&package(above, tasks));
    let mut told = Vec::new();
    if let Some(said) = &package.transaction {
        let sign = if said.wanted.known().is_some() { "+" } else { "?" };
        told.push(format!("package: {sign}{}", begun(&said.begin, said.isolation.as_ref())));
    }
    tell(&package.root, &mut told);
    told.join(", ")
}

fn begun(begin: &Begin, isolation: Option<&Property<Isolation>>) -> String {
    let usual = Property::default();
    let isolation = isolation.unwrap_or(&usual).known().map_or("*", |isolation| isolation.name());
    let likely: Vec<String> = begin.likely.iter().map(|likely| format!("{likely}?")).collect();
    let likely = if likely.is_empty() { "*".to_owned() } else { likely.join("") };
    format!("{} {isolation}", begin.connection.as_ref().unwrap_or(&likely))
}

fn tell(container: &Container, told: &mut Vec<String>) {
    for task in container.tasks() {
        let what = match &task.transaction {
            Membership::Outside => "-".to_owned(),
            Membership::Joins { savepoint: false } => "^".to_owned(),
            Membership::Joins { savepoint: true } => "^!".to_owned(),
            Membership::Begins(begin) => format!("+{}", begun(begin, task.properties.isolation.as_ref())),
            Membership::AtStart(begin) => format!("?{}", begun(begin, task.properties.isolation.as_ref())),
        };
        // A statement takes back alone whatever it says.
        let what = if matches!(task.kind, TaskKind::Sql(_)) { what.replace('!', "") } else { what };
        told.push(format!("{}: {what}", task.name));
        if let Some(inside) = task.kind.container() {
            tell(inside, told);
        }
    }
}

const REQUIRED: &str = "transaction = \"required\"";
const NOT: &str = "transaction = \"not-supported\"";

#[test]
fn who_requires_one_begins_or_joins_and_others_join() {
    assert_eq!(shared("", &[("a", "sql", ""), ("b", "process", "")]), "a: -, b: -");
    assert_eq!(shared("", &[("a", "sql", REQUIRED)]), "a: +shared read-committed");
    for kind in ["sequence", "for", "foreach"] {
        let tasks = [("a", kind, REQUIRED), ("a/b", "sql", ""), ("a/c", "process", ""), ("d", "sql", "")];
        assert_eq!(shared("", &tasks), "a: +shared read-committed, b: ^, c: -, d: -", "{kind}");
    }
    let nested = [
        ("a", "sequence", REQUIRED),
        ("a/b", "sequence", ""),
        ("a/b/c", "sql", REQUIRED),
        ("a/d", "sequence", REQUIRED),
        ("a/d/e", "sql", ""),
        ("a/f", "sequence", "retries = 1"),
        ("a/f/g", "sql", ""),
    ];
    let expected = "a: +shared read-committed, b: ^, c: ^, d: ^!, e: ^, f: ^!, g: ^";
    assert_eq!(shared("", &nested), expected);
    assert_eq!(shared(REQUIRED, &[("a", "sql", "")]), "package: +shared read-committed, a: ^");
}

#[test]
fn who_does_not_support_it_stays_out_with_all_inside() {
    let tasks = [
        ("a", "sequence", REQUIRED),
        ("a/b", "sequence", NOT),
        ("a/b/c", "sql", "connection = \"other\""),
        ("a/b/d", "sql", "transaction = \"required\"\nconnection = \"other\""),
        ("a/e", "sql", ""),
        ("a/f", "sql", "transaction = \"not-supported\"\nconnection = \"other\""),
        ("a/g", "sql", ""),
    ];
    let expected = "a: +shared read-committed, b: -, c: -, d: +other read-committed, e: ^, f: -, g: ^";
    assert_eq!(shared("", &tasks), expected);
}

#[test]
fn without_a_statement_nothing_is_begun() {
    let tasks = [("a", "sequence", REQUIRED), ("a/b", "process", ""), ("a/c", "sequence", REQUIRED)];
    assert_eq!(shared(REQUIRED, &tasks), "a: ^, b: -, c: ^");
    let none_joins = [("a", "sequence", REQUIRED), ("a/b", "sql", NOT)];
    assert_eq!(shared("", &none_joins), "a: -, b: -");
}

#[test]
fn isolation_is_said_where_a_transaction_begins() {
    let tasks = [
        ("a", "sequence", "transaction = \"required\"\nisolation = \"serializable\""),
        ("a/b", "sql", "transaction = \"required\"\nisolation = \"serializable\""),
    ];
    assert_eq!(shared("", &tasks), "a: +shared serializable, b: ^");
    bad(
        &package(
            "isolation = \"serializable\"",
            &[
                ("a", "sequence", REQUIRED),
                ("a/b", "sql", "transaction = \"required\"\nisolation = \"repeatable-read\""),
                ("c", "sql", "transaction = \"require\"\nisolation = \"snapshot\""),
                ("d", "process", REQUIRED),
            ],
        ),
        r#"p.toml:1:1: `isolation` goes with transaction = "required"
p.toml:13:13: task `b` joins the transaction of task `a`, which is read-committed (say it there, and leave it out here)
p.toml:18:15: unknown transaction `require` (did you mean `required`?)
p.toml:19:13: unknown isolation `snapshot` (known: serializable, repeatable-read, read-committed)
p.toml:23:1: unknown key `transaction` in process task `d`"#,
    );
}

#[test]
fn a_transaction_is_on_one_connection() {
    bad(
        &package(
            "",
            &[
                ("a", "sequence", REQUIRED),
                ("a/b", "sql", ""),
                ("a/c", "sequence", ""),
                ("a/c/d", "sql", "connection = \"other\""),
            ],
        ),
        r#"p.toml:19:14: this is inside the transaction of task `a`, on connection `shared`: two databases cannot commit as one (use `shared`, or keep it out with transaction = "not-supported")"#,
    );
}

#[test]
fn iterations_at_the_same_time_are_no_transaction() {
    let tasks = [("a", "foreach", "transaction = \"required\"\nparallel = 2"), ("a/b", "sql", "")];
    bad(
        &package("", &tasks),
        r#"p.toml:8:15: iterations that run at the same time cannot be one transaction (take out `parallel`, or put a sequence with transaction = "required" into the loop: a transaction for each iteration)"#,
    );
    let each = [("a", "foreach", "parallel = 2"), ("a/b", "sequence", REQUIRED), ("a/b/c", "sql", "")];
    assert_eq!(shared("", &each), "a: -, b: +shared read-committed, c: ^");
}

/// With parameters that transactions are made of.
const ABOVE: &str = r#"[parameters]
wanted = { type = "string", default = "required" }
how = { type = "string", default = "serializable" }
where = { type = "string", default = "shared" }
"#;
const MAYBE: &str = "transaction = \"{{ @wanted }}\"";

#[test]
fn what_is_an_expression_is_found_out_when_it_starts() {
    let tasks = [
        ("a", "sequence", MAYBE),
        ("a/b", "sql", ""),
        // Whether it begins one or joins one depends on `a`.
        ("a/c", "sequence", REQUIRED),
        ("a/c/d", "sql", ""),
        ("a/e", "sequence", NOT),
        ("a/e/f", "sql", "connection = \"other\""),
        ("g", "sequence", "transaction = \"required\"\nisolation = \"{{ @how }}\""),
        ("g/h", "sql", "connection = \"{{ @where }}\""),
        ("g/i", "sql", "transaction = \"required\"\nisolation = \"serializable\""),
        ("g/j", "sequence", MAYBE),
        ("g/j/k", "sql", "connection = \"other\""),
    ];
    let expected = "a: ?shared read-committed, b: ^, c: ?shared read-committed, d: ^, e: -, f: -, \
                    g: +shared *, h: ^, i: ^, j: ?other read-committed, k: ^";
    assert_eq!(shared(ABOVE, &tasks), expected);
    let whole = format!("{MAYBE}\nisolation = \"{{{{ @how }}}}\"\n{ABOVE}");
    let tasks = [("a", "sql", "connection = \"{{ @where }}\""), ("b", "sequence", MAYBE)];
    assert_eq!(shared(&whole, &tasks), "package: ?* *, a: ^, b: ?* read-committed");
    assert_eq!(shared(&whole, &[("b", "process", "")]), "package: ?* *, b: -");
    // The connection of what may belong to it.
    let other = format!("{MAYBE}\nconnection = \"other\"");
    let tasks = [("a", "foreach", REQUIRED), ("a/b", "sql", other.as_str()), ("a/c", "sql", MAYBE)];
    let expected = "a: +other?shared? read-committed, b: ?other read-committed, c: ?shared read-committed";
    assert_eq!(shared(ABOVE, &tasks), expected);
    let tasks = [("a", "foreach", REQUIRED), ("a/b", "sql", MAYBE)];
    assert_eq!(shared(ABOVE, &tasks), "a: +shared? read-committed, b: ?shared read-committed");
    let tasks =
        [("a", "sequence", REQUIRED), ("a/b", "sql", "connection = \"{{ @where }}\""), ("a/c", "sql", "")];
    assert_eq!(shared(ABOVE, &tasks), "a: +shared read-committed, b: ^, c: ^");
}

#[test]
fn what_is_known_of_transactions_is_checked_all_the_same() {
    bad(
        &package(
            &format!("transaction = \"supported\"\nisolation = \"{{{{ @how }}}}\"\n{ABOVE}"),
            &[
                ("a", "sequence", MAYBE),
                // Certain in any case: it begins one or joins one.
                ("a/b", "sequence", REQUIRED),
                ("a/b/c", "sql", ""),
                ("a/b/d", "sql", "connection = \"other\""),
                ("a/b/e", "sql", "connection = \"{{ @nobody }}\""),
                ("a/b/h", "sql", "connection = 3"),
                ("a/b/i", "sql", ""),
                ("f", "sql", "transaction = \"{{ @where }} {{ 1 }}\"\nisolation = \"{{ 'x' }}\""),
                ("g", "sql", "transaction = \"@wanted\"\nisolation = \"{{ \\\"chaos\\\" }}\""),
            ],
        ),
        r#"p.toml:2:1: `isolation` goes with transaction = "required"
p.toml:25:14: this is inside the transaction of task `b`, on connection `shared`: two databases cannot commit as one (use `shared`, or keep it out with transaction = "not-supported")
p.toml:29:18: @nobody is not known here (known: how, wanted, where)
p.toml:33:14: `connection` expects a string, found 3
p.toml:44:17: this character begins nothing that an expression knows (a text stands in double quotes: "north")
p.toml:49:15: `transaction` is a text, and has its expressions in {{ }} (write "{{ @wanted }}")
p.toml:50:13: unknown isolation `chaos` (known: serializable, repeatable-read, read-committed)"#,
    );
}
