//! The master: catalog, dispatcher, claims, outcomes, leases, HTTP API.
