//! The soak: a steady load for an hour on private servers, the memory of every process and the tables that must not grow
//! sampled every ten seconds, and a verdict whether all of it is flat.

pub mod measure;
pub mod run;
pub mod verdict;

pub use run::{Options, Outcome, run};
pub use verdict::{Finding, Series, Verdict, judge};
