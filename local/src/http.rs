//! HTTP clients for servers on this machine: plain, past any proxy. Owns nothing.

use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::{ClientConfig, RootCertStore};

/// The beginning of a client that trusts no certificate: it looks for none on this machine, which may have none.
///
/// # Panics
/// Never: the provider of this build supports its own versions of TLS.
pub fn plain_http() -> ClientBuilder {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports the versions of TLS that it comes with")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls)
}
