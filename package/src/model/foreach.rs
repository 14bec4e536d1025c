//! Loops over what is known when they start: files, lists, numbers, dates, rows.

use crate::property::{BoundedInt, Property, PropertyValue, Word};
use crate::template::Template;
use crate::value::{DataType, Value};

use super::{Container, Operand, Query, Target};

/// How many iterations of a loop run at the same time.
pub type Parallel = BoundedInt<1, 1_000>;

/// From one item of a series to the next: not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step(i32);

impl Step {
    /// The longest step, either way.
    pub const MOST: i32 = 1_000_000_000;

    /// The step.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl Default for Step {
    fn default() -> Step {
        Step(1)
    }
}

impl PropertyValue for Step {
    const DATA_TYPE: DataType = DataType::Int64;

    fn expected() -> String {
        format!("a whole number from -{0} to {0} but 0", Step::MOST)
    }

    fn of_value(value: &Value) -> Option<Step> {
        let Value::Int64(step) = value else { return None };
        let step = i32::try_from(*step).ok()?;
        (step != 0 && (-Step::MOST..=Step::MOST).contains(&step)).then_some(Step(step))
    }
}

/// A loop: runs the tasks inside it once for each item.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreach {
    /// What it goes over.
    pub over: Over,
    /// The variables that get an item's columns, in order; none if nobody needs them.
    pub into: Vec<Target>,
    /// How many iterations run at the same time; with more than one each has its own copy of the loop's variables.
    pub parallel: Property<Parallel>,
    /// The tasks inside it.
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
        step: Property<Step>,
    },
    /// Dates.
    Dates {
        /// The first; of type date.
        from: Operand,
        /// Where it ends, this one included if it is met; of type date.
        to: Operand,
        /// From one to the next, in units.
        step: Property<Step>,
        /// What `step` counts.
        unit: Property<DateUnit>,
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
    pub recursive: Property<bool>,
    /// What an item is.
    pub retrieve: Property<Retrieve>,
}

/// What of a file an item holds, as SSIS's "retrieve file name".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retrieve {
    /// The absolute path.
    #[default]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateUnit {
    /// Days.
    #[default]
    Day,
    /// Seven days.
    Week,
    /// Months; a day that a month does not have is its last one.
    Month,
    /// Years; 29 February is the 28th where there is none.
    Year,
}

impl Foreach {
    /// Whether iterations may run at the same time: then each has its own copy of the loop's variables.
    pub fn is_parallel(&self) -> bool {
        self.parallel != Property::default()
    }
}

impl Word for Retrieve {
    const ALL: &'static [Retrieve] = &[Retrieve::Path, Retrieve::Name, Retrieve::Stem];

    fn name(self) -> &'static str {
        match self {
            Retrieve::Path => "path",
            Retrieve::Name => "name",
            Retrieve::Stem => "stem",
        }
    }
}

impl Word for DateUnit {
    const ALL: &'static [DateUnit] = &[DateUnit::Day, DateUnit::Week, DateUnit::Month, DateUnit::Year];

    fn name(self) -> &'static str {
        match self {
            DateUnit::Day => "day",
            DateUnit::Week => "week",
            DateUnit::Month => "month",
            DateUnit::Year => "year",
        }
    }
}
