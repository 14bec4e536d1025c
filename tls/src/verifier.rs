//! Judges a server's certificate: by authorities, by the certificate itself, or by a pin. The chain, the name and
//! the time count in each case, unless the caller asked for less.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::client::{Store, is_authority, provider};
use crate::dates;
use crate::files::fingerprint;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Chain, time and name.
    Name,
    /// Chain and time: PostgreSQL's `verify-ca`.
    Chain,
}

/// The judge of one configuration.
pub(crate) struct Verifier {
    store: Store,
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("check", &self.check).finish_non_exhaustive()
    }
}

impl Verifier {
    pub(crate) fn new(store: Store, check: Check) -> Self {
        Self { store, check, provider: provider() }
    }

    fn by_roots(
        &self,
        roots: Arc<RootCertStore>,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        if roots.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let judge = WebPkiServerVerifier::builder_with_provider(roots, self.provider.clone())
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        match judge.verify_server_cert(end, between, name, &[], now) {
            // The name is looked at last: the chain was good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Chain => Ok(()),
            judged => judged.map(drop),
        }
    }

    /// The certificate itself is trusted; what it says of names and times counts nevertheless.
    fn by_itself(&self, end: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
        dates::check(end, now)?;
        match self.check {
            Check::Name => verify_server_name(&ParsedCertificate::try_from(end)?, name),
            Check::Chain => Ok(()),
        }
    }

    fn by_pins(
        &self,
        pins: &[[u8; 32]],
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let is_pinned = |one: &CertificateDer<'_>| pins.contains(&fingerprint(one));
        if is_pinned(end) {
            return self.by_itself(end, name, now);
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(
            between
                .iter()
                .filter(|one| is_pinned(one) && is_authority(one))
                .cloned()
                .map(CertificateDer::into_owned),
        );
        self.by_roots(Arc::new(roots), end, between, name, now)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.store {
            Store::Anybody => {}
            Store::Pins(pins) => self.by_pins(pins, end, between, name, now)?,
            Store::Roots { exact, .. } if exact.iter().any(|one| one == end) => {
                self.by_itself(end, name, now)?
            }
            Store::Roots { roots, .. } => self.by_roots(roots.clone(), end, between, name, now)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
