//! What people ask of the catalog through the HTTP API and the command line.

pub(crate) mod sql;
