//! How long files and functions are: an aim that is told, and a bound that holds but for a list that only shrinks.

use super::{Exceptions, Finding, Tree};

/// Longest file, in lines; over it a file does two things.
pub const FILE_LINES_MAX: usize = 500;
/// What files aim at.
pub const FILE_LINES_AIM: usize = 400;
/// Longest function, in lines: what a person can see at once.
pub const FUNCTION_LINES_MAX: usize = 70;
/// What nearly all functions keep under.
pub const FUNCTION_LINES_AIM: usize = 40;

/// A file, or a function in it (`path::name`), and its lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Size {
    /// As the list of exceptions names it.
    pub name: String,
    path: String,
    line: usize,
    /// Its length in lines.
    pub lines: usize,
    max: usize,
    aim: usize,
}

/// What is over a bound and not excepted, or longer than its exception says.
pub fn check(tree: &Tree, exceptions: &Exceptions) -> Vec<Finding> {
    let over = measure(tree).into_iter().filter(|size| size.lines > size.max);
    let refused = over.filter(|size| exceptions.lines(&size.name).is_none_or(|lines| size.lines > lines));
    let tell = |size: Size| {
        let what = size.name.strip_prefix(&size.path).unwrap_or_default().trim_start_matches(':');
        let problem = format!("{what} has {} lines; at most {} are allowed", size.lines, size.max);
        Finding::new(&size.path, size.line, problem.trim_start())
    };
    refused.map(tell).collect()
}

/// What is over an aim, longest first.
pub fn over_aims(tree: &Tree) -> Vec<Size> {
    let mut over: Vec<Size> = measure(tree).into_iter().filter(|size| size.lines > size.aim).collect();
    over.sort_by_key(|size| std::cmp::Reverse(size.lines));
    over
}

/// Entries of the list of exceptions that allow more than is needed.
pub fn spent(tree: &Tree, exceptions: &Exceptions) -> Vec<String> {
    let sizes = measure(tree);
    let is_needed = |name: &str, lines: usize| {
        sizes.iter().any(|size| size.name == name && size.lines > size.max && size.lines >= lines)
    };
    exceptions
        .sizes()
        .filter(|(name, lines)| !is_needed(name, *lines))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn measure(tree: &Tree) -> Vec<Size> {
    let of_file = |(path, rust): (&str, super::rust::Rust)| {
        let file = Size {
            name: path.to_owned(),
            path: path.to_owned(),
            line: 0,
            lines: rust.lines().len(),
            max: FILE_LINES_MAX,
            aim: FILE_LINES_AIM,
        };
        let functions = rust.functions().into_iter().map(|function| Size {
            name: format!("{path}::{}", function.name),
            path: path.to_owned(),
            line: function.line,
            lines: function.lines,
            max: FUNCTION_LINES_MAX,
            aim: FUNCTION_LINES_AIM,
        });
        std::iter::once(file).chain(functions).collect::<Vec<_>>()
    };
    tree.rust().flat_map(of_file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(body: usize, rest: usize) -> Tree {
        let text = format!("//! x\nfn long() {{\n{}}}\n{}", "a;\n".repeat(body), "\n".repeat(rest));
        Tree::of(&[("a/src/b.rs", &text)])
    }

    fn found(tree: &Tree, exceptions: &str) -> Vec<String> {
        let exceptions = Exceptions::parse(exceptions).unwrap();
        check(tree, &exceptions).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn long_functions_and_files_are_found() {
        assert_eq!(found(&tree(68, 429), ""), [""; 0]);
        assert_eq!(found(&tree(69, 0), ""), ["a/src/b.rs:2: long has 71 lines; at most 70 are allowed"]);
        assert_eq!(found(&tree(1, 497), ""), ["a/src/b.rs: has 501 lines; at most 500 are allowed"]);
    }

    #[test]
    fn exceptions_hold_and_may_only_shrink() {
        assert_eq!(found(&tree(69, 0), "lines 71 a/src/b.rs::long"), [""; 0]);
        assert_eq!(found(&tree(70, 0), "lines 71 a/src/b.rs::long").len(), 1);
        for (body, unneeded) in [(69, 0), (68, 1), (10, 1)] {
            let exceptions = Exceptions::parse("lines 71 a/src/b.rs::long").unwrap();
            assert_eq!(spent(&tree(body, 0), &exceptions).len(), unneeded, "{body}");
        }
    }

    #[test]
    fn aims_are_told() {
        assert_eq!(over_aims(&tree(38, 0)).len(), 0);
        assert_eq!(over_aims(&tree(39, 0))[0].name, "a/src/b.rs::long");
    }
}
