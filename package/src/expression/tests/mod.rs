//! Tests of the whole language: tables of cases, properties, a fuzz loop, and the document's examples.

mod cases;
mod dates;
mod document;
mod errors;
mod fuzz;
mod properties;
mod surroundings;
mod texts;
mod types;
