//! The import order of the house: which crate may name which, and which crates stay pure. Reads manifests only.

use std::collections::BTreeMap;

use super::{Finding, Tree};

/// Folder, the crates of ours it may import, and those that only its tests may.
const ORDER: &[(&str, &[&str], &[&str])] = &[
    ("common", &[], &[]),
    ("package", &["common"], &[]),
    ("tls", &[], &[]),
    ("broker", &["common", "tls"], &["local"]),
    ("master", &["common", "package", "tls", "broker"], &["local"]),
    ("worker", &["common", "package", "tls", "broker"], &["local"]),
    ("local", &[], &[]),
    ("cli", &["common", "package", "tls", "broker", "master", "worker", "local"], &[]),
    ("model", &["common"], &[]),
    ("tests", &["common", "package", "tls", "broker", "master", "worker", "local", "cli"], &[]),
    ("benches", &["common", "package", "broker", "master", "worker", "local", "cli", "tests"], &[]),
];

/// Crates from elsewhere that only some folders may name.
const FOREIGN: &[(&str, &[&str])] = &[
    ("lapin", &["broker", "benches"]),
    ("bincode", &["common"]),
    ("figment", &["cli"]),
    ("axum", &["master"]),
    ("refinery", &["master"]),
    ("deadpool-postgres", &["master"]),
    ("clap", &["cli"]),
    ("stateright", &["model"]),
];

/// Values in, values out: none of these.
const PURE: [&str; 2] = ["common", "package"];
const IMPURE: [&str; 7] =
    ["tokio", "tokio-util", "tokio-postgres", "lapin", "reqwest", "axum", "futures-util"];

/// The tables of a manifest that name dependencies, and whether only tests see them.
const TABLES: [(&str, bool); 3] =
    [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)];

/// Who imports whom, against the order.
pub fn check(tree: &Tree) -> Vec<Finding> {
    tree.crates().flat_map(|(folder, manifest)| check_crate(folder, manifest)).collect()
}

fn check_crate(folder: &str, text: &str) -> Vec<Finding> {
    let path = format!("{folder}/Cargo.toml");
    let manifest: toml::Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::whole(&path, format!("cannot be read: {error}"))],
    };
    let Some((_, may, tests_may)) = ORDER.iter().find(|(known, _, _)| *known == folder) else {
        return vec![Finding::whole(&path, "this crate has no place in the import order")];
    };
    let mut problems = Vec::new();
    for (table, only_tests) in TABLES {
        for name in dependencies(&manifest, table) {
            let allowed = |ours: &str| may.contains(&ours) || (only_tests && tests_may.contains(&ours));
            match ours(&name) {
                Some(ours) if !allowed(ours) => problems.push(format!("{folder} may not import {ours}")),
                Some(_) => {}
                None => problems.extend(foreign(folder, &name, only_tests)),
            }
        }
    }
    problems.extend(identity(folder, &manifest));
    problems.into_iter().map(|problem| Finding::whole(&path, problem)).collect()
}

fn dependencies(manifest: &toml::Table, table: &str) -> Vec<String> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let everywhere = std::iter::once(manifest);
    let somewhere =
        targets.into_iter().flat_map(|targets| targets.values().filter_map(toml::Value::as_table));
    let tables = everywhere.chain(somewhere).filter_map(|holder| holder.get(table)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

/// The folder of a crate of ours.
fn ours(name: &str) -> Option<&str> {
    if name == "scaleout" { Some("cli") } else { name.strip_prefix("scaleout-") }
}

fn foreign(folder: &str, name: &str, only_tests: bool) -> Option<String> {
    let kept = FOREIGN.iter().find(|(foreign, _)| *foreign == name);
    if let Some((_, homes)) = kept.filter(|(_, homes)| !homes.contains(&folder)) {
        return Some(format!("{name} belongs to {} alone", homes.join(" and ")));
    }
    let is_impure = !only_tests && PURE.contains(&folder) && IMPURE.contains(&name);
    is_impure.then(|| format!("{folder} is pure: it does without {name}"))
}

/// Name and lints.
fn identity(folder: &str, manifest: &toml::Table) -> Vec<String> {
    let wanted = if folder == "cli" { "scaleout".to_owned() } else { format!("scaleout-{folder}") };
    let name = manifest.get("package").and_then(|package| package.get("name")?.as_str());
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
    let mut problems = Vec::new();
    if name != Some(&wanted) {
        problems.push(format!("a crate is called like its folder: {wanted}"));
    }
    if lints != Some(true) {
        problems.push("it does not inherit the workspace's lints: [lints] workspace = true".to_owned());
    }
    problems
}

/// Folders by the crates of ours they import, tests aside.
pub fn graph(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let edges = |(folder, text): (&str, &str)| {
        let manifest: toml::Table = text.parse().unwrap_or_default();
        let named = TABLES.iter().filter(|(_, only_tests)| !only_tests);
        let named = named.flat_map(|(table, _)| dependencies(&manifest, table));
        let ours = named.filter_map(|name| ours(&name).map(str::to_owned)).collect();
        (folder.to_owned(), ours)
    };
    tree.crates().map(edges).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(folder: &str, dependencies: &str) -> Vec<String> {
        let name = if folder == "cli" { "scaleout".to_owned() } else { format!("scaleout-{folder}") };
        let manifest = format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{dependencies}");
        let path = format!("{folder}/Cargo.toml");
        check(&Tree::of(&[(&path, &manifest)])).into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn the_order_is_held() {
        for (folder, dependencies, expect) in [
            ("master", "[dependencies]\nscaleout-common.workspace = true", None),
            (
                "master",
                "[dependencies]\nscaleout-worker.workspace = true",
                Some("master may not import worker"),
            ),
            (
                "worker",
                "[dependencies]\nscaleout-master.workspace = true",
                Some("worker may not import master"),
            ),
            (
                "worker",
                "[dev-dependencies]\nscaleout-master.workspace = true",
                Some("worker may not import master"),
            ),
            ("worker", "[dev-dependencies]\nscaleout-local.workspace = true", None),
            (
                "worker",
                "[dependencies]\nscaleout-local.workspace = true",
                Some("worker may not import local"),
            ),
            (
                "local",
                "[target.'cfg(unix)'.dependencies]\nscaleout.workspace = true",
                Some("local may not import cli"),
            ),
            ("worker", "[dependencies]\nlapin = \"4\"", Some("lapin belongs to broker and benches alone")),
            ("common", "[dependencies]\ntokio = \"1\"", Some("common is pure: it does without tokio")),
            ("common", "[dev-dependencies]\ntokio = \"1\"", None),
            ("other", "", Some("this crate has no place in the import order")),
        ] {
            let found = problems(folder, dependencies);
            assert_eq!(found, expect.into_iter().collect::<Vec<_>>(), "{folder}: {dependencies}");
        }
    }

    #[test]
    fn a_crate_has_its_folders_name_and_the_lints() {
        let found = check(&Tree::of(&[("cli/Cargo.toml", "[package]\nname = \"tool\"")]));
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn the_order_itself_goes_round_in_no_circle() {
        // Each may import only what stands before it, with `local` free of all.
        let mut seen = vec!["local"];
        for (folder, may, tests_may) in ORDER {
            assert!(may.iter().chain(*tests_may).all(|ours| seen.contains(ours)), "{folder}");
            seen.push(folder);
        }
    }
}
