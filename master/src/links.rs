//! The API's certificate, and what a worker that joins must know of the links: owns the task that keeps the
//! certificate fresh.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use jiff::Timestamp;
use scaleout_common::hex;
use scaleout_common::settings::{Master, Settings, TlsMode};
use scaleout_tls::{Authority, Shown};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, Sealer};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often a master makes itself a new certificate: 90 days it would be good.
const RENEW_EVERY: Duration = Duration::from_secs(24 * 3_600);

/// The API's TLS, and what is handed to a worker that joins.
#[derive(Clone, Default)]
pub struct Links {
    /// `None`: plain HTTP.
    pub acceptor: Option<TlsAcceptor>,
    /// SHA-256 of the authorities by which the API is to be known.
    pub pins: Vec<String>,
    /// Those authorities, in PEM.
    pub master_ca: String,
    pub rabbitmq_url: SecretString,
    pub rabbitmq_ca: String,
}

/// Where the certificate shown comes from.
pub(crate) enum Source {
    Nowhere,
    Files { certificate: PathBuf, key: PathBuf, authorities: Vec<rustls_certificate::Certificate> },
    Authority { authority: Authority, names: Vec<String> },
}

/// The type of certificates, under a name of our own.
pub(crate) mod rustls_certificate {
    pub(crate) type Certificate = tokio_rustls::rustls::pki_types::CertificateDer<'static>;
}

/// Keeps what is shown fresh.
pub(crate) struct Renewal {
    source: Source,
    shown: Option<Arc<Shown>>,
}

/// Makes or reads the certificate. With `tls = "auto"` the catalog must have been reached.
pub(crate) async fn open(
    settings: &Settings,
    host: &str,
    catalog: &Catalog,
    sealer: &Sealer,
) -> anyhow::Result<(Links, Renewal)> {
    let master = &settings.master;
    let (source, ca) = match master.tls {
        TlsMode::Off => (Source::Nowhere, String::new()),
        TlsMode::Files => {
            let ca = text_of(&master.ca_file, "master.ca_file")?;
            let authorities = match ca.as_str() {
                "" => Vec::new(),
                pem => scaleout_tls::certificates_of(pem.as_bytes()).map_err(|reason| {
                    anyhow::anyhow!(
                        "cannot read {} (setting master.ca_file): {reason}",
                        master.ca_file.display()
                    )
                })?,
            };
            let (certificate, key) = (master.certificate_file.clone(), master.key_file.clone());
            (Source::Files { certificate, key, authorities }, ca)
        }
        TlsMode::Auto => {
            let authority = catalog
                .authority(sealer)
                .await
                .context("cannot get the certificates' authority (setting master.tls)")?;
            let ca = authority.certificate.clone();
            (Source::Authority { authority, names: names(master, host) }, ca)
        }
    };
    let shown = source.shown()?;
    let acceptor = match &shown {
        Some(shown) => Some(TlsAcceptor::from(Arc::new(scaleout_tls::server_config(shown.clone())?))),
        None => None,
    };
    let links = Links {
        acceptor,
        pins: pins(&ca)?,
        master_ca: ca,
        rabbitmq_url: match master.worker_rabbitmq_url.expose_secret() {
            "" => settings.rabbitmq.url.clone(),
            _ => master.worker_rabbitmq_url.clone(),
        },
        rabbitmq_ca: text_of(&settings.rabbitmq.ca_file, "rabbitmq.ca_file")?,
    };
    Ok((links, Renewal { source, shown }))
}

impl Source {
    fn shown(&self) -> anyhow::Result<Option<Arc<Shown>>> {
        Ok(match self {
            Self::Nowhere => None,
            Self::Files { certificate, key, authorities } => {
                Some(Shown::from_files(certificate, key, authorities)?)
            }
            Self::Authority { authority, names } => {
                let issued = authority.issue(names, Timestamp::now())?;
                Some(Shown::new(issued.chain, issued.key)?)
            }
        })
    }
}

impl Renewal {
    /// Reads the files again when they have changed, makes a new certificate every day, until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let Some(shown) = self.shown else { return };
        match self.source {
            Source::Nowhere => {}
            Source::Files { certificate, key, authorities } => {
                let mut seen = changed_at(&[&certificate, &key]);
                while wait(LOOK_EVERY, &stop).await {
                    let now = changed_at(&[&certificate, &key]);
                    if now == seen {
                        continue;
                    }
                    // Half-written files are read again at the next look: what is bad now is not remembered.
                    match shown.reload(&certificate, &key, &authorities) {
                        Ok(()) => {
                            seen = now;
                            tracing::info!(file = %certificate.display(), "the API shows a new certificate");
                        }
                        Err(error) => tracing::error!(%error, "the API shows the certificate before on"),
                    }
                }
            }
            Source::Authority { authority, names } => {
                while wait(RENEW_EVERY, &stop).await {
                    let renewed = authority
                        .issue(&names, Timestamp::now())
                        .and_then(|issued| shown.replace(issued.chain, issued.key));
                    if let Err(error) = renewed {
                        tracing::error!(%error, "the API shows the certificate before on");
                    }
                }
            }
        }
    }
}

/// Whether to go on, after `pause`.
async fn wait(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::time::timeout(pause, stop.cancelled()).await.is_err()
}

fn changed_at(files: &[&PathBuf]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| std::fs::metadata(file).and_then(|data| data.modified()).ok()).collect()
}

/// What clients may call this master.
fn names(master: &Master, host: &str) -> Vec<String> {
    let mut names = master.names.clone();
    names.extend([host, "localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let ip = master.listen.ip();
    if !ip.is_unspecified() {
        names.push(ip.to_string());
    }
    names.sort();
    names.dedup();
    names
}

fn pins(ca: &str) -> anyhow::Result<Vec<String>> {
    if ca.is_empty() {
        return Ok(Vec::new());
    }
    let all = scaleout_tls::certificates_of(ca.as_bytes()).map_err(anyhow::Error::msg)?;
    Ok(all.iter().map(|one| hex::print(&scaleout_tls::fingerprint(one))).collect())
}

fn text_of(file: &std::path::Path, setting: &str) -> anyhow::Result<String> {
    if file.as_os_str().is_empty() {
        return Ok(String::new());
    }
    std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {} (setting {setting})", file.display()))
}
