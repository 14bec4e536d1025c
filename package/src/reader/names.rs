//! The names that references in a file may use, and the check that they do.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::binding;
use crate::expression::{self, ExpressionError, Name, Parsed, Type, UnknownName};
use crate::files::ProjectFiles;
use crate::model::{Connection, Operand, Parameter, Variable};
use crate::project::ProjectSettings;
use crate::reference::Reference;
use crate::template::Template;
use crate::value::DataType;

use super::child::Caller;
use super::report::{Report, known_words};
use super::table::Item;

/// The variables of one package, container or task.
#[derive(Default)]
pub(super) struct NameScope {
    pub(super) variables: BTreeMap<String, Variable>,
    /// The loop that these belong to, if its iterations run at the same time: what is outside cannot be written then.
    pub(super) at_once: Option<String>,
}

/// What a name was declared as.
struct Declared {
    data_type: DataType,
    sensitive: bool,
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
    /// The package itself, and those that it may run.
    pub(super) caller: Caller<'a>,
}

impl Names<'_> {
    /// Reads the string `item` as a template and checks its expressions.
    pub(super) fn template(&self, item: &Item<'_>, report: &mut Report) -> Template {
        let Some(text) = item.string(report) else { return Template::default() };
        if let Some(at) = text.find('\0') {
            let span = report.inside_string(item.span(), text, at);
            report.add(span, format!("`{}` holds a NUL character", item.key));
        }
        if report.is_full() {
            return Template::literal(text);
        }
        let (template, errors) = Template::read(text, &mut |parsed| self.operand(parsed));
        for error in errors {
            report.expression(item.span(), text, error);
        }
        template
    }

    /// Whether the project has files in the folder `path`, which is relative to it; true if its files are not known.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.split('/').filter(|segment| !matches!(*segment, "" | ".")).collect();
        let start: String = segments.iter().map(|segment| format!("{segment}/")).collect();
        self.files.is_none_or(|files| files.paths().any(|path| path.starts_with(&start)))
    }

    /// The innermost variable called `name`.
    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.scopes.iter().rev().find_map(|scope| scope.variables.get(name))
    }

    pub(super) fn variable_names(&self) -> impl Iterator<Item = &String> {
        let all = self.scopes.iter().flat_map(|scope| scope.variables.keys());
        all.filter(|name| !name.contains("::"))
    }

    /// What values of variables may use: everything here but the variables themselves.
    pub(super) fn without_variables(&self) -> Names<'_> {
        Names { scopes: Vec::new(), ..*self }
    }

    /// Checks an expression with what is declared here.
    pub(super) fn operand(&self, parsed: &Parsed) -> Result<Operand, ExpressionError> {
        Operand::check(parsed, self, &Composed(self))
    }

    /// Reads the expression that `item` is as a value of `data_type`.
    pub(super) fn typed(
        &self,
        item: &Item<'_>,
        text: &str,
        data_type: DataType,
        report: &mut Report,
    ) -> Option<Operand> {
        // What has no such type has no expressions, which was reported.
        let target = binding::type_of(data_type).filter(|_| !report.is_full())?;
        let read = Parsed::read(text).and_then(|parsed| self.check_shown(&parsed, target));
        read.map_err(|error| report.expression(item.span(), text, error)).ok()
    }

    /// Checks an expression whose value of `target` goes into a variable or property. None takes what is sensitive: what is
    /// made of it later could not be masked.
    pub(super) fn check_shown(&self, parsed: &Parsed, target: Type) -> Result<Operand, ExpressionError> {
        let reference = parsed.as_name().and_then(|name| Reference::from_name(name).ok());
        match reference.filter(|reference| self.is_sensitive(reference)) {
            Some(reference) => Err(ExpressionError::of(
                0..0,
                &format!("{reference} is sensitive, and would be shown"),
                "logs show variables and properties, and what is made of them",
            )),
            None => Operand::check_as(parsed, self, &Shown(self), target),
        }
    }

    /// Whether `reference` means a sensitive parameter.
    pub(super) fn is_sensitive(&self, reference: &Reference) -> bool {
        self.declared(reference).is_some_and(|declared| declared.sensitive)
    }

    /// The type of what `reference` means.
    pub(super) fn type_of_reference(&self, reference: &Reference) -> Option<DataType> {
        self.declared(reference).map(|declared| declared.data_type)
    }

    fn declared(&self, reference: &Reference) -> Option<Declared> {
        let parameter = |parameters: &BTreeMap<String, Parameter>, name: &str| {
            parameters.get(name).map(|p| Declared { data_type: p.data_type, sensitive: p.sensitive })
        };
        let variable =
            |name: &str| self.variable(name).map(|v| Declared { data_type: v.data_type, sensitive: false });
        match reference {
            Reference::Bare(name) => variable(name).or_else(|| parameter(self.parameters, name)),
            Reference::User(name) => variable(name),
            Reference::Package(name) => parameter(self.parameters, name),
            Reference::Project(name) => parameter(&self.project.parameters, name),
            Reference::System(known) if known.events().is_empty() => {
                Some(Declared { data_type: known.data_type(), sensitive: false })
            }
            Reference::System(of_event) => variable(of_event.key()),
        }
    }

    /// What to say of `reference`, which names nothing.
    pub(super) fn unknown(&self, reference: &Reference) -> UnknownName {
        let variables = self.variable_names();
        let (name, known): (&str, Vec<&String>) = match reference {
            Reference::Bare(name) => (name, variables.chain(self.parameters.keys()).collect()),
            Reference::User(name) => (name, variables.collect()),
            Reference::Package(name) => (name, self.parameters.keys().collect()),
            Reference::Project(name) => (name, self.project.parameters.keys().collect()),
            Reference::System(variable) => (variable.name(), Vec::new()),
        };
        if let Reference::System(of_event) = reference {
            let handlers: Vec<&str> = of_event.events().iter().map(|event| event.key()).collect();
            let help = format!("the handlers that know it are {}", handlers.join(", "));
            return UnknownName { message: format!("{reference} is not known here"), help: Some(help) };
        }
        let help = match self.elsewhere(name) {
            Some(right) => Some(format!("write {right}")),
            None => known_words(name, &known.into_iter().map(String::as_str).collect::<Vec<_>>()),
        };
        UnknownName { message: format!("{reference} is not known here"), help }
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

impl expression::Names for Names<'_> {
    fn type_of(&self, name: &Name) -> Result<Type, UnknownName> {
        let reference = Reference::from_name(name)?;
        match self.declared(&reference) {
            Some(declared) => binding::type_of(declared.data_type).ok_or_else(|| UnknownName {
                message: format!("{reference} holds rows, which no expression or text takes"),
                help: Some("go over them with a foreach: rows = its name".to_owned()),
            }),
            None => Err(self.unknown(&reference)),
        }
    }
}

/// The names that expressions of more than one name may use: without the sensitive ones. Logs are searched for secrets
/// as they are, and what an expression makes of one would not be found.
struct Composed<'n, 'a>(&'n Names<'a>);

impl expression::Names for Composed<'_, '_> {
    fn type_of(&self, name: &Name) -> Result<Type, UnknownName> {
        self.0.type_unless_sensitive(name, |reference| format!("let it stand alone: {{{{ {reference} }}}}"))
    }
}

/// The names that expressions may use whose values logs show: without the sensitive ones, which cannot even stand alone.
struct Shown<'n, 'a>(&'n Names<'a>);

impl expression::Names for Shown<'_, '_> {
    fn type_of(&self, name: &Name) -> Result<Type, UnknownName> {
        let help = "only texts with {{ }} and `arguments` take it, standing alone";
        self.0.type_unless_sensitive(name, |_| help.to_owned())
    }
}

impl Names<'_> {
    fn type_unless_sensitive(
        &self,
        name: &Name,
        help: impl Fn(&Reference) -> String,
    ) -> Result<Type, UnknownName> {
        let data_type = expression::Names::type_of(self, name)?;
        let reference = Reference::from_name(name)?;
        if !self.is_sensitive(&reference) {
            return Ok(data_type);
        }
        Err(UnknownName {
            message: format!(
                "{reference} is sensitive, and what an expression makes of it could not be masked"
            ),
            help: Some(help(&reference)),
        })
    }
}
