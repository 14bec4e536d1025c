//! docs/settings.md is made of `default.toml`: every setting with its default, and the comment above it. Pure; the test
//! compares, or writes it anew where SCALEOUT_WRITE is set (`make docs`).

use std::fmt::Write as _;

use super::{Finding, Tree};

/// The page.
pub const DOCUMENT: &str = "docs/settings.md";
const DEFAULTS: &str = "common/src/settings/default.toml";

const HEAD: &str = "\
# Settings

Made of [default.toml](../common/src/settings/default.toml) by `make docs`; change that file, not this one.

In layers, later ones win: the defaults below, the settings file (`--settings`, or `SCALEOUT_SETTINGS`), variables of the \
environment, flags. `worker.capacity` is `capacity` under `[worker]` in the file, and `SCALEOUT__WORKER__CAPACITY` in the \
environment, where a list may be written `a,b`. `scaleout config show` says what is in effect and where each value comes \
from, with secrets masked; `scaleout config default` prints a file to start from. An unknown setting, or one out of its \
range, is refused.
";

/// Whether the page is what the defaults make.
pub fn check(tree: &Tree) -> Vec<Finding> {
    match page(tree.get(DEFAULTS).unwrap_or_default()) {
        Ok(page) if tree.get(DOCUMENT) == Some(page.as_str()) => Vec::new(),
        Ok(_) => {
            vec![Finding::whole(DOCUMENT, format!("is not what {DEFAULTS} makes of it: run `make docs`"))]
        }
        Err(problem) => vec![problem],
    }
}

/// The page for these defaults.
///
/// # Errors
/// A line that is neither comment, section nor setting, or a setting of which nothing is said.
pub fn page(defaults: &str) -> Result<String, Finding> {
    let wrong = |index: usize, problem: &str| Finding::new(DEFAULTS, index + 1, problem);
    let mut page = HEAD.to_owned();
    // What is said of settings is behind the first section; before it, of the file.
    let (mut section, mut said, mut shared) = (String::new(), String::new(), false);
    for (index, line) in defaults.lines().enumerate() {
        if let Some(text) = line.strip_prefix('#') {
            if shared {
                said.clear();
            }
            shared = false;
            let text = text.trim();
            said = if said.is_empty() { text.to_owned() } else { format!("{said} {text}") };
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            said.clear();
            let _ = write!(page, "\n## [{name}]\n\n| setting | default | |\n|---|---|---|\n");
        } else if let Some((name, value)) = line.split_once(" = ") {
            if said.is_empty() {
                return Err(wrong(index, "says nothing about this setting: put a comment above it"));
            }
            // Settings without a blank or comment between them share what is said.
            let meaning = if shared { "see above" } else { &said };
            let _ = writeln!(page, "| `{section}.{name}` | `{value}` | {} |", meaning.replace('|', "\\|"));
            shared = true;
        } else if line.is_empty() {
            said.clear();
            shared = false;
        } else {
            return Err(wrong(index, "is neither a comment, a section nor a setting on one line"));
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: &str = "# The file.\n\n[log]\n# What is logged:\n# a | b.\nfilter = \"info\"\nother = 1\n# Third.\nthird = []\n";

    #[test]
    fn settings_become_rows_under_their_section() {
        let page = page(SOME).unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(
            rows,
            [
                "| `log.filter` | `\"info\"` | What is logged: a \\| b. |",
                "| `log.other` | `1` | see above |",
                "| `log.third` | `[]` | Third. |",
            ]
        );
        assert!(page.contains("\n## [log]\n") && !page.contains("The file."), "{page}");
    }

    #[test]
    fn a_page_that_is_old_and_a_setting_without_a_word_are_found() {
        let current = page(SOME).unwrap();
        assert_eq!(check(&Tree::of(&[(DEFAULTS, SOME), (DOCUMENT, &current)])), []);
        assert_eq!(check(&Tree::of(&[(DEFAULTS, SOME), (DOCUMENT, "old\n")])).len(), 1);
        assert_eq!(check(&Tree::of(&[(DEFAULTS, SOME)])).len(), 1);
        assert_eq!(page("[a]\nb = 1\n").unwrap_err().line, 2);
        assert_eq!(page("[a]\n# Many.\nb = 1\n]\n").unwrap_err().line, 4);
    }
}
