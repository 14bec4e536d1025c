//! PostgreSQL's `sslmode` and `sslrootcert`, as libpq means them, for a client that knows only some of them.

use std::path::{Path, PathBuf};

use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::client::{Trust, client_config_checking};
use crate::files::TlsError;

/// Where to connect to, and how.
#[derive(Clone)]
pub struct PostgresTarget {
    pub config: Config,
    pub tls: MakeRustlsConnect,
}

/// Reads a URL. `ca_file` (the setting `ca_setting`) counts if the URL has no `sslrootcert`; without `sslmode` it
/// means `verify-full`, and without either the link is not encrypted.
///
/// # Errors
/// It is no URL of PostgreSQL, a mode is unknown, or the file of authorities cannot be used.
pub fn postgres(url: &str, ca_file: &Path, ca_setting: &str) -> Result<PostgresTarget, TlsError> {
    let (rest, asked) = take_tls(url);
    let mut config: Config =
        rest.parse().map_err(|error: tokio_postgres::Error| TlsError::Url(error.to_string()))?;
    let ca = asked.root.unwrap_or_else(|| ca_file.to_owned());
    let has_ca = !ca.as_os_str().is_empty();
    let mode = asked.mode.as_deref().unwrap_or(if has_ca { "verify-full" } else { "disable" });
    let (ssl_mode, tls) = match mode {
        "disable" => (SslMode::Disable, client_config_checking(&Trust::Anybody, false)?),
        "prefer" => (SslMode::Prefer, client_config_checking(&Trust::Anybody, false)?),
        // libpq: with a file of authorities at hand it is verify-ca.
        "require" if !has_ca => (SslMode::Require, client_config_checking(&Trust::Anybody, false)?),
        "require" | "verify-ca" => (SslMode::Require, verifying(&ca, ca_setting, false)?),
        "verify-full" => (SslMode::Require, verifying(&ca, ca_setting, true)?),
        other => {
            return Err(TlsError::Url(format!(
                "unknown sslmode {other:?}: expected disable, prefer, require, verify-ca or verify-full"
            )));
        }
    };
    config.ssl_mode(ssl_mode);
    Ok(PostgresTarget { config, tls: MakeRustlsConnect::new(tls) })
}

fn verifying(ca: &Path, setting: &str, with_name: bool) -> Result<ClientConfig, TlsError> {
    client_config_checking(&Trust::from_file(ca, setting)?, with_name)
}

/// What a URL asks for.
#[derive(Default)]
struct Asked {
    mode: Option<String>,
    root: Option<PathBuf>,
}

/// The URL without the two, and the two.
fn take_tls(url: &str) -> (String, Asked) {
    let mut asked = Asked::default();
    let Some((server, query)) = url.split_once('?').filter(|_| url.contains("://")) else {
        return (url.to_owned(), asked);
    };
    let mut left = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", mode)) => asked.mode = Some(mode.to_owned()),
            // `system` is libpq's word for the machine's authorities.
            Some(("sslrootcert", "system")) => asked.root = Some(PathBuf::new()),
            Some(("sslrootcert", file)) => asked.root = Some(PathBuf::from(decoded(file))),
            _ => left.push(pair),
        }
    }
    let query = if left.is_empty() { String::new() } else { format!("?{}", left.join("&")) };
    (format!("{server}{query}"), asked)
}

/// Without percent signs; what is no escape stays.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let escape =
            after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match escape.filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_is_asked_for_is_taken_out_of_the_url() {
        let (rest, asked) =
            take_tls("postgres://a:b@h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fx%20y.pem");
        assert_eq!(rest, "postgres://a:b@h/d?connect_timeout=3");
        assert_eq!(asked.mode.as_deref(), Some("verify-full"));
        assert_eq!(asked.root, Some(PathBuf::from("/x y.pem")));
        assert_eq!(take_tls("postgres://a@h/d").0, "postgres://a@h/d");
    }

    #[test]
    fn an_unknown_mode_and_a_missing_file_are_named() {
        let fails = |url: &str| postgres(url, Path::new(""), "postgres.ca_file").err().unwrap().to_string();
        assert!(fails("postgres://a@h/d?sslmode=requird").contains("unknown sslmode \"requird\""));
        assert!(
            fails("postgres://a@h/d?sslmode=verify-full&sslrootcert=/nowhere.pem").contains("/nowhere.pem")
        );
    }

    #[test]
    fn without_a_word_the_link_is_as_before() {
        let target = postgres("postgres://a@h/d", Path::new(""), "postgres.ca_file").unwrap();
        assert_eq!(target.config.get_ssl_mode(), SslMode::Disable);
    }
}
