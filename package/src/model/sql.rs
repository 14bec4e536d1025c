//! What `sql` tasks and loops over a query send to a database.

use std::sync::Arc;

use crate::rows::Column;
use crate::template::Template;

use super::{Operand, Target};

/// A statement for a database, and what becomes of its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Sql {
    /// What is sent, and where to.
    pub query: Query,
    /// The variables that get the columns of its only row, in order; none if its rows are passed over.
    pub into: Vec<Target>,
    /// The variable that gets all rows; then `into` is empty.
    pub rows: Option<RowsTarget>,
}

/// A statement with its values, for one connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Name of a connection of the package or its project.
    pub connection: Template,
    /// Values go in as bound `arguments`.
    pub statement: Statement,
    /// Values for `$1`, `$2`, …
    pub arguments: Vec<Operand>,
}

/// Where the text of a statement stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// In the package; sent as it stands.
    Text(String),
    /// In a file of the project, at this relative path; read when the task runs. See [`crate::statement::of_file`].
    File(Template),
    /// An expression makes it when the task runs. See [`crate::statement::check`].
    Expression(Operand),
}

/// A variable of type `table` that a task fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsTarget {
    /// Its name.
    pub variable: String,
    /// Its columns, in order.
    pub columns: Arc<[Column]>,
}
