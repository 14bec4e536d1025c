//! The tests that docs/guarantees.md names for each promise are there.

use super::{Finding, Tree};

const DOCUMENT: &str = "docs/guarantees.md";

/// Tests that are named and not found, written `` `file::test` ``; and promises that name none.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.get(DOCUMENT) else {
        return vec![Finding::whole(DOCUMENT, "is not there")];
    };
    let mut findings: Vec<Finding> = named(text)
        .filter(|(_, file, test)| !is_there(tree, file, test))
        .map(|(line, file, test)| {
            Finding::new(DOCUMENT, line, format!("names the test `{file}::{test}`: it is nowhere"))
        })
        .collect();
    findings.extend(
        promises(text)
            .filter(|(_, body)| named(body).next().is_none())
            .map(|(heading, _)| Finding::whole(DOCUMENT, format!("{heading:?} names no test that holds it"))),
    );
    findings
}

/// The sections whose heading is `### 1. …`.
fn promises(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("\n### ").skip(1).map(|section| {
        let (heading, rest) = section.split_once('\n').unwrap_or((section, ""));
        (heading, rest.split("\n## ").next().unwrap_or_default())
    })
}

fn named(text: &str) -> impl Iterator<Item = (usize, &str, &str)> {
    text.lines().enumerate().flat_map(|(index, line)| {
        let quoted = line.split('`').skip(1).step_by(2);
        quoted.filter_map(move |words| {
            let (file, test) = words.split_once("::")?;
            let is_name = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            (is_name(file) && is_name(test)).then_some((index + 1, file, test))
        })
    })
}

fn is_there(tree: &Tree, file: &str, test: &str) -> bool {
    let (name, function) = (format!("/{file}.rs"), format!("fn {test}("));
    tree.ending(&name).any(|(_, text)| text.contains(&function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_nowhere_and_a_promise_without_one_are_found() {
        let found = |document: &str| {
            check(&Tree::of(&[(DOCUMENT, document), ("tests/kills.rs", "fn it_lives() {}")]))
        };
        assert_eq!(found("# A\n\n### 1. One\n\nHeld by `kills::it_lives`.\n"), []);
        assert_eq!(found("# A\n\n### 1. One\n\nHeld by `kills::it_dies`.\n").len(), 1);
        assert_eq!(found("# A\n\n### 1. One\n\nHeld by `lives::it_lives`.\n").len(), 1);
        assert_eq!(found("# A\n\n### 1. One\n\nNobody.\n\n## More\n\n`kills::it_lives`\n").len(), 1);
        assert_eq!(check(&Tree::of(&[])).len(), 1);
    }
}
