//! What a server shows: a certificate that can be exchanged while it serves.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::client::provider;
use crate::dates;
use crate::files::{self, TlsError};

/// The certificate that a server shows now.
#[derive(Debug)]
pub struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(RwLock::new(certified(chain, key, ("the certificate", "its key"))?))))
    }

    /// Shows another from now on.
    ///
    /// # Errors
    /// The key is not the certificate's.
    pub fn replace(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), TlsError> {
        self.put(certified(chain, key, ("the certificate", "its key"))?);
        Ok(())
    }

    /// Reads both files; what `authorities` adds goes to the end of the chain, so that a pin of it can be checked.
    ///
    /// # Errors
    /// A file cannot be read, the key is of another certificate, or the certificate has expired.
    pub fn from_files(
        certificate: &Path,
        key: &Path,
        authorities: &[CertificateDer<'static>],
    ) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(RwLock::new(load(certificate, key, authorities)?))))
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// As [`from_files`](Self::from_files); the one before is shown on then.
    pub fn reload(
        &self,
        certificate: &Path,
        key: &Path,
        authorities: &[CertificateDer<'static>],
    ) -> Result<(), TlsError> {
        self.put(load(certificate, key, authorities)?);
        Ok(())
    }

    fn put(&self, certified: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// A server's configuration: TLS 1.2 and 1.3, no client certificates.
///
/// # Errors
/// None with the provider of this build.
pub fn server_config(shown: Arc<Shown>) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Unusable(error.to_string()))?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn load(
    certificate: &Path,
    key: &Path,
    authorities: &[CertificateDer<'static>],
) -> Result<Arc<CertifiedKey>, TlsError> {
    let mut chain = files::read_certificates(certificate, "master.certificate_file")?;
    let private = files::read_key(key, "master.key_file")?;
    let own = &chain[0];
    if let Some((_, last)) = dates::validity(own)
        && last < UnixTime::now().as_secs()
    {
        let certificate = certificate.display().to_string();
        return Err(TlsError::Expired { certificate, last: dates::shown(last) });
    }
    let missing: Vec<_> = authorities.iter().filter(|one| !chain.contains(one)).cloned().collect();
    chain.extend(missing);
    certified(chain, private, (&certificate.display().to_string(), &key.display().to_string()))
}

fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    (certificate, file): (&str, &str),
) -> Result<Arc<CertifiedKey>, TlsError> {
    CertifiedKey::from_der(chain, key, &provider()).map(Arc::new).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::OtherKey { certificate: certificate.to_owned(), key: file.to_owned() }
        }
        other => TlsError::Unusable(format!("{certificate} with {file}: {other}")),
    })
}
