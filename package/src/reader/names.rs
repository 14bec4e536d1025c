//! The names that references in a file may use, and the check that they do.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::files::ProjectFiles;
use crate::model::{Connection, Parameter, Variable};
use crate::project::ProjectSettings;
use crate::reference::{Reference, SystemVariable};
use crate::template::Template;
use crate::value::DataType;

use super::report::Report;
use super::table::Item;

/// The variables of one package, container or task.
#[derive(Default)]
pub(super) struct NameScope {
    pub(super) variables: BTreeMap<String, Variable>,
    /// The loop that these belong to, if its iterations run at the same time: what is outside cannot be written then.
    pub(super) at_once: Option<String>,
}

/// What is declared around the text that is read.
pub(super) struct Names<'a> {
    pub(super) parameters: &'a BTreeMap<String, Parameter>,
    /// Variables: the package's, then those of each container and task inwards.
    pub(super) scopes: Vec<NameScope>,
    pub(super) connections: &'a BTreeMap<String, Connection>,
    pub(super) project: &'a ProjectSettings,
    /// The project's files, if they are known.
    pub(super) files: Option<&'a ProjectFiles>,
}

impl Names<'_> {
    /// Reads the string `item` as a template and checks its references.
    pub(super) fn template(&self, item: &Item<'_>, report: &mut Report) -> Template {
        let Some(text) = item.string(report) else { return Template::default() };
        if let Some(at) = text.find('\0') {
            let span = report.inside_string(item.span(), text, at);
            report.add(span, format!("`{}` holds a NUL character", item.key));
        }
        match Template::parse_with_places(text) {
            Ok((template, places)) => {
                let named = template.references().zip(places);
                for (reference, at) in named.filter(|(reference, _)| !self.knows(reference)) {
                    let span = report.inside_string(item.span(), text, at);
                    self.unknown(reference, span, report);
                }
                template
            }
            Err(error) => {
                report.reference(item.span(), text, error);
                Template::default()
            }
        }
    }

    /// Whether the project has files in the folder `path`, which is relative to it; true if its files are not known.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
        let start: String = segments.iter().map(|segment| format!("{segment}/")).collect();
        self.files.is_none_or(|files| files.paths().any(|path| path.starts_with(&start)))
    }

    /// Whether `reference` names something.
    pub(super) fn knows(&self, reference: &Reference) -> bool {
        match reference {
            Reference::Bare(name) => self.variable(name).is_some() || self.parameters.contains_key(name),
            Reference::User(name) => self.variable(name).is_some(),
            Reference::Package(name) => self.parameters.contains_key(name),
            Reference::Project(name) => self.project.parameters.contains_key(name),
            Reference::System(_) => true,
        }
    }

    /// The innermost variable called `name`.
    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.scopes.iter().rev().find_map(|scope| scope.variables.get(name))
    }

    /// The type of what `reference` names, if it names something.
    pub(super) fn type_of(&self, reference: &Reference) -> Option<DataType> {
        let parameter = |name| self.parameters.get(name).map(|parameter| parameter.data_type);
        let variable = |name| self.variable(name).map(|variable| variable.data_type);
        match reference {
            Reference::Bare(name) => variable(name).or_else(|| parameter(name)),
            Reference::User(name) => variable(name),
            Reference::Package(name) => parameter(name),
            Reference::Project(name) => {
                self.project.parameters.get(name).map(|parameter| parameter.data_type)
            }
            Reference::System(SystemVariable::Attempt) => Some(DataType::Int64),
            Reference::System(SystemVariable::StartTime) => Some(DataType::Timestamp),
            Reference::System(_) => Some(DataType::String),
        }
    }

    pub(super) fn variable_names(&self) -> impl Iterator<Item = &String> {
        self.scopes.iter().flat_map(|scope| scope.variables.keys())
    }

    /// Reports `reference`, which names nothing.
    pub(super) fn unknown(&self, reference: &Reference, span: Range<usize>, report: &mut Report) {
        let variables = self.variable_names();
        let (name, known): (&str, Vec<&String>) = match reference {
            Reference::Bare(name) => (name, variables.chain(self.parameters.keys()).collect()),
            Reference::User(name) => (name, variables.collect()),
            Reference::Package(name) => (name, self.parameters.keys().collect()),
            Reference::Project(name) => (name, self.project.parameters.keys().collect()),
            Reference::System(variable) => (variable.name(), Vec::new()),
        };
        let message = format!("{reference} is not known here");
        match self.elsewhere(name) {
            Some(right) => report.add_with_help(span, message, format!("write {right}")),
            None => {
                let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
                report.unknown_word(span, message, name, &known);
            }
        }
    }

    /// Reports a connection that is neither the package's nor the project's.
    pub(super) fn check_connection(&self, name: &str, span: Range<usize>, report: &mut Report) {
        let known: Vec<&str> =
            self.connections.keys().chain(self.project.connections.keys()).map(String::as_str).collect();
        if !known.contains(&name) {
            report.unknown_word(span, format!("unknown connection `{name}`"), name, &known);
        }
    }

    /// The right reference to a name that was looked for in the wrong place.
    fn elsewhere(&self, name: &str) -> Option<Reference> {
        let name = name.to_owned();
        if self.variable(&name).is_some() {
            Some(Reference::User(name))
        } else if self.parameters.contains_key(&name) {
            Some(Reference::Package(name))
        } else if self.project.parameters.contains_key(&name) {
            Some(Reference::Project(name))
        } else {
            None
        }
    }
}
