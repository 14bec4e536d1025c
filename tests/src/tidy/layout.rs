//! What every Rust file looks like: it says what it is for, and the files that only declare do only that.

use super::{Exceptions, Finding, Tree};

/// Words that begin logic, where only modules are declared.
const LOGIC: [&str; 5] = ["fn", "impl", "struct", "enum", "trait"];

/// Files without a purpose, and logic in `mod.rs` and `lib.rs`.
pub fn check(tree: &Tree, exceptions: &Exceptions) -> Vec<Finding> {
    let purpose = tree.ending(".rs").filter(|(_, text)| !text.starts_with("//!"));
    let purpose = purpose.map(|(path, _)| {
        Finding::new(path, 1, "a file opens with //!: its purpose, what state it owns, what it must not do")
    });
    let declaring = tree.rust().filter(|(path, _)| declares_only(path));
    let logic = declaring.filter_map(|(path, rust)| {
        let words = rust.outer_words();
        let (line, word) = words.iter().find(|(_, word)| LOGIC.contains(&word.as_str()))?;
        let problem = format!("`{word}`: mod.rs and lib.rs declare modules and hold nothing else");
        (!exceptions.may_hold_logic(path)).then(|| Finding::new(path, *line, problem))
    });
    purpose.chain(logic).collect()
}

/// Entries of the list of exceptions that hold no logic any more.
pub fn spent(tree: &Tree, exceptions: &Exceptions) -> Vec<String> {
    let nothing = Exceptions::default();
    let needed: Vec<String> = check(tree, &nothing).into_iter().map(|finding| finding.path).collect();
    exceptions.logic().filter(|path| !needed.iter().any(|needed| needed == path)).map(str::to_owned).collect()
}

fn declares_only(path: &str) -> bool {
    path.ends_with("/mod.rs") || path.ends_with("/lib.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str, exceptions: &str) -> usize {
        check(&Tree::of(&[(path, text)]), &Exceptions::parse(exceptions).unwrap()).len()
    }

    #[test]
    fn files_say_what_they_are_for() {
        assert_eq!(found("a/src/b.rs", "//! It does this.\nfn x() {}\n", ""), 0);
        assert_eq!(found("a/src/b.rs", "fn x() {}\n", ""), 1);
        assert_eq!(found("a/src/b.rs", "", ""), 1);
    }

    #[test]
    fn files_that_declare_hold_no_logic() {
        let declares =
            "//! x\nmod a;\npub use a::{fn_like, B};\n#[cfg(test)]\nmod tests;\npub const N: u8 = 1;\n";
        assert_eq!(found("a/src/lib.rs", declares, ""), 0);
        for logic in ["fn x() {}", "pub(crate) struct S;", "impl A {}", "pub async fn x() {}"] {
            assert_eq!(found("a/src/b/mod.rs", &format!("{declares}{logic}\n"), ""), 1, "{logic}");
        }
        assert_eq!(found("a/src/b/mod.rs", "//! x\nfn x() {}\n", "logic a/src/b/mod.rs"), 0);
    }

    #[test]
    fn an_exception_that_is_not_needed_is_told() {
        let exceptions = Exceptions::parse("logic a/src/lib.rs\n").unwrap();
        assert_eq!(spent(&Tree::of(&[("a/src/lib.rs", "//! x\nmod a;\n")]), &exceptions), ["a/src/lib.rs"]);
        assert_eq!(spent(&Tree::of(&[("a/src/lib.rs", "//! x\nfn a() {}\n")]), &exceptions), [""; 0]);
    }
}
