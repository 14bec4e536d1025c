//! A connection that ends when it is dropped.
//!
//! The client library ends one with the last of its channels and consumers. Of a call that was given up in the middle it
//! keeps them: the connection would live on, and a consumer on it be given messages that nobody takes.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

/// How long the broker may take to answer the close of a connection or a channel.
pub(crate) const CLOSE_MAX: Duration = Duration::from_secs(3);

/// Owns a connection to the broker.
pub(crate) struct Connection(Arc<lapin::Connection>);

impl Connection {
    pub(crate) fn new(connection: lapin::Connection) -> Self {
        Self(Arc::new(connection))
    }

    /// Closes it in order. A broker that does not answer, as one with an alarm does on a connection that publishes, is
    /// waited for no longer than [`CLOSE_MAX`].
    pub(crate) async fn end(&self) {
        end(&self.0).await;
    }
}

impl Deref for Connection {
    type Target = lapin::Connection;

    fn deref(&self) -> &lapin::Connection {
        &self.0
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Without a runtime the process ends, and its connections with it.
        let (true, Ok(runtime)) = (self.0.status().connected(), Handle::try_current()) else { return };
        let connection = Arc::clone(&self.0);
        runtime.spawn(async move { end(&connection).await });
    }
}

async fn end(connection: &lapin::Connection) {
    match tokio::time::timeout(CLOSE_MAX, connection.close(200, "done".into())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the broker was closed already"),
        Err(_) => tracing::debug!("the broker does not answer a close"),
    }
}
