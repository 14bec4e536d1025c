//! What may be named in one place only: AMQP, the codec, the settings' reader, SQL. Reads sources.

use super::rust::Rust;
use super::tree::is_inside;
use super::{Finding, Tree};

/// A crate's name in code, and the files or folders that may say it.
const HOMES: &[(&str, &[&str])] = &[
    // What lapin does alone is measured beside what we do with it.
    ("lapin", &["broker/", "benches/src/ceiling/"]),
    ("bincode", &["common/src/wire/codec.rs"]),
    ("figment", &["cli/src/settings.rs"]),
    ("scaleout_master", &["master/", "cli/", "tests/", "benches/"]),
    ("scaleout_worker", &["worker/", "cli/", "tests/", "benches/"]),
];

/// Where statements may stand. `local` administers its own servers; examples are users' work.
const SQL_HOMES: &[&str] =
    &["master/src/catalog/", "master/tests/", "local/", "tests/", "benches/", "examples/", "worker/tests/"];

/// How a statement begins.
const SQL: [&str; 8] = [
    "select ",
    "insert into ",
    "update ",
    "delete from ",
    "create table ",
    "alter table ",
    "truncate ",
    "with ",
];
/// What a statement that begins like a sentence holds as well.
const SQL_LATER: [&str; 4] = [" from ", " set ", " values", " as ("];

/// What stands in a place that is not its own.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found: Vec<Finding> = tree.rust().flat_map(|(path, rust)| check_file(path, &rust)).collect();
    let strays = tree.ending(".sql").filter(|(path, _)| !lies_in(path, SQL_HOMES));
    found.extend(strays.map(|(path, _)| Finding::whole(path, "SQL lives under master/src/catalog/")));
    found
}

fn check_file(path: &str, rust: &Rust) -> Vec<Finding> {
    let named = HOMES.iter().filter(|(_, homes)| !lies_in(path, homes)).flat_map(|(word, homes)| {
        let problem = format!("{word} may be named in {} only", homes.join(", "));
        rust.lines_with(word).into_iter().map(move |line| Finding::new(path, line, problem.clone()))
    });
    named.chain(sql(path, rust)).collect()
}

fn sql(path: &str, rust: &Rust) -> Vec<Finding> {
    if lies_in(path, SQL_HOMES) {
        return Vec::new();
    }
    let tests = rust.test_lines();
    let is_test = |line: &usize| is_test_file(path) || tests.iter().any(|range| range.contains(line));
    let statements = rust.texts.iter().filter(|(line, text)| is_statement(text) && !is_test(line));
    let problem = "SQL lives under master/src/catalog/, in files of its own";
    statements.map(|(line, _)| Finding::new(path, *line, problem)).collect()
}

fn is_statement(text: &str) -> bool {
    let text = text.trim_start().to_lowercase();
    SQL.iter().any(|start| text.starts_with(start)) && SQL_LATER.iter().any(|later| text.contains(later))
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn lies_in(path: &str, homes: &[&str]) -> bool {
    homes.iter().any(|home| path == *home || (home.ends_with('/') && is_inside(path, home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn names_stay_in_their_places() {
        let text = "// lapin is fine here\nuse lapin::Channel;\nlet s = \"lapin\";\n";
        assert_eq!(lines("worker/src/a.rs", text), [2]);
        assert_eq!(lines("broker/src/a.rs", text), [0; 0]);
        assert_eq!(lines("common/src/wire/mod.rs", "use bincode::Options;"), [1]);
        assert_eq!(lines("common/src/wire/codec.rs", "use bincode::Options;"), [0; 0]);
        assert_eq!(lines("cli/src/main.rs", "use figment::Figment;"), [1]);
        assert_eq!(lines("worker/src/a.rs", "use scaleout_master::run;"), [1]);
    }

    #[test]
    fn statements_stay_in_the_catalog() {
        let text = "f(\"select id from t\");\nf(\"select one of these\");\n#[cfg(test)]\nmod tests {\n  const S: &str = \"delete from t where set \";\n}\n";
        assert_eq!(lines("worker/src/a.rs", text), [1]);
        assert_eq!(lines("master/src/http/a.rs", "f(r\"\n  insert into t values (1)\")"), [1]);
        assert_eq!(lines("master/src/catalog/a.rs", text), [0; 0]);
        assert_eq!(lines("cli/src/look.sql", "select 1"), [0]);
        assert_eq!(lines("master/src/catalog/sql/look.sql", "select 1"), [0; 0]);
    }
}
