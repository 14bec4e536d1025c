//! What people ask of the catalog through the HTTP API and the command line, and what workers fetch through it.
//! One file per noun, each statement beside one typed function. Nothing here talks to the broker: what is to be
//! published afterwards is returned.

pub(crate) mod sql;

mod accept;
pub(crate) mod audit;
mod authority;
mod batches;
mod cancel;
mod chosen;
mod delete;
mod deploy;
mod error;
mod executables;
mod executions;
mod explain;
mod figures;
mod fitting;
mod followed;
mod invitations;
mod limits;
mod lines;
mod listing;
mod manifests;
mod messages;
mod minting;
mod new_batch;
mod prepare;
mod projects;
mod reach;
mod retry;
mod scheduled;
mod schedules;
mod start;
mod status;
mod tokens;
mod uses;
mod values;
mod versions;
mod workers;

#[cfg(test)]
mod statement_tests;

pub use accept::{Accepted, Accepting, RETRIES_MAX, RETRY_DELAY_MS_MAX, TIMEOUT_MS_MAX};
pub use audit::{AUDIT_LOOKED_MAX, AuditFilter, Deed, Refused};
pub use cancel::{Canceled, Cancellation};
pub use chosen::CHOSEN_MAX;
pub use deploy::Deployment;
pub use error::{PROBLEMS_MAX, RequestError};
pub use explain::{AHEAD_MAX, MasterView, PoolView};
pub use figures::{CatalogFigures, POOLS_MAX, Pools};
pub(crate) use followed::PACKAGE_PATH;
pub use followed::{AttemptEnd, Followed};
pub use invitations::{JoinRefusal, Joined, VALID_S_MAX, VALID_S_MIN};
pub use listing::{ExecutionFilter, WorkerReference};
pub use manifests::Manifests;
pub use messages::MessageCursor;
pub use reach::Reach;
pub use retry::RETRIED_MAX;
pub(crate) use scheduled::told_in_full;
pub use scheduled::{DueSchedule, Ran};
pub use schedules::next_runs;
pub use start::START_DEADLINE_MS_MAX;
pub use status::CatalogStatus;
pub(crate) use tokens::hash as token_hash;
pub use tokens::{Caller, FOLDERS_MAX, NewToken, Presented, Role, TOKEN_DAYS_MAX, TokenSummary, UnknownRole};
pub use values::Holder;
