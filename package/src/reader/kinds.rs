//! Reads what only one kind of task has.

use toml::de::DeValue;

use crate::expression::Parsed;
use crate::files::ProjectFiles;
use crate::model::{ExitCode, Operand, Process};
use crate::property::Property;
use crate::template::Template;
use crate::value::{DataType, Value};

use super::names::Names;
use super::report::Report;
use super::table::{Item, Table, integer};

/// The kinds that this version runs.
pub(super) const KINDS: [&str; 9] =
    ["process", "sql", "file", "http", "package", "expression", "sequence", "for", "foreach"];

/// Most words of a command, environment variables or bound arguments, each.
pub(super) const ENTRIES_MAX: usize = 1_000;

/// What the runtime sets itself in every process's environment begins so.
const RESERVED_PREFIX: &str = "SCALEOUT_";

pub(super) fn process(names: &Names<'_>, table: &mut Table<'_>, what: &str, report: &mut Report) -> Process {
    let item = table.require("command", what, report);
    let command = item.map(|item| command(names, &item, report)).unwrap_or_default();
    let environment = table.take("environment").map(|item| environment(names, &item, report));
    let stdout = table.take("stdout").and_then(|item| names.target(&item, report));
    let stdin = table.take("stdin").map(|item| names.template(&item, report));
    let folder = table.take("folder").map(|item| folder(names, &item, report));
    let success = table.take("success-exit-codes").map(|item| exit_codes(names, &item, report));
    Process {
        command,
        environment: environment.unwrap_or_default(),
        stdin,
        folder,
        success_exit_codes: success.unwrap_or_else(|| vec![Property::default()]),
        stdout,
    }
}

fn command(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Vec<Template> {
    if let Some(text) = item.value().as_str() {
        let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
        report.add_with_help(
            item.span(),
            "`command` is a list of words, not a line for a shell",
            format!("write command = [{}]", words.join(", ")),
        );
        return Vec::new();
    }
    let Some(words) = item.elements(ENTRIES_MAX, report) else { return Vec::new() };
    let command: Vec<Template> = words.iter().map(|word| names.template(word, report)).collect();
    match (words.first(), command.first().and_then(Template::as_literal)) {
        (None, _) => report.add(item.span(), "`command` is empty: its first word is the program"),
        (Some(word), Some("")) if word.value().is_str() => {
            report.add(word.span(), "the first word of `command` is empty: it is the program");
        }
        (Some(word), Some(program)) => program_in_project(names.files, program, word, report),
        (Some(_), None) => {}
    }
    command
}

/// A program given by a relative path comes with the project, so it can be looked for now.
fn program_in_project(files: Option<&ProjectFiles>, program: &str, word: &Item<'_>, report: &mut Report) {
    let Some(files) = files.filter(|_| program.contains('/') && !program.starts_with('/')) else { return };
    let segments: Vec<&str> = program.split('/').filter(|s| !matches!(*s, "" | ".")).collect();
    let path = segments.join("/");
    match files.get(&path) {
        Some(file) if file.executable => {}
        Some(_) => report.add_with_help(
            word.span(),
            format!("the program {program:?} is not executable"),
            format!("chmod +x {path}"),
        ),
        None => {
            let message = format!("the program {program:?} is not among the project's files");
            match crate::nearest::suggest(&path, files.paths()) {
                Some(help) => report.add_with_help(word.span(), message, help),
                None => report.add_with_help(
                    word.span(),
                    message,
                    "processes start in the project folder: paths are relative to it",
                ),
            }
        }
    }
}

/// Reads the folder that a process starts in: of the project, or the work folder, whose place only the worker knows.
fn folder(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    const HELP: &str = "a process starts in a folder of the project, to which paths are relative, or in the work \
                        folder, {{ @[System::WorkDir] }}";
    let folder = names.template(item, report);
    let Some(text) = folder.as_literal().filter(|_| item.value().is_str()) else { return folder };
    if text.is_empty() || text.starts_with('/') || text.split('/').any(|segment| segment == "..") {
        report.add_with_help(item.span(), format!("a process cannot start in the folder {text:?}"), HELP);
    } else if !names.has_folder(text) {
        report.add_with_help(item.span(), format!("the project has no files in {text:?}"), HELP);
    }
    folder
}

fn exit_codes(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Vec<Property<ExitCode>> {
    let Some(elements) = item.elements(ENTRIES_MAX, report) else { return Vec::new() };
    if elements.is_empty() {
        report.add(item.span(), "`success-exit-codes` is empty: the task could never succeed");
    }
    elements.iter().filter_map(|element| names.property_of(element, report)).collect()
}

fn environment(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Vec<(String, Template)> {
    let entries = item.named_items(report);
    if entries.len() > ENTRIES_MAX {
        let message =
            format!("`environment` has {} entries; at most {ENTRIES_MAX} are allowed", entries.len());
        report.add(item.key_span.clone(), message);
        return Vec::new();
    }
    let read = |entry: Item<'_>| {
        if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
            let message = format!("{:?} cannot name an environment variable", entry.key);
            report.add(entry.key_span.clone(), message);
        }
        if entry.key.starts_with(RESERVED_PREFIX) {
            let message = format!("`{}`: names with {RESERVED_PREFIX} are set by the worker", entry.key);
            report.add(entry.key_span.clone(), message);
        }
        (entry.key.to_owned(), names.template(&entry, report))
    };
    entries.into_iter().map(read).collect()
}

/// Reads one bound argument: an expression, or a number or truth value of TOML.
pub(super) fn operand(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Operand> {
    let literal = match item.value() {
        DeValue::String(text) => return expression(names, item, text, report),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(number) => integer(number).map(Value::Int64),
        DeValue::Float(number) => Value::parse(DataType::Float64, number.as_str()).ok(),
        _ => None,
    };
    if literal.is_none() {
        item.wrong_type("expressions such as \"@day\", numbers, or true and false", report);
    }
    literal.map(Operand::Literal)
}

fn expression(names: &Names<'_>, item: &Item<'_>, text: &str, report: &mut Report) -> Option<Operand> {
    if report.is_full() {
        return None;
    }
    match Parsed::read(text).and_then(|parsed| names.operand(&parsed)) {
        Ok(operand) => Some(operand),
        Err(error) => {
            report.expression(item.span(), text, error);
            None
        }
    }
}
