//! An authority of our own: one per catalog, so that what one master shows is trusted by whoever trusts another's.

use jiff::civil::Date;
use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::files::TlsError;

/// How long the authority lives.
const AUTHORITY_YEARS: i64 = 20;
/// How long a master's certificate lives. A running master makes itself a new one every day.
const CERTIFICATE_DAYS: i64 = 90;

/// A certificate that signs others, and its key.
pub struct Authority {
    /// PEM, one certificate; public.
    pub certificate: String,
    /// PEM; whoever has it can pretend to be a master.
    pub key: String,
}

/// A certificate for a master, with its key.
pub struct Issued {
    /// The master's own, then the authority's.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// A new one, valid from the day before `now`.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn make(now: Timestamp) -> Result<Self, TlsError> {
        let key = KeyPair::generate().map_err(making)?;
        let mut params = described();
        within(&mut params, now, Span::new().years(AUTHORITY_YEARS))?;
        let certificate = params.self_signed(&key).map_err(making)?;
        Ok(Self { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// A certificate for a server that is called by these names and addresses.
    ///
    /// # Errors
    /// A name is none, or the authority is damaged.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Result<Issued, TlsError> {
        let signer = KeyPair::from_pem(&self.key).map_err(making)?;
        let described = described();
        let issuer = Issuer::from_params(&described, &signer);
        let key = KeyPair::generate().map_err(making)?;
        let mut params = CertificateParams::new(names).map_err(making)?;
        params.distinguished_name.push(DnType::CommonName, "Scaleout master");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        within(&mut params, now, Span::new().days(CERTIFICATE_DAYS))?;
        let own = params.signed_by(&key, &issuer).map_err(making)?;
        let authority = CertificateDer::from_pem_slice(self.certificate.as_bytes())
            .map_err(|error| TlsError::Making(error.to_string()))?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|error| TlsError::Making(error.to_owned()))?;
        Ok(Issued { chain: vec![own.der().clone(), authority], key })
    }
}

/// What the authority's certificate says of it: the same at every issue, so that it is found by its name and key.
fn described() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Scaleout authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// From yesterday on, for machines whose clocks differ a little.
fn within(params: &mut CertificateParams, now: Timestamp, length: Span) -> Result<(), TlsError> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = |date: Date| {
        // jiff's months and days are in range for rcgen's calendar.
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    let far = |span: Span| today.checked_add(span).map_err(|error| TlsError::Making(error.to_string()));
    params.not_before = day(far(Span::new().days(-1))?);
    params.not_after = day(far(length)?);
    Ok(())
}

fn making(error: rcgen::Error) -> TlsError {
    TlsError::Making(error.to_string())
}
