//! What surrounds an expression: the types of its names when it is checked, their values when it is evaluated.

use jiff::civil::DateTime;

use super::datum::Datum;
use super::name::Name;
use super::types::Type;

/// The names that an expression may use, and their types.
pub trait Names {
    /// The type of what `name` means here.
    ///
    /// # Errors
    /// It means nothing here.
    fn type_of(&self, name: &Name) -> Result<Type, UnknownName>;
}

/// A name that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// What is wrong.
    pub message: String,
    /// What to do about it, such as the nearest name there is.
    pub help: Option<String>,
}

/// A name that an expression uses. A caller that evaluates many rows looks each up once, by its index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its place among the inputs of the expression, from 0.
    pub index: usize,
    /// The name.
    pub name: Name,
    /// The type that it was checked with.
    pub data_type: Type,
}

/// The values of one row, and the clock.
pub trait Context {
    /// The value of `input`, of the type it was checked with; `None` is NULL.
    ///
    /// # Errors
    /// There is none: a fragment that reads after a colon.
    fn value(&self, input: &Input) -> Result<Option<Datum>, String>;

    /// What the clock of this machine shows. One evaluation should always be told the same.
    fn now(&self) -> DateTime;

    /// The same moment in UTC.
    fn utc_now(&self) -> DateTime;
}
