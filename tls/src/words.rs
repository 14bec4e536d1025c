//! What went wrong with TLS, in words: what was found, and what to do. Pure.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, CertificateError};

use crate::dates;

/// The TLS error among an error and its causes.
pub fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        let io = error
            .downcast_ref::<io::Error>()
            .or_else(|| error.downcast_ref::<Arc<io::Error>>().map(|arc| &**arc));
        // An io::Error hides what it holds from `source`.
        next = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// What it means when a client could not speak TLS; `ca` names where a file of authorities is set.
pub fn explain(error: &rustls::Error, ca: &str) -> String {
    match error {
        rustls::Error::InvalidCertificate(found) => certificate(found, ca),
        rustls::Error::InvalidMessage(_) => {
            "what answers there does not speak TLS: is it the port without TLS, or the URL of a server that has none?".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure) => {
            format!("the server refused the TLS handshake ({error}); it may want a client certificate")
        }
        rustls::Error::AlertReceived(AlertDescription::UnknownCA | AlertDescription::BadCertificate) => {
            format!("the server does not accept this client's certificate ({error})")
        }
        other => format!("TLS failed: {other}"),
    }
}

fn certificate(found: &CertificateError, ca: &str) -> String {
    match found {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "the server's certificate is not signed by an authority that is trusted here; name the file with the \
             certificate of its authority: {ca}"
        ),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the server's certificate is not for {}, but for {}; use a name that it holds, or give the server a \
             certificate for this one",
            expected.to_str(),
            listed(presented)
        ),
        CertificateError::NotValidForName => {
            "the server's certificate is for another name than the one that was used".to_owned()
        }
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "the server's certificate has expired on {}; renew it there, or look at this machine's clock",
            dates::shown(not_after.as_secs())
        ),
        CertificateError::Expired => "the server's certificate has expired; renew it there".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate is valid only from {} on; look at the clocks of both machines",
            dates::shown(not_before.as_secs())
        ),
        other => format!("the server's certificate cannot be accepted: {other}; trusted are those of {ca}"),
    }
}

/// rustls prints names as `DnsName("host")` and addresses as `IpAddress(127.0.0.1)`.
fn listed(presented: &[String]) -> String {
    if presented.is_empty() {
        return "no name at all".to_owned();
    }
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').to_owned()
    };
    presented.iter().map(bare).collect::<Vec<_>>().join(", ")
}
