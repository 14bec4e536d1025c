//! References to values: `@name`, `@[User::name]`, `@[$Package::name]`, `@[$Project::name]`,
//! `@[System::Name]`, and the lexer that finds where one ends.
//!
//! This lexer is the piece that the expression language replaces: [`lex`] then reads a whole
//! expression. Pure; knows no values.

use std::fmt;

use scaleout_common::names::NAME_LENGTH_MAX;

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
        /// The system variables that make sense here. Names as in SSIS where it has them; those of
        /// event handlers come with the handlers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum SystemVariable { $($(#[$doc])* $variant,)* }

        impl SystemVariable {
            /// Every system variable.
            pub const ALL: &'static [SystemVariable] = &[$(SystemVariable::$variant,)*];

            /// The name behind `System::`.
            pub fn name(self) -> &'static str {
                match self { $(SystemVariable::$variant => stringify!($variant),)* }
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
}

impl SystemVariable {
    /// The system variable called `name`.
    pub fn from_name(name: &str) -> Option<SystemVariable> {
        SystemVariable::ALL.iter().copied().find(|v| v.name() == name)
    }
}

/// What is wrong with a reference, and where in the text that was lexed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReferenceError {
    /// Byte offset of the fault from the start of the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl ReferenceError {
    /// The same fault in a text that has `by` more bytes in front.
    #[must_use]
    pub fn moved(self, by: usize) -> ReferenceError {
        ReferenceError { at: self.at + by, ..self }
    }
}

/// Lexes one reference at the start of `text`, which must begin with `@`. Returns it and the
/// number of bytes it takes; what follows is the caller's.
///
/// # Errors
/// There is no reference there, it is not closed, or its namespace or system variable is unknown.
pub fn lex(text: &str) -> Result<(Reference, usize), ReferenceError> {
    let rest = text.strip_prefix('@').ok_or_else(|| {
        fault(0, "expected a reference such as @name", Some("values are named with @ in front: {{ @name }}"))
    })?;
    if let Some(bracketed) = rest.strip_prefix('[') {
        let length = bracketed
            .find(']')
            .ok_or_else(|| fault(0, "the reference has no closing ]", Some("write @[Namespace::name]")))?;
        let reference = qualified(&bracketed[..length])?;
        return Ok((reference, length + 3));
    }
    let length = rest.find(|c: char| !is_identifier_char(c)).unwrap_or(rest.len());
    let name = &rest[..length];
    if !is_plain_identifier(name) {
        return Err(fault(
            1,
            "expected a name after @",
            Some("a name that is not letters, digits and _ stands in brackets: @[User::my-name]"),
        ));
    }
    Ok((Reference::Bare(name.to_owned()), length + 1))
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

fn qualified(inner: &str) -> Result<Reference, ReferenceError> {
    const INNER_AT: usize = 2;
    let (namespace, name) = match inner.split_once("::") {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, inner),
    };
    if let Err(why) = check_name(name) {
        return Err(fault(INNER_AT, &format!("the name in {inner:?} {why}"), None));
    }
    let owned = name.to_owned();
    match namespace {
        None => Ok(Reference::Bare(owned)),
        Some("User") => Ok(Reference::User(owned)),
        Some("$Package") => Ok(Reference::Package(owned)),
        Some("$Project") => Ok(Reference::Project(owned)),
        Some("System") => match SystemVariable::from_name(name) {
            Some(variable) => Ok(Reference::System(variable)),
            None => Err(unknown_system_variable(name)),
        },
        Some(other) => Err(fault(
            INNER_AT,
            &format!("unknown namespace `{other}`"),
            Some("there are User, $Package, $Project and System"),
        )),
    }
}

fn unknown_system_variable(name: &str) -> ReferenceError {
    let known: Vec<&str> = SystemVariable::ALL.iter().map(|v| v.name()).collect();
    let help = crate::nearest::suggest(name, known.iter().copied())
        .unwrap_or_else(|| format!("there are {}", known.join(", ")));
    fault(2, &format!("unknown system variable `{name}`"), Some(&help))
}

fn fault(at: usize, message: &str, help: Option<&str>) -> ReferenceError {
    ReferenceError { at, message: message.to_owned(), help: help.map(str::to_owned) }
}

fn is_identifier_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
