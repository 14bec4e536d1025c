//! Projects and their parameters. Pure.

use scaleout_common::api::{ParameterSummary, ProjectDetail, ProjectSummary, VersionSummary};
use serde_json::Value;

use super::{View, pairs, plain};
use crate::times;

/// The table of projects.
pub(crate) fn list(view: &View, projects: &[ProjectSummary]) -> String {
    let row = |project: &ProjectSummary| {
        vec![
            format!("{}/{}", project.folder, project.project),
            project.version.to_string(),
            project.packages.to_string(),
            times::local(project.deployed_at, &view.zone),
            project.deployed_by.clone(),
            project.description.clone(),
        ]
    };
    plain(&["PROJECT", "VERSION", "PACKAGES", "DEPLOYED", "BY", "DESCRIPTION"], projects.iter().map(row))
}

/// Digits of a bundle's hash that tell versions apart; JSON has all.
const HASH_DIGITS: usize = 12;

/// Characters of the names of a version's packages that are shown; JSON has all.
const PACKAGES_CHARS: usize = 48;

/// The table of a project's versions.
pub(crate) fn versions(view: &View, versions: &[VersionSummary]) -> String {
    let row = |version: &VersionSummary| {
        let restored = match (version.restored_at, version.restored_by.as_deref()) {
            (Some(at), by) => format!("{} by {}", times::local(at, &view.zone), by.unwrap_or("?")),
            (None, _) => "-".to_owned(),
        };
        vec![
            version.version.to_string(),
            if version.current { "current" } else { "" }.to_owned(),
            times::local(version.deployed_at, &view.zone),
            version.deployed_by.clone(),
            restored,
            version.bundle.chars().take(HASH_DIGITS).collect(),
            packages(&version.packages),
        ]
    };
    plain(&["VERSION", "", "DEPLOYED", "BY", "RESTORED", "BUNDLE", "PACKAGES"], versions.iter().map(row))
}

/// How many, and the first names.
fn packages(names: &[String]) -> String {
    let all = names.join(" ");
    if all.chars().count() <= PACKAGES_CHARS {
        return format!("{}: {all}", names.len());
    }
    format!("{}: {}…", names.len(), all.chars().take(PACKAGES_CHARS).collect::<String>())
}

/// A project with its parameters and packages.
pub(crate) fn detail(view: &View, project: &ProjectDetail) -> String {
    let summary = &project.summary;
    let head = pairs(&[
        ("project", format!("{}/{}", summary.folder, summary.project)),
        ("description", summary.description.clone()),
        ("version", summary.version.to_string()),
        ("deployed", format!("{} by {}", times::local(summary.deployed_at, &view.zone), summary.deployed_by)),
    ]);
    let own = project.parameters.iter().map(|parameter| row("(project)", parameter));
    let rows = own.chain(project.package_details.iter().flat_map(|package| {
        let none =
            package.parameters.is_empty().then(|| vec![package.name.clone(), "(no parameters)".to_owned()]);
        package.parameters.iter().map(|parameter| row(&package.name, parameter)).chain(none)
    }));
    let header = ["PACKAGE", "PARAMETER", "TYPE", "REQUIRED", "DEFAULT", "VALUE", "DESCRIPTION"];
    format!("{head}\n{}", plain(&header, rows))
}

fn row(package: &str, parameter: &ParameterSummary) -> Vec<String> {
    let sensitive = if parameter.sensitive { ", sensitive" } else { "" };
    vec![
        package.to_owned(),
        parameter.name.clone(),
        format!("{}{sensitive}", parameter.data_type),
        if parameter.required { "yes" } else { "-" }.to_owned(),
        value(parameter.default.as_ref()),
        value(parameter.value.as_ref()),
        parameter.description.clone(),
    ]
}

fn value(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::view::tests::view;
    use super::*;

    #[test]
    fn a_project_lists_its_parameters() {
        let parameter = |name: &str, required: bool, sensitive: bool, default: Value| {
            json!({"name": name, "type": "string", "required": required, "sensitive": sensitive,
                "description": "", "default": default, "value": if sensitive { json!("***") } else { Value::Null }})
        };
        let detail: ProjectDetail = serde_json::from_value(json!({
            "folder": "demo", "project": "nyc", "description": "Flights", "version": 2, "packages": 2,
            "deployed_at": "2026-03-01T10:00:00Z", "deployed_by": "me",
            "parameters": [parameter("url", true, true, Value::Null)],
            "package_details": [
                {"name": "load", "description": "", "parameters": [parameter("month", false, false, json!("1"))]},
                {"name": "prepare", "description": "", "parameters": []},
            ],
        }))
        .unwrap();
        let expected = "\
project      demo/nyc
description  Flights
version      2
deployed     2026-03-01 12:00:00+02:00 by me

PACKAGE   PARAMETER       TYPE              REQUIRED DEFAULT VALUE DESCRIPTION
(project) url             string, sensitive yes      -       ***
load      month           string            -        1       -
prepare   (no parameters)
";
        assert_eq!(super::detail(&view(), &detail), expected);
    }

    #[test]
    fn versions_tell_which_is_current_and_who_restored_it() {
        let version = |version: i32, restored: Value, packages: Vec<String>| -> VersionSummary {
            let mut value = json!({
                "version": version, "current": version == 1, "description": "", "packages": packages,
                "deployed_at": "2026-03-01T10:00:00Z", "deployed_by": "me", "bundle": "0123456789abcdef",
            });
            if !restored.is_null() {
                value["restored_at"] = restored;
                value["restored_by"] = json!("ops");
            }
            serde_json::from_value(value).unwrap()
        };
        let many = (0..40).map(|n| format!("p{n}")).collect();
        let all = [
            version(2, Value::Null, many),
            version(1, json!("2026-03-02T10:00:00Z"), vec!["load".to_owned(), "noop".to_owned()]),
        ];
        let shown = versions(&view(), &all);
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert!(lines[1].starts_with("2               2026-03-01 12:00:00+02:00 me -"), "{shown}");
        assert!(lines[1].contains(" 40: p0 p1") && lines[1].ends_with('…'), "{shown}");
        let restored = "1       current 2026-03-01 12:00:00+02:00 me 2026-03-02 12:00:00+02:00 by ops 0123456789ab 2: load noop";
        assert_eq!(lines[2], restored, "{shown}");
    }
}
