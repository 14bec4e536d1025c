//! Opening a connection.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{ConnectionProperties, ErrorKind};
use scaleout_common::settings::{Rabbitmq, without_password};
use scaleout_tls::{Identity, TlsError, Trust, client_config_with};
use secrecy::ExposeSecret;

use crate::BrokerError;
use crate::connection::{Connection, Place, Socket};

/// How long the handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Opens a connection that the broker shows under `name`.
pub(crate) async fn connect(settings: &Rabbitmq, name: &str) -> Result<Connection, BrokerError> {
    let url = without_password(&settings.url);
    let mut uri: AMQPUri = settings
        .url
        .expose_secret()
        .parse()
        .map_err(|reason: String| BrokerError::Url { url: url.clone(), reason })?;
    uri.query.heartbeat = Some(settings.heartbeat_s);
    // lapin's automatic recovery stays off: see the supervisor.
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let is_secure = uri.scheme == AMQPScheme::AMQPS;
    let tls = is_secure.then(|| tls(settings)).transpose();
    let tls = tls.map_err(|error| BrokerError::Connect { url: url.clone(), reason: error.to_string() })?;
    // Of a handshake that is given up, this ends the socket.
    let socket = Socket::default();
    let connecting = handshake(uri, properties, tls, socket.place());
    match tokio::time::timeout(HANDSHAKE_MAX, connecting).await {
        Ok(Ok(connection)) => Ok(Connection::new(connection, socket)),
        Ok(Err(error)) => Err(BrokerError::Connect { url, reason: words(&error, is_secure) }),
        Err(_) => Err(BrokerError::Connect {
            url,
            reason: format!("no answer within {} s", HANDSHAKE_MAX.as_secs()),
        }),
    }
}

/// The client's side of TLS. Read anew for each connection: what the files hold may change.
fn tls(settings: &Rabbitmq) -> Result<RustlsConnector, TlsError> {
    let certificate = (settings.certificate_file.as_path(), "rabbitmq.certificate_file");
    let identity = Identity::from_files(certificate, (&settings.key_file, "rabbitmq.key_file"))?;
    let trust = Trust::from_file(&settings.ca_file, "rabbitmq.ca_file")?;
    Ok(RustlsConnector::from(Arc::new(client_config_with(&trust, identity)?)))
}

/// As lapin connects, but with our own configuration of TLS, for whom to trust is decided in one place for all links; and
/// with a second handle of the socket in `place`.
async fn handshake(
    uri: AMQPUri,
    properties: ConnectionProperties,
    tls: Option<RustlsConnector>,
    place: Place,
) -> lapin::Result<lapin::Connection> {
    let runtime = lapin::runtime::default_runtime()?;
    let connect = async move |uri: AMQPUri, runtime: async_rs::TokioRuntime| {
        let address = runtime.to_socket_addrs((uri.authority.host.clone(), uri.authority.port));
        let stream = AsyncTcpStream::connect(&runtime, address).await?;
        if let AsyncTcpStream::Plain(plain) = &stream {
            place.put(plain.get_ref().as_fd().try_clone_to_owned()?.into())?;
        }
        match &tls {
            Some(tls) => Ok(stream.into_rustls(tls, &uri.authority.host).await?),
            None => Ok(stream),
        }
    };
    lapin::Connection::connector(uri, runtime, connect, properties).await
}

fn words(error: &lapin::Error, is_secure: bool) -> String {
    match scaleout_tls::tls_error(error) {
        Some(tls) => scaleout_tls::explain(tls, "the setting rabbitmq.ca_file"),
        None => match error.kind() {
            ErrorKind::ParsingError(_) | ErrorKind::IOError(_) if !is_secure && !is_refused(error) => {
                format!("{error} (if that is the port for TLS, the URL begins with amqps://)")
            }
            _ => error.to_string(),
        },
    }
}

/// Nobody listens, or cannot be found: nothing that TLS has to do with.
fn is_refused(error: &lapin::Error) -> bool {
    use std::io::ErrorKind as Io;
    matches!(error.kind(), ErrorKind::IOError(io)
        if !matches!(io.kind(), Io::UnexpectedEof | Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe))
}
