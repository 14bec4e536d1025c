//! What a client needs: the crypto provider, whom it trusts, and, where a server asks for it, who it is.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::{Certificate, Version};

use crate::files::{self, TlsError};
use crate::verifier::{Check, Verifier};

/// The one provider of all links.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER
        .get_or_init(|| {
            // Libraries that ask for the process's default get the same; if one is set already, it is this one.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Arc::new(rustls::crypto::ring::default_provider())
        })
        .clone()
}

/// Whom a client trusts.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The authorities that this machine trusts.
    System,
    /// These certificates alone: authorities, or a server's own.
    Only(Vec<CertificateDer<'static>>),
    /// Whoever shows a chain with a certificate of one of these SHA-256s, and is signed by it (or is it).
    Pinned(Vec<[u8; 32]>),
    /// Whoever answers: the link is encrypted, and that is all.
    Anybody,
}

impl Trust {
    /// The certificates in `ca_file` alone; those of the system if it is empty. `setting` names it in errors.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn from_file(ca_file: &Path, setting: &str) -> Result<Self, TlsError> {
        if ca_file.as_os_str().is_empty() {
            return Ok(Self::System);
        }
        files::read_certificates(ca_file, setting).map(Self::Only)
    }
}

/// Who a client is, for a server that asks for a certificate.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: rustls::pki_types::PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both files; `None` if both names are empty.
    ///
    /// # Errors
    /// A file cannot be read or holds nothing of use, or only one is named.
    pub fn from_files(certificate: (&Path, &str), key: (&Path, &str)) -> Result<Option<Self>, TlsError> {
        match (certificate.0.as_os_str().is_empty(), key.0.as_os_str().is_empty()) {
            (true, true) => Ok(None),
            (false, false) => {
                let chain = files::read_certificates(certificate.0, certificate.1)?;
                Ok(Some(Self { chain, key: files::read_key(key.0, key.1)? }))
            }
            (true, false) => {
                Err(TlsError::Alone { given: key.1.to_owned(), missing: certificate.1.to_owned() })
            }
            (false, true) => {
                Err(TlsError::Alone { given: certificate.1.to_owned(), missing: key.1.to_owned() })
            }
        }
    }
}

/// A client's configuration that checks chain, name and time.
///
/// # Errors
/// This machine trusts no authority at all.
pub fn client_config(trust: &Trust) -> Result<ClientConfig, TlsError> {
    client_config_with(trust, None)
}

/// The same, and `identity` for a server that asks.
///
/// # Errors
/// This machine trusts no authority at all, or the identity's key is of another certificate.
pub fn client_config_with(trust: &Trust, identity: Option<Identity>) -> Result<ClientConfig, TlsError> {
    build(Verifier::new(trust_store(trust)?, Check::Name), identity)
}

/// Checks the chain, and the name only `with_name`.
pub(crate) fn client_config_checking(trust: &Trust, with_name: bool) -> Result<ClientConfig, TlsError> {
    let check = if with_name { Check::Name } else { Check::Chain };
    build(Verifier::new(trust_store(trust)?, check), None)
}

fn build(verifier: Verifier, identity: Option<Identity>) -> Result<ClientConfig, TlsError> {
    let unusable = |error: rustls::Error| TlsError::Unusable(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { chain, key }) => builder.with_client_auth_cert(chain, key).map_err(unusable),
    }
}

/// What the verifier believes.
pub(crate) enum Store {
    Roots { roots: Arc<RootCertStore>, exact: Vec<CertificateDer<'static>> },
    Pins(Vec<[u8; 32]>),
    Anybody,
}

fn trust_store(trust: &Trust) -> Result<Store, TlsError> {
    let mut roots = RootCertStore::empty();
    match trust {
        Trust::Anybody => Ok(Store::Anybody),
        Trust::Pinned(pins) => Ok(Store::Pins(pins.clone())),
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::debug!(%error, "some authorities of this machine cannot be read");
            }
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(TlsError::NoAuthorities);
            }
            Ok(Store::Roots { roots: Arc::new(roots), exact: Vec::new() })
        }
        Trust::Only(certificates) => {
            // A server's own certificate is trusted as itself, and not to vouch for others.
            roots.add_parsable_certificates(certificates.iter().filter(|one| is_authority(one)).cloned());
            Ok(Store::Roots { roots: Arc::new(roots), exact: certificates.clone() })
        }
    }
}

/// It may sign others: by its basic constraints (RFC 5280, 4.2.1.9), which version 1 did not have yet.
pub(crate) fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    let Ok(read) = Certificate::from_der(certificate) else { return false };
    let certificate = read.tbs_certificate;
    match certificate.get::<BasicConstraints>() {
        Ok(Some((_, constraints))) => constraints.ca,
        Ok(None) => certificate.version == Version::V1,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::authority::Authority;

    #[test]
    fn a_servers_own_certificate_vouches_for_nobody_else() {
        let now = Timestamp::now();
        let authority = Authority::make(now).unwrap();
        let issued = authority.issue(&["localhost".to_owned()], now).unwrap();
        let certificates = issued.chain;
        let roots = certificates.iter().map(is_authority).collect::<Vec<_>>();
        assert_eq!(roots, [false, true]);
        let Store::Roots { roots, exact } = trust_store(&Trust::Only(certificates)).unwrap() else {
            panic!("these are roots")
        };
        assert_eq!((roots.len(), exact.len()), (1, 2));
    }
}
