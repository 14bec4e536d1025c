//! The fault run: private servers, masters and workers that are killed, frozen and cut off on a schedule that follows
//! from a seed, a mix of executions, and a checker that judges by evidence which is not the code under test's.

pub mod check;
pub mod client;
pub mod clock;
pub mod disk;
pub mod evidence;
pub mod fake_clock;
pub mod fault;
pub mod inflict;
pub mod kind;
pub mod links;
pub mod requests;
pub mod run;
pub mod say;
pub mod schedule;
pub mod shape;
pub mod skipped;
pub mod stage;
pub mod supervisor;
pub mod table;
pub mod trigger;
pub mod work;

pub use disk::enter_own_mounts;
pub use run::{Outcome, judge_again, run};
pub use shape::{Format, Options, Shape};
pub use table::{document, table};
pub use work::work;
