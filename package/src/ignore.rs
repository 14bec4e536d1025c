//! The rules of `.scaleoutignore`: which paths stay out of a project.
//!
//! The common part of `.gitignore`: `*` and `?` within a name, `**` across folders, a leading or
//! inner `/` ties a rule to the project folder, a trailing `/` makes it one for folders, `!` takes
//! back, `#` begins a comment; the last rule that matches wins. No `[a-z]` classes. Pure.

/// Parsed rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    segments: Vec<String>,
    takes_back: bool,
    folders_only: bool,
}

impl IgnoreRules {
    /// Reads the text of a `.scaleoutignore`. Every text is valid.
    pub fn parse(text: &str) -> IgnoreRules {
        IgnoreRules { rules: text.lines().filter_map(rule).collect() }
    }

    /// Whether `path` (relative, with `/`) stays out. What is inside an ignored folder is not asked.
    pub fn ignores(&self, path: &str, is_folder: bool) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        let last = self
            .rules
            .iter()
            .rev()
            .find(|rule| (is_folder || !rule.folders_only) && segments_match(&rule.segments, &path));
        last.is_some_and(|rule| !rule.takes_back)
    }
}

fn rule(line: &str) -> Option<Rule> {
    let line = line.trim_end();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let (takes_back, pattern) = match line.strip_prefix('!') {
        Some(pattern) => (true, pattern),
        None => (false, line),
    };
    let (folders_only, pattern) = match pattern.strip_suffix('/') {
        Some(pattern) => (true, pattern),
        None => (false, pattern),
    };
    let tied = pattern.contains('/');
    let mut segments: Vec<String> =
        pattern.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
    if segments.is_empty() {
        return None;
    }
    if !tied {
        segments.insert(0, "**".to_owned());
    }
    Some(Rule { segments, takes_back, folders_only })
}

/// Patterns are short and paths bounded; each `**` tries every place, which is enough here.
fn segments_match(pattern: &[String], path: &[&str]) -> bool {
    match pattern.split_first() {
        None => path.is_empty(),
        // A rule that ends in `**` wants something there; `a/**` is not `a` itself.
        Some((first, [])) if first == "**" => !path.is_empty(),
        Some((first, rest)) if first == "**" => (0..=path.len()).any(|at| segments_match(rest, &path[at..])),
        Some((first, rest)) => match path.split_first() {
            Some((name, path)) => name_matches(first, name) && segments_match(rest, path),
            None => false,
        },
    }
}

/// Whether `pattern` matches one name: `*` is any characters, `?` one; in linear memory and without recursion.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at_pattern, mut at_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at_name < name.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                star = Some((at_pattern, at_name));
                at_pattern += 1;
            }
            Some(c) if *c == '?' || *c == name[at_name] => {
                at_pattern += 1;
                at_name += 1;
            }
            _ => match star {
                Some((star_pattern, star_name)) => {
                    star = Some((star_pattern, star_name + 1));
                    at_pattern = star_pattern + 1;
                    at_name = star_name + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_decide_as_those_of_git() {
        let cases: &[(&str, &str, bool, bool)] = &[
            ("*.log", "a.log", false, true),
            ("*.log", "deep/er/a.log", false, true),
            ("*.log", "a.logs", false, false),
            ("/a.log", "a.log", false, true),
            ("/a.log", "deep/a.log", false, false),
            ("data/raw", "data/raw", true, true),
            ("data/raw", "x/data/raw", true, false),
            ("out/", "out", true, true),
            ("out/", "out", false, false),
            ("out/", "deep/out", true, true),
            ("a/**/z", "a/z", false, true),
            ("a/**/z", "a/b/c/z", false, true),
            ("a/**", "a", true, false),
            ("a/**", "a/b", false, true),
            ("*.csv\n!keep.csv", "keep.csv", false, false),
            ("*.csv\n!keep.csv", "other.csv", false, true),
            ("# *.csv\n\n", "a.csv", false, false),
            ("a?c", "abc", false, true),
            ("a*b*c", "aXbYbZc", false, true),
            ("a*b*c", "aXbYbZ", false, false),
            ("/", "anything", true, false),
        ];
        for (rules, path, is_folder, expect) in cases {
            let got = IgnoreRules::parse(rules).ignores(path, *is_folder);
            assert_eq!(got, *expect, "{rules:?} on {path:?}");
        }
    }
}
