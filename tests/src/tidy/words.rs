//! Words that no code may hold: silenced lints and unfinished work.

use super::rust::Rust;
use super::{Finding, Tree};

/// What, and what to do instead.
const FORBIDDEN: [(&str, &str); 5] = [
    ("#[allow(", "use #[expect(…, reason = \"…\")]: it tells when it is no longer needed"),
    ("#![allow(", "use #![expect(…, reason = \"…\")]: it tells when it is no longer needed"),
    ("todo!(", "unfinished work is not committed"),
    ("unimplemented!(", "unfinished work is not committed"),
    ("dbg!(", "left over from a search"),
];

/// Every line with one of them; comments and texts may name them.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(|(path, rust)| check_file(path, &rust)).collect()
}

fn check_file(path: &str, rust: &Rust) -> Vec<Finding> {
    let find = |(number, line): (usize, String)| {
        // Blanks would let one through: `#[ allow (`.
        let dense: String = line.split_whitespace().collect();
        let (word, instead) = FORBIDDEN.iter().find(|(word, _)| dense.contains(word))?;
        Some(Finding::new(path, number, format!("{word}…: {instead}")))
    };
    rust.lines().into_iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_words_are_found_in_code_only() {
        let text = "//! no todo!() here\n#[allow(dead_code)]\nfn a() { todo!() }\nfn b() { dbg!(1); }\n\
                    fn c() { unimplemented!(\"x\") }\n#[ allow (x)]\nlet s = \"todo!()\";\n#[expect(x)]\n";
        let lines: Vec<usize> =
            check(&Tree::of(&[("a/src/b.rs", text)])).into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6]);
    }
}
