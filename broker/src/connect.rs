//! Opening a connection.

use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use scaleout_common::settings::{Rabbitmq, without_password};
use secrecy::ExposeSecret;

use crate::BrokerError;

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
    uri.query.connection_timeout = Some(HANDSHAKE_MAX.as_millis() as u64);
    // lapin's automatic recovery stays off: see the supervisor.
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    match tokio::time::timeout(HANDSHAKE_MAX, Connection::connect_uri(uri, properties)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(BrokerError::Connect { url, reason: error.to_string() }),
        Err(_) => Err(BrokerError::Connect {
            url,
            reason: format!("no answer within {} s", HANDSHAKE_MAX.as_secs()),
        }),
    }
}
