//! The expression language: SSIS's own, C-like, typed, with three-valued logic. Documented in `docs/expressions.md`.
//!
//! Pure. A text is read once ([`Parsed::read`]), its types are checked once against the names around it
//! ([`Parsed::check`]), and the [`Expression`] that comes out is evaluated as often as there are rows
//! ([`Expression::evaluate`]). Everything is bounded ([`limits`]), nothing panics, and every fault has its place in the
//! text ([`ExpressionError`]).
//!
//! - `token`, `literal`, `name`, `operator`, `function`, `type_spec`: what texts are made of
//! - `parse`, `syntax`: the tree of what was written, and how it is printed
//! - [`types`], [`code_page`], [`numeric`], [`datum`], `moments`: types and values
//! - `convert`, `promote`: casts, and what happens unasked where types meet; `read`: texts that nothing is lost of
//! - `check`, `tree`: the tree with types
//! - `evaluate`: one row
//! - [`context`]: what names mean, and the clock

pub mod code_page;
pub mod context;
pub mod datum;
pub mod error;
pub mod limits;
pub mod name;
pub mod numeric;
pub mod types;

mod assignment;
mod check;
mod convert;
mod evaluate;
mod function;
mod literal;
mod moments;
mod operator;
mod parse;
mod parsed;
mod promote;
mod read;
mod syntax;
mod token;
mod tree;
mod type_spec;

pub use assignment::{Assignment, ParsedAssignment};
pub use context::{Context, Input, Names, UnknownName};
pub use datum::{Datum, OffsetMoment};
pub use error::{ExpressionError, Warning};
pub use name::Name;
pub use numeric::Numeric;
pub use parsed::{Expression, Parsed};
pub use type_spec::UnknownType;
pub use types::Type;

#[cfg(test)]
mod tests;
