//! TLS of all links, with one crypto provider (ring): whom a client trusts, what a server shows, certificates of an
//! authority of our own, and what went wrong in words. Opens no connection; holds no state but a server's current
//! certificate.

mod authority;
mod client;
mod dates;
mod files;
mod invitation;
mod postgres;
mod server;
mod verifier;
mod words;

pub use authority::{Authority, Issued};
pub use client::{Identity, Trust, client_config, client_config_with, provider};
pub use files::{TlsError, certificates_of, fingerprint, pem_of};
pub use invitation::{Invitation, InvitationError};
pub use postgres::{PostgresTarget, postgres};
pub use server::{Shown, server_config};
pub use words::{explain, tls_error};
