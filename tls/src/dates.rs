//! From when to when a certificate is valid. Pure.

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// First and last second, as Unix time; `None`: it is no certificate.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<(u64, u64)> {
    let read = Certificate::from_der(certificate).ok()?;
    let validity = read.tbs_certificate.validity;
    Some((validity.not_before.to_unix_duration().as_secs(), validity.not_after.to_unix_duration().as_secs()))
}

/// The certificate is valid `now`.
pub(crate) fn check(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (first, last) = validity(certificate).ok_or(CertificateError::BadEncoding)?;
    if now.as_secs() > last {
        let not_after = UnixTime::since_unix_epoch(std::time::Duration::from_secs(last));
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    if now.as_secs() < first {
        let not_before = UnixTime::since_unix_epoch(std::time::Duration::from_secs(first));
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    Ok(())
}

/// A Unix time for people.
pub(crate) fn shown(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| format!("{seconds} s after 1970"), |moment| moment.to_string())
}
