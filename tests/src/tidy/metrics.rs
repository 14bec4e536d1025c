//! The metrics that the dashboards, the alerts and docs/operating.md name are those that a master has, and
//! docs/operating.md names each. The list of them is an argument.

use std::collections::BTreeSet;

use super::{Finding, Tree};

const DOCUMENT: &str = "docs/operating.md";

/// Folders of what reads metrics.
const READERS: [&str; 2] = ["deploy/grafana/", "deploy/prometheus/"];

/// How the names of our metrics begin.
const OURS: [&str; 2] = ["scaleout_", "process_"];

/// What Prometheus makes of a histogram.
const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// A metric's name, and whether it is a histogram.
pub type Known<'a> = (&'a str, bool);

/// Names that no metric has, and metrics that the document does not name.
pub fn check(tree: &Tree, known: &[Known<'_>]) -> Vec<Finding> {
    let reads = |path: &str| path == DOCUMENT || READERS.iter().any(|folder| path.starts_with(folder));
    let mut found: Vec<Finding> = tree
        .files()
        .filter(|(path, _)| reads(path))
        .flat_map(|(path, text)| strangers(path, text, known))
        .collect();
    let told = words(tree.get(DOCUMENT).unwrap_or_default(), &OURS);
    let untold = known.iter().filter(|(name, _)| !told.contains(*name));
    found.extend(untold.map(|(name, _)| Finding::whole(DOCUMENT, format!("does not say what {name} is"))));
    found
}

fn strangers(path: &str, text: &str, known: &[Known<'_>]) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    let named =
        lines.flat_map(|(index, line)| words(line, &OURS).into_iter().map(move |word| (index + 1, word)));
    let strange = named.filter(|(_, word)| !known.iter().any(|metric| is_of(word, metric)));
    strange.map(|(line, word)| Finding::new(path, line, format!("{word} is no metric"))).collect()
}

fn is_of(word: &str, (name, is_histogram): &Known<'_>) -> bool {
    word == *name || *is_histogram && PARTS.iter().any(|part| word.strip_suffix(part) == Some(name))
}

/// The names in a text that begin with one of these.
pub fn words(text: &str, beginnings: &[&str]) -> BTreeSet<String> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_inner(c));
    // A beginning alone names nothing: it stands for all of them.
    let is_ours =
        |word: &&str| beginnings.iter().any(|start| word.starts_with(start) && word.len() > start.len());
    words.filter(is_ours).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Known<'static>; 2] = [("scaleout_leader", false), ("scaleout_wait_seconds", true)];
    const TOLD: &str = "`scaleout_leader`, `scaleout_wait_seconds`: all that begin with `scaleout_`\n";

    fn found(document: &str, alerts: &str) -> Vec<String> {
        let tree = Tree::of(&[
            (DOCUMENT, document),
            ("deploy/prometheus/alerts.yml", alerts),
            ("docs/other.md", "scaleout_other\n"),
        ]);
        check(&tree, &KNOWN).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn names_of_no_metric_and_metrics_that_are_not_told_are_found() {
        assert_eq!(
            found(TOLD, "max(scaleout_leader{a=\"b\"}) / rate(scaleout_wait_seconds_bucket[5m])\n"),
            [""; 0]
        );
        assert_eq!(found(TOLD, "scaleout_leader_count\n"), ["scaleout_leader_count is no metric"]);
        assert_eq!(found(TOLD, "fine\nsum(process_x)\n"), ["process_x is no metric"]);
        assert_eq!(found("`scaleout_leader`\n", ""), ["does not say what scaleout_wait_seconds is"]);
        assert_eq!(found(&format!("{TOLD}scaleout_leaders\n"), ""), ["scaleout_leaders is no metric"]);
    }
}
