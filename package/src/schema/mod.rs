//! JSON Schemas of package files and `project.toml`, for editors: which keys there are, what they take, and what they say.
//!
//! An editor sees less than the reader: no names, no types of expressions, no files. What a schema refuses the reader
//! refuses, too, and it knows no key that the reader does not; a test holds them together.

mod declarations;
mod document;
mod foreach;
mod parts;
mod tasks;
#[cfg(test)]
mod tests;

pub use document::{package, project};
