//! The names in expressions: variables and parameters behind `@`, and columns.

use std::fmt;

/// What an expression names. It says nothing of whether there is such a thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Name {
    /// `@name`, `@[name]`, `@[Namespace::name]`.
    Variable {
        /// `User`, `System`, `$Package`, `$Project`, or one of the user's own.
        namespace: Option<String>,
        /// The name; upper and lower case differ.
        name: String,
    },
    /// `Name`, `[Any name]`, `Source.Name`.
    Column {
        /// The component that the column comes from.
        source: Option<String>,
        /// The column.
        name: String,
    },
}

impl Name {
    /// The name without what it is qualified by.
    pub fn base(&self) -> &str {
        match self {
            Name::Variable { name, .. } | Name::Column { name, .. } => name,
        }
    }
}

/// As expressions write it.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Variable { namespace: Some(namespace), name } => write!(f, "@[{namespace}::{name}]"),
            Name::Variable { namespace: None, name } => {
                f.write_str("@")?;
                write_word(name, is_regular(name), f)
            }
            Name::Column { source, name } => {
                if let Some(source) = source {
                    write_word(source, is_column_word(source), f)?;
                    f.write_str(".")?;
                }
                write_word(name, is_column_word(name), f)
            }
        }
    }
}

/// Whether `name` needs no brackets: a letter or `_`, then letters, digits and `_ @ $ #`.
pub(super) fn is_regular(name: &str) -> bool {
    name.starts_with(is_name_start) && name.chars().all(is_name_part)
}

pub(super) fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

pub(super) fn is_name_part(c: char) -> bool {
    is_name_start(c) || c.is_numeric() || matches!(c, '@' | '$' | '#')
}

/// Words that mean something else where a column may stand.
fn is_column_word(name: &str) -> bool {
    let taken = ["true", "false", "null"].iter().any(|word| name.eq_ignore_ascii_case(word));
    is_regular(name) && !taken && !is_type_word(name)
}

/// Whether a word is read as the name of a type.
pub(super) fn is_type_word(word: &str) -> bool {
    word.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("DT_"))
}

fn write_word(word: &str, bare: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if bare { f.write_str(word) } else { write!(f, "[{word}]") }
}
