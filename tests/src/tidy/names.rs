//! File names that say nothing: a helper with no home gets a module with a name of its own.

use super::{Finding, Tree};

const SAY_NOTHING: [&str; 12] = [
    "util",
    "utils",
    "utility",
    "utilities",
    "helper",
    "helpers",
    "misc",
    "miscellaneous",
    "stuff",
    "shared",
    "base",
    "core",
];

/// Files and folders of code with such names.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let names_nothing = |path: &&str| {
        let parts = path.trim_end_matches(".rs").split('/');
        parts.into_iter().any(|part| SAY_NOTHING.contains(&part))
    };
    let paths = tree.ending(".rs").map(|(path, _)| path).filter(names_nothing);
    paths.map(|path| Finding::whole(path, "give it a name that says what it holds")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_found() {
        for (path, expect) in [
            ("a/src/utils.rs", 1),
            ("a/src/helpers/time.rs", 1),
            ("a/src/misc/mod.rs", 1),
            ("a/src/core_count.rs", 0),
            ("a/src/nearest.rs", 0),
        ] {
            assert_eq!(check(&Tree::of(&[(path, "//! x\n")])).len(), expect, "{path}");
        }
    }
}
