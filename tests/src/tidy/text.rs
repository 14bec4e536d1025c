//! What no text file may hold: blanks at the end of a line, and paths of the machine it was written on.

use super::{Finding, Tree};

/// Endings of the files that people wrote; data is left alone.
const WRITTEN: [&str; 9] = [".rs", ".md", ".toml", ".sh", ".sql", ".yml", ".yaml", "Makefile", ".ci/run"];

/// Folders of a developer's machine. Put together here, so that this file does not hold them itself.
const MACHINE: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Every such line.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let written = tree.files().filter(|(path, _)| WRITTEN.iter().any(|ending| path.ends_with(ending)));
    written.flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            found.push(Finding::new(path, index + 1, "blanks at the end of the line"));
        }
        if let Some(machine) = MACHINE.iter().find(|machine| names_path(line, machine)) {
            let problem = format!("{machine}… is a path of one machine");
            found.push(Finding::new(path, index + 1, problem));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(Finding::whole(path, "the last line does not end"));
    }
    found
}

/// Whether an absolute path in `line` begins so: `a/b/` holds `/b/`, but does not begin with it.
fn names_path(line: &str, start: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || "_-.}*)~$".contains(c);
    line.match_indices(start).any(|(at, _)| !line[..at].ends_with(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_machine_paths_are_found() {
        let machine = format!("see {}x and a{}y\n", MACHINE[0], MACHINE[0]);
        for (text, expect) in [
            ("fine\n", 0),
            ("not \nfine\t\n", 2),
            ("no end", 1),
            (machine.as_str(), 1),
            (&format!("deep{}\n", MACHINE[1]), 0),
        ] {
            assert_eq!(check(&Tree::of(&[("a.md", text)])).len(), expect, "{text:?}");
        }
        assert_eq!(check(&Tree::of(&[("data.csv", "not \n")])).len(), 0);
    }
}
