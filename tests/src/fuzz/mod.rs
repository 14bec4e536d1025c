//! Fuzzing what strangers can send: the decoder of messages and the expression language in this process, and the HTTP
//! API of a real master.
//! Everything follows from a seed; a failing input is written to a file, and a command repeats it. The state of a run
//! (its corpus, its figures) is the run's own.

mod api;
mod bytes;
mod corpus;
mod decoder;
mod effort;
mod expression;
mod memory;
mod request;
mod seeds;
mod structure;

pub use api::{fuzz_api, repeat_api};
pub use decoder::{fuzz_decoder, repeat_decoder};
pub use effort::{Budget, Figures, Finding};
pub use expression::{fuzz_expression, repeat_expression};
pub use memory::Counting;
