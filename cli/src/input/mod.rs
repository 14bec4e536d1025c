//! What a user gives to `enqueue`, read before anything is sent: assignments, crossed values, rows of a file; and
//! the request made of them. Pure but for reading the one file.

mod assign;
mod csv_rows;
mod json_rows;
mod moment;
mod request;
mod rows;

pub(crate) use assign::{Assignment, Each, duration, values};
pub(crate) use moment::{past, start};
pub(crate) use request::{Origins, Wanted, build};
pub(crate) use rows::read as read_rows;
