//! The `sql` task, the rows of queries for loops, and transactions over several tasks.

mod argument;
mod cursor;
mod decode;
mod execute;
mod explain;
mod ready;
mod row;
mod rows;
mod run;
mod session;
mod transaction;

pub(super) use cursor::feed;
pub(super) use run::run;
pub(super) use transaction::{Broken, Closed, Turn, Within};
