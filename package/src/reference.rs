//! References to values: `@name`, `@[User::name]`, `@[$Package::name]`, `@[$Project::name]`,
//! `@[System::Name]`: what the names of an expression mean in a package. Pure; knows no values.

use std::fmt;

use scaleout_common::names::NAME_LENGTH_MAX;

use crate::expression::{Name, UnknownName};
use crate::model::Event;
use crate::value::DataType;

/// A reference to one value by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// `@name`: the innermost variable of that name, else the package parameter.
    Bare(String),
    /// `@[User::name]`: a variable.
    User(String),
    /// `@[$Package::name]`: a package parameter.
    Package(String),
    /// `@[$Project::name]`: a project parameter.
    Project(String),
    /// `@[System::Name]`: what the runtime knows.
    System(SystemVariable),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Bare(name) if is_plain_identifier(name) => write!(f, "@{name}"),
            Reference::Bare(name) => write!(f, "@[{name}]"),
            Reference::User(name) => write!(f, "@[User::{name}]"),
            Reference::Package(name) => write!(f, "@[$Package::{name}]"),
            Reference::Project(name) => write!(f, "@[$Project::{name}]"),
            Reference::System(variable) => write!(f, "@[System::{}]", variable.name()),
        }
    }
}

macro_rules! system_variables {
    ($($(#[$doc:meta])* $variant:ident,)*) => {
        /// The system variables that make sense here. Names as in SSIS where it has them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum SystemVariable { $($(#[$doc])* $variant,)* }

        impl SystemVariable {
            /// Every system variable.
            pub const ALL: &'static [SystemVariable] = &[$(SystemVariable::$variant,)*];

            /// The name behind `System::`.
            pub fn name(self) -> &'static str {
                match self { $(SystemVariable::$variant => stringify!($variant),)* }
            }

            /// What the frame of an event handler calls it. No variable of a package has a name with colons.
            pub fn key(self) -> &'static str {
                match self { $(SystemVariable::$variant => concat!("System::", stringify!($variant)),)* }
            }
        }
    };
}

system_variables! {
    /// String: the execution's id, a UUID.
    ExecutionId,
    /// Int64: the attempt, from 1.
    Attempt,
    /// String: the package's name.
    PackageName,
    /// String: the project's name.
    ProjectName,
    /// String: the catalog folder's name; empty under `package run`.
    FolderName,
    /// String: the name of the task that looks.
    TaskName,
    /// Timestamp: when this attempt of the package started.
    StartTime,
    /// String: the machine's host name.
    MachineName,
    /// String: the folder that the execution may write to.
    WorkDir,
    /// String, in event handlers: the error or warning, sensitive values masked.
    ErrorDescription,
    /// String, in event handlers: the name of what raised the event.
    SourceName,
    /// String, in event handlers: the description of what raised the event.
    SourceDescription,
    /// String, in event handlers: the path of what raised the event, iterations included.
    SourcePath,
    /// Bool, in event handlers, which may write it: whether the event goes on to what is around.
    Propagate,
    /// String, in handlers of `on-variable-changed`: the variable that was written.
    VariableName,
    /// String, in handlers of `on-variable-changed`: its new value as a text, or NULL.
    VariableValue,
}

impl SystemVariable {
    /// The type of its value.
    pub fn data_type(self) -> DataType {
        match self {
            SystemVariable::Attempt => DataType::Int64,
            SystemVariable::StartTime => DataType::Timestamp,
            SystemVariable::Propagate => DataType::Bool,
            _ => DataType::String,
        }
    }

    /// The events whose handlers alone see it; none if everything does.
    pub fn events(self) -> Vec<Event> {
        Event::ALL.into_iter().filter(|event| event.variables().contains(&self)).collect()
    }

    /// The system variable called `name`.
    pub fn from_name(name: &str) -> Option<SystemVariable> {
        SystemVariable::ALL.iter().copied().find(|v| v.name() == name)
    }
}

impl Reference {
    /// What a name of an expression refers to.
    ///
    /// # Errors
    /// It is a column, or its namespace or system variable is unknown.
    pub fn from_name(name: &Name) -> Result<Reference, UnknownName> {
        let (namespace, base) = match name {
            Name::Variable { namespace, name } => (namespace.as_deref(), name),
            Name::Column { .. } => {
                let message = format!("{name} is the name of a column, and there are no columns here");
                let variable = Name::Variable { namespace: None, name: name.base().to_owned() };
                return Err(UnknownName { message, help: Some(format!("write {variable}")) });
            }
        };
        let owned = base.clone();
        match namespace {
            None => Ok(Reference::Bare(owned)),
            Some("User") => Ok(Reference::User(owned)),
            Some("$Package") => Ok(Reference::Package(owned)),
            Some("$Project") => Ok(Reference::Project(owned)),
            Some("System") => SystemVariable::from_name(base)
                .map(Reference::System)
                .ok_or_else(|| unknown_system_variable(base)),
            Some(other) => Err(UnknownName {
                message: format!("unknown namespace `{other}`"),
                help: Some("there are User, $Package, $Project and System".to_owned()),
            }),
        }
    }
}

/// Whether `name` can be written without brackets.
pub fn is_plain_identifier(name: &str) -> bool {
    name.chars().next().is_some_and(|c| !c.is_ascii_digit()) && name.chars().all(is_identifier_char)
}

/// Why `name` may not name a parameter, variable, task or connection. Packages and projects have the catalog's rule,
/// [`scaleout_common::names::Name`].
///
/// # Errors
/// A fragment that reads after "the name … ": it is empty, longer than [`NAME_LENGTH_MAX`], has a
/// blank at either end, or holds a character that paths and references use.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.chars().count() > NAME_LENGTH_MAX {
        return Err("is longer than 128 characters");
    }
    if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        return Err("begins or ends with a blank");
    }
    if name == "." || name == ".." {
        return Err("is a folder's own name");
    }
    let forbidden = |c: char| c.is_control() || r#"\/:*?"<>|[]{}"#.contains(c);
    if name.contains(forbidden) {
        return Err(r#"holds a control character or one of \ / : * ? " < > | [ ] { }"#);
    }
    Ok(())
}

fn unknown_system_variable(name: &str) -> UnknownName {
    let known = || SystemVariable::ALL.iter();
    let help = crate::nearest::suggest(name, known().map(|v| v.name())).unwrap_or_else(|| {
        let everywhere = known().filter(|v| v.events().is_empty()).map(|v| v.name());
        format!("there are {}", everywhere.collect::<Vec<_>>().join(", "))
    });
    UnknownName { message: format!("unknown system variable `{name}`"), help: Some(help) }
}

fn is_identifier_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
