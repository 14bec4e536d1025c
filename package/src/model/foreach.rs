//! Loops over what is known when they start: files, lists, numbers, dates, rows.

use std::num::{NonZeroI32, NonZeroI64, NonZeroU32};

use crate::template::Template;
use crate::value::Value;

use super::{Container, Operand, Query, Target};

/// A loop: runs the tasks inside it once for each item.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreach {
    /// What it goes over.
    pub over: Over,
    /// The variables that get an item's columns, in order; none if nobody needs them.
    pub into: Vec<Target>,
    /// How many iterations run at the same time; with more than one each has its own copy of the loop's variables.
    pub parallel: NonZeroU32,
    /// The tasks inside it, and how many errors of all iterations make it fail.
    pub container: Container,
}

/// What a loop goes over.
#[derive(Debug, Clone, PartialEq)]
pub enum Over {
    /// The files of a folder, sorted by path.
    Files(Files),
    /// Rows of literals and texts, each as long as `into`, if there is one.
    List(Vec<Vec<Cell>>),
    /// Whole numbers.
    Numbers {
        /// The first; of type int64.
        from: Operand,
        /// Where it ends, this one included if it is met; of type int64.
        to: Operand,
        /// From one to the next.
        step: NonZeroI64,
    },
    /// Dates.
    Dates {
        /// The first; of type date.
        from: Operand,
        /// Where it ends, this one included if it is met; of type date.
        to: Operand,
        /// From one to the next, in units.
        step: NonZeroI32,
        /// What `step` counts.
        unit: DateUnit,
    },
    /// The rows of the variable of this name, of which each column has the type of its target.
    Rows(String),
    /// The rows of a query, as they come.
    Query(Query),
}

/// Files of a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct Files {
    /// The folder; relative to the project's.
    pub folder: Template,
    /// What their names must look like: `*` any characters, `?` one.
    pub pattern: Template,
    /// Whether those of the folders inside count, too.
    pub recursive: bool,
    /// What an item is.
    pub retrieve: Retrieve,
}

/// What of a file an item holds, as SSIS's "retrieve file name".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retrieve {
    /// The absolute path.
    Path,
    /// The name with its extension.
    Name,
    /// The name without its last extension.
    Stem,
}

/// One column of a row of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A value, of its variable's type.
    Value(Value),
    /// A text for a variable of type string.
    Text(Template),
}

/// What the step of a loop over dates counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateUnit {
    /// Days.
    Day,
    /// Seven days.
    Week,
    /// Months; a day that a month does not have is its last one.
    Month,
    /// Years; 29 February is the 28th where there is none.
    Year,
}

impl Retrieve {
    /// Every one, in the order in which messages list them.
    pub const ALL: [Retrieve; 3] = [Retrieve::Path, Retrieve::Name, Retrieve::Stem];

    /// The word that packages use.
    pub fn name(self) -> &'static str {
        match self {
            Retrieve::Path => "path",
            Retrieve::Name => "name",
            Retrieve::Stem => "stem",
        }
    }
}

impl DateUnit {
    /// Every one, in the order in which messages list them.
    pub const ALL: [DateUnit; 4] = [DateUnit::Day, DateUnit::Week, DateUnit::Month, DateUnit::Year];

    /// The word that packages use.
    pub fn name(self) -> &'static str {
        match self {
            DateUnit::Day => "day",
            DateUnit::Week => "week",
            DateUnit::Month => "month",
            DateUnit::Year => "year",
        }
    }
}
