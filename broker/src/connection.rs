//! A connection that ends when it is dropped.
//!
//! The client library ends one with the last of its channels and consumers. Of a call that was given up in the middle it
//! keeps them: the connection would live on, and a consumer on it be given messages that nobody takes.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

/// How long the broker may take to answer the close of a connection or a channel.
pub(crate) const CLOSE_MAX: Duration = Duration::from_secs(3);

/// Owns a connection to the broker.
pub(crate) struct Connection {
    connection: Arc<lapin::Connection>,
    /// Goes last, when the broker has answered the close or has not within [`CLOSE_MAX`].
    socket: Option<Socket>,
}

/// A connection's socket, once it has one. When this is dropped nothing more is sent or received over it: of a close or a
/// handshake that is never answered the client library would keep thread and socket for ever.
#[derive(Default)]
pub(crate) struct Socket(Place);

/// Where whoever connects puts a second handle of the socket.
#[derive(Clone, Default)]
pub(crate) struct Place(Arc<Mutex<Held>>);

#[derive(Default)]
enum Held {
    #[default]
    Nothing,
    Handle(TcpStream),
    /// The connection was given up.
    Over,
}

impl Connection {
    pub(crate) fn new(connection: lapin::Connection, socket: Socket) -> Self {
        Self { connection: Arc::new(connection), socket: Some(socket) }
    }

    /// Closes it in order. A broker that does not answer, as one with an alarm does on a connection that publishes, is
    /// waited for no longer than [`CLOSE_MAX`].
    pub(crate) async fn end(&self) {
        end(&self.connection).await;
    }
}

impl Deref for Connection {
    type Target = lapin::Connection;

    fn deref(&self) -> &lapin::Connection {
        &self.connection
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (connection, socket) = (Arc::clone(&self.connection), self.socket.take());
        // Without a runtime the process ends, and its connections with it.
        let (true, Ok(runtime)) = (connection.status().connected(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            end(&connection).await;
            drop(socket);
        });
    }
}

impl Socket {
    pub(crate) fn place(&self) -> Place {
        self.0.clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Held::Handle(socket) = std::mem::replace(&mut *self.0.held(), Held::Over) {
            // An error says that it has ended already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Place {
    /// Puts it there, in the place of an earlier one.
    ///
    /// # Errors
    /// The connection was given up meanwhile.
    pub(crate) fn put(&self, socket: TcpStream) -> io::Result<()> {
        let mut held = self.held();
        if matches!(*held, Held::Over) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was given up"));
        }
        *held = Held::Handle(socket);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn end(connection: &lapin::Connection) {
    match tokio::time::timeout(CLOSE_MAX, connection.close(200, "done".into())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the broker was closed already"),
        Err(_) => tracing::debug!("the broker does not answer a close"),
    }
}
