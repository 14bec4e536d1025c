//! The beginning of a connection with TLS: bounded in time, in a task of its own, and in words for who speaks plain
//! HTTP. A connection holds its place meanwhile, so that their number is bounded as that of all others.

use std::io;
use std::time::Duration;

use scaleout_common::api::{ErrorBody, ErrorCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take for the handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// The first byte of every TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What of a plain request is read before it is answered, in bytes.
const PLAIN_BYTES_MAX: usize = 8 * 1024;

/// Shakes hands.
///
/// # Errors
/// The client took too long, does not speak TLS, or does not like our certificate.
pub(super) async fn handshake(acceptor: &TlsAcceptor, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let shaken = tokio::time::timeout(HANDSHAKE_MAX, async {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
            return answer_plain(stream).await;
        }
        acceptor.accept(stream).await
    });
    shaken.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Tells who speaks HTTP what to do.
async fn answer_plain(mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let mut request = vec![0; PLAIN_BYTES_MAX];
    // Unread bytes would reset the connection before the answer is read.
    let _ = stream.read(&mut request).await?;
    let body = ErrorBody {
        code: ErrorCode::InvalidRequest,
        message: "this master speaks TLS, and the request came without".to_owned(),
        hint: Some("begin its URL with https://".to_owned()),
        problems: Vec::new(),
    };
    let body = serde_json::to_string(&body)?;
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await?;
    Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP on the port for TLS"))
}
