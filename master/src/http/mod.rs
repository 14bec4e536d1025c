//! The HTTP API under `/api/v1`, `/healthz`, `/readyz` and `/metrics`. It reads requests, asks the catalog, and writes JSON; it
//! holds no SQL and decides nothing about executions. What has to be published after a commit is handed to the
//! dispatcher through channels and never waited for.

mod audit;
mod auth;
mod batches;
mod body;
mod bounds;
mod broker;
mod error;
mod executions;
mod explain;
mod extract;
mod fetch;
mod greeting;
mod health;
mod joining;
mod limits;
mod metrics;
mod openapi;
mod patience;
mod projects;
mod reach;
mod refusals;
mod router;
mod routes;
mod schedules;
mod serve;
mod state;
mod status;
mod stream;
mod warnings;
mod workers;

pub use crate::rates::Rates;
pub use crate::rebuild::RebuildRequest;
pub use auth::TOKEN_REMEMBERED;
pub use openapi::{document as openapi_document, text as openapi_text};
pub use router::router;
pub use routes::{Admits, Folders, ROUTES, Route};
pub use serve::{STOP_GRACE, serve};
pub use state::{AppState, Readiness};
