//! What the protocol does to executions (DESIGN §5): dispatch, grants, outcomes, leases, logs.

mod ad_hoc;
mod claims;
mod dispatch;
mod duties;
mod epoch;
mod leases;
mod limits;
mod logs;
mod markers;
mod outcomes;
mod packages;
mod presence;
mod purge;
mod retention;
mod sessions;
pub(crate) mod sql;
mod stops;

#[cfg(test)]
mod tests;

pub(crate) use ad_hoc::{AdHocPool, CLOSED_MIN, ClosedPool, IDLE_MIN};
pub use dispatch::{DISPATCH_EXECUTIONS_MAX, Dispatch};
pub(crate) use duties::START_DEADLINES_AT_ONCE;
pub use epoch::{Epoch, EpochReason, RebuildStep};
pub(crate) use limits::lock_limits;
pub(crate) use markers::MarkedQueue;
pub(crate) use outcomes::Applied;
pub(crate) use packages::PackageGrants;
pub(crate) use presence::{Presence, Proof};
pub use purge::{Cleaned, Purge, Taken};
pub use retention::{Day, ENDED_MIN, Hold, Holders, Partition, Retention, Table};
pub use stops::StopTarget;
