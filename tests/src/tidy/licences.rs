//! deny.toml against the dependencies as `cargo metadata` tells them: licences, sources, bans, and that every exception
//! says why and is needed. What `cargo deny` can do without its database of advisories. Runs nothing itself.

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

use super::{Finding, Tree};

const DOCUMENT: &str = "deny.toml";

/// The one registry that crates come from, as the lock file names it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What does not agree; `metadata` is the output of `cargo metadata --format-version 1`.
pub fn check(tree: &Tree, metadata: &str) -> Vec<Finding> {
    let read = || -> Result<(toml::Table, Value), String> {
        let text = tree.get(DOCUMENT).ok_or("is not there")?;
        let rules = text.parse().map_err(|error| format!("is no TOML: {error}"))?;
        Ok((rules, serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?))
    };
    let (rules, metadata) = match read() {
        Ok(read) => read,
        Err(problem) => return vec![Finding::whole(DOCUMENT, problem)],
    };
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let problems = [licences(&rules, packages), bans(&rules, packages), ignored(&rules, packages)].concat();
    problems.into_iter().map(|problem| Finding::whole(DOCUMENT, problem)).collect()
}

/// Every licence is allowed, every allowed one is needed, and all comes from one registry.
fn licences(rules: &toml::Table, packages: &[Value]) -> Vec<String> {
    let allowed: Vec<&str> =
        list(rules, "licenses", "allow").iter().filter_map(toml::Value::as_str).collect();
    let licensees: Vec<Licensee> = allowed.iter().filter_map(|text| Licensee::parse(text).ok()).collect();
    let mut problems = Vec::new();
    if licensees.len() < allowed.len() || allowed.is_empty() {
        problems.push(format!("licenses.allow holds what is no SPDX licence, or nothing: {allowed:?}"));
    }
    let mut used = vec![false; licensees.len()];
    for package in packages {
        let (name, text) = (word(package, "name"), word(package, "license"));
        match package["source"].as_str() {
            None | Some(REGISTRY) => {}
            Some(source) => problems.push(format!("{name} comes from {source}")),
        }
        let Ok(expression) = Expression::parse_mode(text, ParseMode::LAX) else {
            problems.push(format!("{name} has the licence {text:?}, which is no SPDX expression"));
            continue;
        };
        let allows = |requirement: &spdx::LicenseReq, licensee: &Licensee| licensee.satisfies(requirement);
        if !expression.evaluate(|requirement| licensees.iter().any(|one| allows(requirement, one))) {
            problems.push(format!("{name} has the licence {text:?}, which licenses.allow does not have"));
        }
        for requirement in expression.requirements() {
            for (licensee, used) in licensees.iter().zip(&mut used) {
                *used |= allows(&requirement.req, licensee);
            }
        }
    }
    let idle = allowed.iter().zip(used).filter(|(_, used)| !used);
    problems.extend(idle.map(|(text, _)| format!("licenses.allow has {text}, which no dependency needs")));
    problems
}

fn bans(rules: &toml::Table, packages: &[Value]) -> Vec<String> {
    let banned = list(rules, "bans", "deny").iter().filter_map(|ban| {
        let name = ban.get("crate").and_then(toml::Value::as_str).unwrap_or_default();
        if reason(ban).is_empty() {
            return Some(format!("bans.deny has {name:?} without a reason"));
        }
        let found = packages.iter().any(|package| word(package, "name") == name);
        found.then(|| format!("{name} is among the dependencies, and banned: {}", reason(ban)))
    });
    banned.collect()
}

/// An advisory that is ignored says why, by the name of a dependency that is there: else it can go.
fn ignored(rules: &toml::Table, packages: &[Value]) -> Vec<String> {
    let names: Vec<&str> = packages.iter().map(|package| word(package, "name")).collect();
    let of_entry = |entry: &toml::Value| {
        let id = entry.get("id").and_then(toml::Value::as_str).unwrap_or_default();
        let about = reason(entry).split_whitespace().next().unwrap_or_default();
        (!names.contains(&about)).then(|| {
            format!("advisories.ignore has {id:?}: its reason must begin with the name of a dependency that is there")
        })
    };
    list(rules, "advisories", "ignore").iter().filter_map(of_entry).collect()
}

fn reason(entry: &toml::Value) -> &str {
    entry.get("reason").and_then(toml::Value::as_str).unwrap_or_default()
}

fn list<'a>(rules: &'a toml::Table, section: &str, key: &str) -> &'a [toml::Value] {
    let found = rules.get(section).and_then(|section| section.get(key)).and_then(toml::Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn word<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[advisories]\nignore = [{ id = \"R-1\", reason = \"a is fine\" }]\n[licenses]\n\
                         allow = [\"MIT\"]\n[bans]\ndeny = [{ crate = \"bad\", reason = \"why\" }]\n";

    fn found(rules: &str, packages: &[(&str, &str, &str)]) -> Vec<String> {
        let packages: Vec<Value> = packages
            .iter()
            .map(|(name, license, source)| serde_json::json!({"name": name, "license": license, "source": source}))
            .collect();
        let metadata = serde_json::json!({ "packages": packages }).to_string();
        let found = check(&Tree::of(&[(DOCUMENT, rules)]), &metadata);
        found.into_iter().map(|finding| finding.problem).collect()
    }

    #[test]
    fn what_is_not_allowed_is_found() {
        let good = ("a", "MIT/Apache-2.0", REGISTRY);
        assert_eq!(found(RULES, &[good]), [""; 0]);
        for (more, expected) in [
            (("b", "GPL-3.0-only", REGISTRY), "b has the licence"),
            (("b", "MIT AND ISC", REGISTRY), "b has the licence"),
            (("b", "", REGISTRY), "no SPDX expression"),
            (("b", "MIT", "git+https://example.org/b"), "b comes from git"),
            (("bad", "MIT", REGISTRY), "bad is among the dependencies"),
        ] {
            let found = found(RULES, &[good, more]);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn rules_that_nothing_needs_or_explains_are_found() {
        let good = ("a", "MIT", REGISTRY);
        for (from, to) in [
            ("[\"MIT\"]", "[\"MIT\", \"ISC\"]"),
            ("a is fine", "nobody knows"),
            (", reason = \"why\"", ""),
            ("[\"MIT\"]", "[\"MIT\", \"no licence\"]"),
        ] {
            assert_eq!(found(&RULES.replace(from, to), &[good]).len(), 1, "{to}");
        }
    }
}
