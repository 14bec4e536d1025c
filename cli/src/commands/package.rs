//! `scaleout package`: what needs no server.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use scaleout_package::diagnostics::{Diagnostics, Problem};
use scaleout_package::project::{ProjectSettings, SETTINGS_FILE, path_of, read_with_called};
use scaleout_package::reader::{self, FILE_BYTES_MAX, Surroundings};
use scaleout_package::{ProjectFiles, folder, schema};
use serde::Serialize;

use super::{Context, package_run};
use crate::exit::{Exit, Failure};
use crate::output::{Format, say};

/// Packages on this machine, without a server
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  scaleout package check examples/nyc-flights
  scaleout package run examples/hello/packages/hello.toml --set name=Ada")]
pub(crate) enum Package {
    /// Checks package files and project folders; exits 2 if something is wrong
    #[command(after_help = "\
Examples:
  scaleout package check examples/nyc-flights
  scaleout package check examples/hello/packages/hello.toml --format json

With --format json, one object per file or folder with: path, ok, packages, problems.")]
    Check(Check),
    /// Runs one package here as a worker would; exits 1 if it fails
    #[command(after_help = "\
Examples:
  scaleout package run examples/hello/packages/hello.toml --set name=Ada
  scaleout package run examples/nyc-flights/packages/report.toml --project-set late_minutes=30

What its programs print to stdout comes on standard output, everything else on standard error.")]
    Run(package_run::Run),
    /// Prints a JSON Schema of package files, for editors
    #[command(after_help = "\
Examples:
  scaleout package schema > package.schema.json
  scaleout package schema --project > project.schema.json

An editor that knows TOML schemas (Even Better TOML, taplo) takes it from a first line in the file: \
#:schema ../package.schema.json")]
    Schema(Schema),
}

/// Which schema.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// That of project.toml
    #[arg(long)]
    project: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Package files, and project folders
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
}

pub(crate) async fn run(context: &Context, arguments: Package) -> Result<Exit, Failure> {
    match arguments {
        Package::Check(Check { paths }) => check(context, &paths),
        Package::Run(wanted) => package_run::run(context, wanted).await,
        Package::Schema(Schema { project }) => {
            let schema = if project { schema::project() } else { schema::package() };
            context.output.one(&schema, |schema| format!("{schema:#}\n"))?;
            Ok(Exit::Done)
        }
    }
}

/// A package file read together with its project, if it has one.
pub(super) struct Found {
    /// Where its processes start: the project's folder, or the file's.
    pub(super) folder: PathBuf,
    pub(super) settings: ProjectSettings,
    pub(super) package: scaleout_package::Package,
    /// The packages that it runs, and those that they run.
    pub(super) called: BTreeMap<String, scaleout_package::Package>,
}

/// Reads the package file at `path`; a `project.toml` around it is read with it.
///
/// # Errors
/// The outer for a file that cannot be read, the inner for all that is wrong in it.
pub(super) fn find(path: &Path) -> Result<Result<Found, Diagnostics>, Failure> {
    let (name, bytes) = read_file(path)?;
    let shown = path.display().to_string();
    let Some(project) = folder::project_of(path) else {
        let settings = ProjectSettings::default();
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let around = Surroundings { settings: &settings, files: None, siblings: None };
        let read = reader::read_package(&name, &shown, &bytes, &around);
        let called = BTreeMap::new();
        return Ok(read.map(|package| Found { folder: folder.to_owned(), settings, package, called }));
    };
    let files = read_folder(&project)?;
    let settings = files.get(SETTINGS_FILE).map(|file| reader::read_settings(SETTINGS_FILE, &file.bytes));
    let settings = match settings.transpose() {
        Ok(settings) => settings.unwrap_or_default(),
        Err(diagnostics) => return Ok(Err(diagnostics)),
    };
    let mut other = |name: &str| files.get(&path_of(name)).map(|file| file.bytes.clone());
    let read = read_with_called(&name, (&shown, &bytes), &settings, Some(&files), &mut other);
    Ok(read.map(|read| Found { folder: project, settings, package: read.package, called: read.called }))
}

/// Shows what is wrong: as pictures of the places for people, as plain lines when no one sees them.
pub(super) fn show_problems(
    context: &Context,
    path: &Path,
    diagnostics: &Diagnostics,
) -> Result<(), Failure> {
    if context.output.format == Format::Json {
        return context.output.one(&Checked::bad(path, diagnostics), |_| String::new());
    }
    let is_terminal = std::io::stderr().is_terminal();
    say(&if is_terminal { diagnostics.picture(true) } else { diagnostics.to_string() });
    Ok(())
}

/// What was found of one file or folder.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    path: String,
    ok: bool,
    packages: Vec<String>,
    problems: &'a [Problem],
}

impl<'a> Checked<'a> {
    fn bad(path: &Path, diagnostics: &'a Diagnostics) -> Self {
        let path = path.display().to_string();
        Self { path, ok: false, packages: Vec::new(), problems: diagnostics.problems() }
    }
}

fn check(context: &Context, paths: &[PathBuf]) -> Result<Exit, Failure> {
    let mut problems = 0;
    for path in paths {
        match packages(path)? {
            Ok(packages) => {
                let good = Checked { path: path.display().to_string(), ok: true, packages, problems: &[] };
                context
                    .output
                    .one(&good, |good| format!("{}: ok ({})\n", good.path, good.packages.join(", ")))?;
            }
            Err(diagnostics) => {
                problems += diagnostics.problems().len();
                show_problems(context, path, &diagnostics)?;
            }
        }
    }
    match problems {
        0 => Ok(Exit::Done),
        1 => Err(Failure::usage("found 1 problem")),
        count => Err(Failure::usage(format!("found {count} problems"))),
    }
}

/// The names of the packages in a file or project folder.
fn packages(path: &Path) -> Result<Result<Vec<String>, Diagnostics>, Failure> {
    if !path.is_dir() {
        return Ok(find(path)?.map(|found| vec![found.package.name]));
    }
    let project = scaleout_package::Project::check(&read_folder(path)?);
    Ok(project.map(|project| project.packages.into_keys().collect()))
}

fn read_folder(path: &Path) -> Result<ProjectFiles, Failure> {
    folder::read(path)
        .map_err(|error| Failure::usage(format!("cannot read the project {}: {error}", path.display())))
}

/// The package's name and the file's bytes.
fn read_file(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let shown = path.display();
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".toml"));
    let Some(name) = name else {
        return Err(Failure::usage(format!("{shown} is no package file: its name must end with .toml")));
    };
    let cannot = |error: std::io::Error| Failure::usage(format!("cannot read the package {shown}: {error}"));
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > FILE_BYTES_MAX as u64 {
        return Err(Failure::usage(format!(
            "{shown} has {length} bytes; a package has at most {FILE_BYTES_MAX}"
        )));
    }
    Ok((name.to_owned(), std::fs::read(path).map_err(cannot)?))
}
