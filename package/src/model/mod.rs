//! The model of a package: what the TOML reader makes, and a `.dtsx` reader later.
//!
//! Plain data without spans; everything in it has been checked. Owns nothing, runs nothing.

mod child;
mod container;
mod declarations;
mod event;
mod file;
mod foreach;
mod http;
mod properties;
mod repeat;
mod sql;
mod task;
mod transaction;

pub use crate::operand::Operand;
pub use child::Child;
pub use container::{Container, ContainerError, Package, Task};
pub use declarations::{Connection, ConnectionKind, Parameter, Variable};
pub use event::{Event, Handler, Handlers};
pub use file::{FileOperation, FileTask, Missing};
pub use foreach::{Cell, DateUnit, Files, Foreach, Over, Parallel, Retrieve, Step};
pub use http::{
    ConnectTimeout, HttpAnswer, HttpBody, HttpFile, HttpMethod, HttpStatus, HttpTask, Redirects,
    RequestTimeout,
};
pub use properties::{
    Description, ForceResult, MaxConcurrent, MaximumErrors, Properties, Resolved, Retries, RetryDelay,
    Timeout,
};
pub use repeat::{Assign, For};
pub use sql::{Query, RowsTarget, Sql, Statement};
pub use task::{After, Constraint, ExitCode, Join, On, Process, Target, TaskIndex, TaskKind, TaskPath, When};
pub use transaction::{Begin, Isolation, Membership, PackageTransaction, Wanted};
