//! Tests of the whole language: tables of cases, properties, and the document's examples.

mod cases;
mod dates;
mod document;
mod errors;
mod properties;
mod speed;
mod surroundings;
mod texts;
mod types;
