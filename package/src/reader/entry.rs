//! The reader's entry points: one package file, or `project.toml`.

use std::collections::BTreeMap;

use scaleout_common::names::Name;
use toml::de::DeTable;

use crate::diagnostics::{Diagnostics, Problem, Source};
use crate::files::ProjectFiles;
use crate::model::{Container, Handlers, Package, TaskPath};
use crate::project::ProjectSettings;
use crate::property::Property;
use crate::siblings::Siblings;

use super::child::Caller;
use super::declare;
use super::names::{NameScope, Names};
use super::report::Report;
use super::table::Table;
use super::tasks::TaskReader;
use super::transactions;

/// Largest package or settings file, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most tasks of a package, those inside containers included.
pub const TASKS_MAX: usize = 10_000;
/// Deepest nesting of containers, the package included.
pub const NESTING_MAX: usize = 32;

const RENAME_FILE: &str = "a package is called as its file, without .toml: rename it";

/// What a package is read within.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The project's settings; the default if the file stands alone.
    pub settings: &'a ProjectSettings,
    /// The project's files, to check the programs that tasks start; `None` if they are not known.
    pub files: Option<&'a ProjectFiles>,
    /// The packages of the project, which tasks may run; `None` if the file stands alone.
    pub siblings: Option<&'a Siblings>,
}

/// Reads one package. `path` is what messages call the file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_package(
    name: &str,
    path: &str,
    bytes: &[u8],
    around: &Surroundings<'_>,
) -> Result<Package, Diagnostics> {
    let source = source(path, bytes).map_err(Diagnostics::one)?;
    let mut report = Report::new(source.clone());
    let package = with_table(&source, &mut report, |table, report| package(name, table, around, report));
    let package = package.unwrap_or_else(|| Package {
        name: name.to_owned(),
        description: Property::default(),
        run_as: None,
        max_concurrent: None,
        parameters: BTreeMap::new(),
        variables: BTreeMap::new(),
        connections: BTreeMap::new(),
        transaction: None,
        maximum_errors: Property::default(),
        root: Container::default(),
        handlers: Handlers::default(),
    });
    let mut problems = report.into_problems();
    if let Err(error) = Name::new(name) {
        problems.push(Problem::of_file(path, 0, format!("package: {error}")).with_help(RENAME_FILE));
    }
    Diagnostics::unless_clean(package, problems)
}

/// Reads `project.toml`. `path` is what messages call the file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_settings(path: &str, bytes: &[u8]) -> Result<ProjectSettings, Diagnostics> {
    let (settings, problems) = settings_and_problems(path, bytes);
    Diagnostics::unless_clean(settings, problems)
}

/// Reads `project.toml` as far as it can be read.
pub(crate) fn settings_and_problems(path: &str, bytes: &[u8]) -> (ProjectSettings, Vec<Problem>) {
    let source = match source(path, bytes) {
        Ok(source) => source,
        Err(problem) => return (ProjectSettings::default(), vec![problem]),
    };
    let mut report = Report::new(source.clone());
    let settings = with_table(&source, &mut report, settings).unwrap_or_default();
    (settings, report.into_problems())
}

fn package(name: &str, table: &mut Table<'_>, around: &Surroundings<'_>, report: &mut Report) -> Package {
    let description = table.take("description");
    let run_as = declare::run_as(table, report);
    let parameters = declare::parameters(table, report);
    let no_connections = BTreeMap::new();
    let names = Names {
        parameters: &parameters,
        scopes: Vec::new(),
        connections: &no_connections,
        project: around.settings,
        files: around.files,
        caller: Caller { name, run_as: run_as.as_deref(), siblings: around.siblings },
    };
    // Before its variables are there.
    let max_concurrent = names.property(table, "max-concurrent", report);
    let variables = declare::variables(table, &names, report);
    let names = Names { scopes: vec![NameScope { variables: variables.clone(), at_once: None }], ..names };
    let connections = declare::connections(table.take("connections"), &names, report);
    let names = Names { connections: &connections, ..names };
    let description = description.map(|item| names.description(&item, report)).unwrap_or_default();
    let said = transactions::Said::read(&names, table, report);
    let maximum_errors = names.property(table, "maximum-errors", report).unwrap_or_default();
    let transaction = transactions::of_package(&said);
    let mut reader = TaskReader { names, count: 0, at_once: 1, transaction };
    let handlers = reader.handlers(table, &TaskPath::package(), report);
    let root = reader.container(table, &TaskPath::package(), report);
    let transaction = transactions::begun(said, reader.transaction);
    let name = name.to_owned();
    Package {
        name,
        description,
        run_as,
        max_concurrent,
        transaction,
        maximum_errors,
        root,
        handlers,
        connections,
        parameters,
        variables,
    }
}

fn settings(table: &mut Table<'_>, report: &mut Report) -> ProjectSettings {
    let name = table.require("name", "the project", report).and_then(|item| {
        let name = item.string(report)?;
        if let Err(error) = Name::new(name) {
            report.add(item.span(), format!("project: {error}"));
        }
        Some(name.to_owned())
    });
    let mut settings = ProjectSettings {
        name: name.unwrap_or_default(),
        description: declare::description(table, report),
        parameters: declare::parameters(table, report),
        connections: BTreeMap::new(),
    };
    let (connections, parameters) = (BTreeMap::new(), BTreeMap::new());
    let names = Names {
        parameters: &parameters,
        scopes: Vec::new(),
        connections: &connections,
        project: &settings,
        files: None,
        caller: Caller::default(),
    };
    settings.connections = declare::connections(table.take("connections"), &names, report);
    settings
}

/// Parses the text and reads its root table; tells TOML's own errors, and then nothing else.
fn with_table<T>(
    source: &Source,
    report: &mut Report,
    read: impl FnOnce(&mut Table<'_>, &mut Report) -> T,
) -> Option<T> {
    let (root, errors) = DeTable::parse_recoverable(source.text());
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        // The parser's messages may have several lines; ours have one.
        let mut message = error.message().trim().replace('\n', ", ");
        if message == "duplicate key" {
            let key = source.text().get(span.clone()).unwrap_or_default();
            message = format!("`{key}` is there twice");
        }
        report.add(span, message);
    }
    if !errors.is_empty() {
        return None;
    }
    let mut table = Table::new(root.get_ref(), 0..0);
    let value = read(&mut table, report);
    table.finish("this file", &[], report);
    Some(value)
}

pub(super) fn source(path: &str, bytes: &[u8]) -> Result<Source, Problem> {
    if bytes.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; at most 1 MiB is allowed", bytes.len());
        return Err(Problem::of_file(path, 0, message));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(path, text)),
        Err(error) => {
            let at = error.valid_up_to();
            let valid = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let message = format!("the file is not UTF-8: byte 0x{:02x} at offset {at}", bytes[at]);
            let problem = Source::new(path, valid).problem(at..at, message);
            Err(problem.with_help("save it as UTF-8"))
        }
    }
}
