//! A project as a whole: its settings and packages, and everything about them that can be checked
//! before running. Pure; the files come from [`crate::folder`] or [`crate::bundle`].

use std::collections::BTreeMap;

use crate::diagnostics::{Diagnostics, Problem};
use crate::files::ProjectFiles;
use crate::model::{Connection, Package, Parameter};
use crate::reader::{self, Surroundings};
use crate::siblings::Siblings;

/// The file with the project's settings.
pub const SETTINGS_FILE: &str = "project.toml";
/// The folder with the packages.
pub const PACKAGES_FOLDER: &str = "packages";
/// Most packages in a project.
pub const PACKAGES_MAX: usize = 1_000;

/// A checked project.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// What `project.toml` says.
    pub settings: ProjectSettings,
    /// The packages, by name.
    pub packages: BTreeMap<String, Package>,
}

/// What `project.toml` says. The default is that of a package file that stands alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProjectSettings {
    /// The project's name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Parameters shared by its packages, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Connections shared by its packages, by name.
    pub connections: BTreeMap<String, Connection>,
}

impl Project {
    /// Reads and checks every file of a project.
    ///
    /// # Errors
    /// All that is wrong in any of its files; also if there is no `project.toml` or no package.
    pub fn check(files: &ProjectFiles) -> Result<Project, Diagnostics> {
        let mut problems = Vec::new();
        let settings = read_settings(files, &mut problems);
        let found = package_files(files, &mut problems);
        let siblings = Siblings::gather(found.iter().map(|(_, name)| *name), &mut |name| {
            files.get(&path_of(name)).map(|file| file.bytes.clone())
        });
        let around = Surroundings { settings: &settings, files: Some(files), siblings: Some(&siblings) };
        let mut packages = BTreeMap::new();
        for (path, name) in found {
            let bytes = &files.get(path).expect("the path comes from these files").bytes;
            match reader::read_package(name, path, bytes, &around) {
                Ok(package) => {
                    packages.insert(name.to_owned(), package);
                }
                Err(diagnostics) => problems.extend(diagnostics.into_problems()),
            }
        }
        Diagnostics::unless_clean(Project { settings, packages }, problems)
    }
}

impl ProjectSettings {
    /// The connection that a task of `package` means by `name`: the package's, else the project's.
    pub fn connection<'a>(&'a self, package: &'a Package, name: &str) -> Option<&'a Connection> {
        package.connections.get(name).or_else(|| self.connections.get(name))
    }
}

/// A package with all that it runs, and what those run.
#[derive(Debug, Clone, PartialEq)]
pub struct WithCalled {
    /// The package itself.
    pub package: Package,
    /// The others, by name.
    pub called: BTreeMap<String, Package>,
}

/// Reads one package of a project, and those that it runs. `path` is what messages call its file, `files` are those of
/// the project if they are known, and `read` gives the text of another package's file, [`path_of`] its name.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn read_with_called(
    name: &str,
    (path, bytes): (&str, &[u8]),
    settings: &ProjectSettings,
    files: Option<&ProjectFiles>,
    read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Result<WithCalled, Diagnostics> {
    let mut text_of = |one: &str| if one == name { Some(bytes.to_vec()) } else { read(one) };
    let siblings = Siblings::gather([name], &mut text_of);
    let around = Surroundings { settings, files, siblings: Some(&siblings) };
    let mut problems = Vec::new();
    let mut called = BTreeMap::new();
    for other in siblings.names().filter(|other| *other != name) {
        let Some(bytes) = text_of(other) else { continue };
        match reader::read_package(other, &path_of(other), &bytes, &around) {
            Ok(package) => {
                called.insert(other.to_owned(), package);
            }
            Err(diagnostics) => problems.extend(diagnostics.into_problems()),
        }
    }
    match reader::read_package(name, path, bytes, &around) {
        Ok(package) => Diagnostics::unless_clean(WithCalled { package, called }, problems),
        Err(diagnostics) if problems.is_empty() => Err(diagnostics),
        Err(diagnostics) => {
            problems.extend(diagnostics.into_problems());
            Diagnostics::unless_clean((), problems).map(|()| unreachable!("there are problems"))
        }
    }
}

/// Where the file of the package `name` is in a project.
pub fn path_of(name: &str) -> String {
    format!("{PACKAGES_FOLDER}/{name}.toml")
}

fn read_settings(files: &ProjectFiles, problems: &mut Vec<Problem>) -> ProjectSettings {
    let Some(file) = files.get(SETTINGS_FILE) else {
        let problem = Problem::of_file(SETTINGS_FILE, 0, "the project folder has no project.toml")
            .with_help("a project is a folder with project.toml and packages/*.toml");
        problems.push(problem);
        return ProjectSettings::default();
    };
    // What can be read of it still serves the packages, lest one fault makes a hundred.
    let (settings, found) = reader::settings_and_problems(SETTINGS_FILE, &file.bytes);
    problems.extend(found);
    settings
}

/// The paths and names of the package files.
fn package_files<'a>(files: &'a ProjectFiles, problems: &mut Vec<Problem>) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for path in files.paths() {
        let Some(inside) = path.strip_prefix(PACKAGES_FOLDER).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        match inside.strip_suffix(".toml") {
            Some(name) if name.contains('/') => {
                problems.push(
                    Problem::of_file(path, 0, "packages stand in the folder packages/ itself")
                        .with_help("move it up, or out of packages/ if it is not a package"),
                );
            }
            Some(name) => found.push((path, name)),
            None => {}
        }
    }
    if found.is_empty() {
        let problem = Problem::of_file(PACKAGES_FOLDER, 0, "the project has no packages")
            .with_help("a package is a file packages/NAME.toml; one without tasks is valid");
        problems.push(problem);
    }
    if found.len() > PACKAGES_MAX {
        let message = format!("the project has {} packages; at most {PACKAGES_MAX} are allowed", found.len());
        problems.push(Problem::of_file(PACKAGES_FOLDER, 0, message));
        found.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::FileContent;
    use crate::manifest::ProjectManifest;

    fn files(entries: &[(&str, &str)]) -> ProjectFiles {
        let mut files = ProjectFiles::new();
        for (path, text) in entries {
            let content = FileContent { bytes: text.as_bytes().to_vec(), executable: path.ends_with(".sh") };
            files.insert(path, content).unwrap();
        }
        files
    }

    fn problems(entries: &[(&str, &str)]) -> String {
        match Project::check(&files(entries)) {
            Ok(_) => "none".to_owned(),
            Err(diagnostics) => diagnostics.to_string(),
        }
    }

    #[test]
    fn every_problem_of_every_file_is_told() {
        let settings = "name = \"shop\"\nowner = \"me\"\n[parameters.url]\ntype = \"string\"\n";
        let found = problems(&[
            ("project.toml", settings),
            (
                "packages/b.toml",
                "[tasks.a]\nkind = \"process\"\ncommand = [\"./x.sh\", \"{{ @[$Project::url] }}\"]\n",
            ),
            ("packages/a.toml", "colour = 1\n"),
            ("packages/inner/c.toml", ""),
            ("packages/notes.txt", "not a package"),
        ]);
        assert_eq!(
            found,
            "packages/a.toml:1:1: unknown key `colour` in this file \
             (known: description, run-as, parameters, max-concurrent, variables, connections, transaction, isolation, maximum-errors, disable-event-handlers, on-error, on-warning, on-pre-execute, on-post-execute, on-task-failed, on-variable-changed, tasks)\n\
             packages/b.toml:3:12: the program \"./x.sh\" is not among the project's files \
             (processes start in the project folder: paths are relative to it)\n\
             packages/inner/c.toml: packages stand in the folder packages/ itself \
             (move it up, or out of packages/ if it is not a package)\n\
             project.toml:2:1: unknown key `owner` in this file \
             (known: name, description, parameters, connections)"
        );
    }

    #[test]
    fn a_folder_without_project_or_packages_is_none() {
        assert_eq!(
            problems(&[("readme", "")]),
            "packages: the project has no packages \
             (a package is a file packages/NAME.toml; one without tasks is valid)\n\
             project.toml: the project folder has no project.toml \
             (a project is a folder with project.toml and packages/*.toml)"
        );
        assert_eq!(
            problems(&[("project.toml", "name = \"p\""), ("packages/.toml", "")]),
            "packages/.toml: package: a name must have 1 to 128 characters, found 0 \
             (a package is called as its file, without .toml: rename it)"
        );
    }

    #[test]
    fn what_the_catalog_would_not_name_is_refused_here() {
        let found = problems(&[("project.toml", "name = \"@daily\""), ("packages/@load.toml", "")]);
        assert_eq!(
            found,
            "packages/@load.toml: package: name \"@load\" begins with '@', which marks a variable \
             (a package is called as its file, without .toml: rename it)\n\
             project.toml:1:8: project: name \"@daily\" begins with '@', which marks a variable"
        );
        let long = format!("name = \"{}\"", "x".repeat(129));
        assert!(problems(&[("project.toml", &long), ("packages/a.toml", "")]).contains("found 129"));
    }

    #[test]
    fn the_manifest_keeps_what_enqueue_needs() {
        let project = Project::check(&files(&[
            ("project.toml", "name = \"shop\"\n[parameters.url]\ntype = \"string\"\nsensitive = true\n"),
            ("packages/load.toml", "[parameters.rate]\ntype = \"decimal\"\ndefault = \"1.50\"\n"),
        ]));
        let manifest = ProjectManifest::from(&project.unwrap());
        let json = serde_json::to_value(&manifest).unwrap();
        assert_eq!(json["parameters"]["url"]["sensitive"], true);
        assert_eq!(json["packages"]["load"]["parameters"]["rate"]["default"], "1.50");
        assert_eq!(serde_json::from_value::<ProjectManifest>(json).unwrap(), manifest);
    }
}
