//! Links between the documents lead somewhere. Addresses of the web are not asked for.

use super::{Finding, Tree};

/// Every link of a Markdown file to a file or heading that is not there.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending(".md").flat_map(|(path, text)| check_file(tree, path, text)).collect()
}

fn check_file(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let dead = |(line, target): &(usize, &str)| {
        let problem = problem_of(tree, path, target)?;
        Some(Finding::new(path, *line, problem))
    };
    links(text).iter().filter_map(dead).collect()
}

fn problem_of(tree: &Tree, path: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
    if !tree.has(&file) {
        return Some(format!("the link leads to {file}, which is not there"));
    }
    let text = tree.get(&file).unwrap_or_default();
    let is_there = heading.is_empty() || headings(text).iter().any(|slug| slug == heading);
    (!is_there).then(|| format!("the link leads to #{heading}, which is no heading of {file}"))
}

/// `../a/b.md` as seen from the file `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The targets of `[text](target)`, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in outside_fences(text) {
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let (target, left) = after.split_once(')').unwrap_or((after, ""));
            found.push((number, target));
            rest = left;
        }
    }
    found
}

/// The names under which web pages show the headings of `text`.
fn headings(text: &str) -> Vec<String> {
    let lines = outside_fences(text).into_iter().filter(|(_, line)| line.starts_with('#'));
    lines.map(|(_, line)| slug(line.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn outside_fences(text: &str) -> Vec<(usize, &str)> {
    let mut is_fenced = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            found.push((index + 1, line));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_are_found() {
        let other = ("docs/b.md", "# The b's way\n");
        for (text, expect) in [
            ("[b](docs/b.md) and [c](https://example.org/x)", 0),
            ("[b](docs/b.md#the-bs-way)", 0),
            ("[folder](docs/)", 0),
            ("[b](docs/c.md)", 1),
            ("[b](docs/b.md#other)", 1),
            ("[one](docs/b.md) [two](b.md)", 1),
            ("[here](#nowhere)", 1),
            ("```\n[b](c.md)\n```", 0),
        ] {
            assert_eq!(check(&Tree::of(&[("a.md", text), other])).len(), expect, "{text}");
        }
        assert_eq!(check(&Tree::of(&[("a.md", "# A"), ("docs/b.md", "[up](../a.md)")])).len(), 0);
    }
}
