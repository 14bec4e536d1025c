//! What the tests of TLS stand on: authorities and certificates of their own, the real PostgreSQL with TLS turned on,
//! and a front that ends TLS before the real RabbitMQ.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use scaleout_tests::harness::{Call, Cluster, Output, program};
use scaleout_tls::{Shown, certificates_of, server_config};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// An authority of the test's own.
pub(crate) struct Ca {
    params: CertificateParams,
    key: KeyPair,
    pub(crate) pem: String,
}

/// A certificate and its key, in PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { params, key, pem }
    }

    /// For these names; one that has expired long ago, if asked for.
    pub(crate) fn issue(&self, names: &[&str], is_expired: bool) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if is_expired {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let certificate = params.signed_by(&key, &issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// Ends TLS on a port of its own and hands what it hears to `target`. Gives the port.
pub(crate) async fn front(target: String, pair: &Pair) -> u16 {
    let chain = certificates_of(pair.certificate.as_bytes()).unwrap();
    let key = KeyPair::from_pem(&pair.key).unwrap().serialize_der();
    let shown = Shown::new(chain, PrivateKeyDer::try_from(key).unwrap()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server_config(shown).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                // A client that does not like the certificate goes away: that is what some tests want.
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let Ok(mut far) = TcpStream::connect(target).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    port
}

/// The broker's URL through a front that shows `pair`, under `host`.
pub(crate) async fn amqps(cluster: &Cluster, pair: &Pair, host: &str) -> String {
    let url = cluster.vhost.amqp_url.strip_prefix("amqp://").unwrap();
    let (account, rest) = url.split_once('@').unwrap();
    let (address, vhost) = rest.split_once('/').unwrap();
    let port = front(address.to_owned(), pair).await;
    format!("amqps://{account}@{host}:{port}/{vhost}")
}

/// The run's PostgreSQL with TLS, which the tests share as they share the server: its authority, and the certificate
/// for 127.0.0.1 that it shows. What connects without TLS goes on as before.
pub(crate) async fn secure_postgres(cluster: &Cluster) -> &'static (Ca, Pair) {
    static SHOWN: OnceCell<(Ca, Pair)> = OnceCell::const_new();
    let show = async || {
        let ca = Ca::new("The test's authority");
        let pair = ca.issue(&["127.0.0.1"], false);
        postgres_shows(cluster, &pair).await;
        (ca, pair)
    };
    SHOWN.get_or_init(show).await
}

async fn postgres_shows(cluster: &Cluster, pair: &Pair) {
    // The server's own user must own the key, and nobody else read it: so the server writes it.
    for (file, pem) in [("test-tls.crt", &pair.certificate), ("test-tls.key", &pair.key)] {
        let lines: Vec<String> = pem.lines().map(|line| format!("('{line}')")).collect();
        let program = format!("umask 077; cat > {file}");
        let copy = format!("copy (values {}) to program '{program}'", lines.join(", "));
        cluster.catalog.batch_execute(&copy).await.unwrap();
    }
    for setting in ["ssl_cert_file = 'test-tls.crt'", "ssl_key_file = 'test-tls.key'", "ssl = on"] {
        cluster.catalog.batch_execute(&format!("alter system set {setting}")).await.unwrap();
    }
    cluster.catalog.batch_execute("select pg_reload_conf()").await.unwrap();
}

/// The command line with nothing but what is given: another machine.
pub(crate) async fn elsewhere(cluster: &Cluster, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut call = Call::of(program(), cluster.folder()).args(arguments);
    for (name, text) in variables {
        call = call.env(name, text);
    }
    call.run().await
}
