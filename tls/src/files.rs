//! Certificates and keys in PEM files, and what can be wrong with them.

use std::path::Path;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

/// Largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why TLS cannot be set up, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {file} (setting {setting}): {reason}")]
    File { file: String, setting: String, reason: String },
    #[error("the setting {given} is set and {missing} is not: a certificate and its key go together")]
    Alone { given: String, missing: String },
    #[error(
        "the key in {key} is not that of the certificate in {certificate}: name the two that were made together"
    )]
    OtherKey { certificate: String, key: String },
    #[error("the certificate in {certificate} has expired on {last}: renew it")]
    Expired { certificate: String, last: String },
    #[error(
        "this machine trusts no authority at all: install its package of certificates (ca-certificates), or name a file of authorities"
    )]
    NoAuthorities,
    #[error("this cannot be used for TLS: {0}")]
    Unusable(String),
    #[error("cannot make a certificate: {0}")]
    Making(String),
    #[error("{0}")]
    Url(String),
}

/// All certificates of a PEM file, in its order; at least one.
pub(crate) fn read_certificates(
    file: &Path,
    setting: &str,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fail = |reason: String| TlsError::File {
        file: file.display().to_string(),
        setting: setting.to_owned(),
        reason,
    };
    certificates_of(&read(file).map_err(fail)?).map_err(fail)
}

/// The private key of a PEM file.
pub(crate) fn read_key(file: &Path, setting: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    let fail = |reason: String| TlsError::File {
        file: file.display().to_string(),
        setting: setting.to_owned(),
        reason,
    };
    let bytes = read(file).map_err(fail)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        fail(format!(
            "it holds no private key in PEM ({error}); one with a passphrase must be decrypted first"
        ))
    })
}

/// All certificates of a PEM text; at least one.
///
/// # Errors
/// What is wrong, as words that go after "cannot read …:".
pub fn certificates_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err("it holds no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned()),
        Err(error) => Err(format!("it is no PEM: {error}")),
    }
}

/// Certificates as PEM, 64 digits a line.
pub fn pem_of(certificates: &[CertificateDer<'_>]) -> String {
    use base64::Engine as _;
    let one = |certificate: &CertificateDer<'_>| {
        let text = base64::engine::general_purpose::STANDARD.encode(certificate);
        let lines: Vec<&str> =
            (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    };
    certificates.iter().map(one).collect()
}

/// The SHA-256 of a certificate.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("it has {length} bytes, more than {FILE_BYTES_MAX}"));
    }
    std::fs::read(file).map_err(|error| error.to_string())
}
