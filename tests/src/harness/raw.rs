//! HTTP as bytes on a socket: what no well-behaved client sends. Owns one connection, made anew when it has ended.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take, and how large it may be.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A client of one server.
#[derive(Debug)]
pub struct Raw {
    address: String,
    connection: Option<TcpStream>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl RawAnswer {
    /// A header's text; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let headers = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut named = headers.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.next().map(|(_, text)| text.trim()).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Raw {
    /// Of `http://HOST:PORT`.
    pub fn new(url: &str) -> Self {
        Self { address: url.trim_start_matches("http://").to_owned(), connection: None }
    }

    /// Sends a request and gives what is answered.
    ///
    /// # Errors
    /// The server cannot be reached, or answers with no HTTP in time.
    pub async fn send(&mut self, head: &str, body: &[u8]) -> Result<RawAnswer, String> {
        let whole = [head.as_bytes(), b"\r\n\r\n", body].concat();
        if let Some(connection) = self.connection.take()
            && let Ok(answer) = self.ask(connection, &whole).await
        {
            return Ok(answer);
        }
        // The server may have closed the one before, as it may at any time between requests.
        let connection =
            TcpStream::connect(&self.address).await.map_err(|error| format!("connect: {error}"))?;
        self.ask(connection, &whole).await
    }

    async fn ask(&mut self, mut connection: TcpStream, whole: &[u8]) -> Result<RawAnswer, String> {
        // A server that refuses early answers without reading on: its answer is what counts.
        let written = connection.write_all(whole).await;
        let answered = timeout(ANSWER_MAX, read(&mut connection)).await;
        let answered = answered.map_err(|_| format!("no answer within {ANSWER_MAX:?}"))?;
        let answer = answered.map_err(|error| match &written {
            Ok(()) => error,
            Err(refused) => format!("{error}; the request was cut off: {refused}"),
        })?;
        if written.is_ok() && !answer.header("connection").eq_ignore_ascii_case("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

async fn read(connection: &mut TcpStream) -> Result<RawAnswer, String> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        more(connection, &mut bytes).await?;
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let mut answer =
        RawAnswer { status: status.ok_or_else(|| format!("no HTTP: {head:?}"))?, head, body: Vec::new() };
    let length: usize = answer.header("content-length").parse().unwrap_or(0);
    if length > ANSWER_BYTES_MAX {
        return Err(format!("an answer of {length} bytes"));
    }
    answer.body = bytes.split_off(end + 4);
    while answer.body.len() < length {
        more(connection, &mut answer.body).await?;
    }
    Ok(answer)
}

async fn more(connection: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), String> {
    match connection.read_buf(bytes).await {
        Ok(0) => Err(format!("the connection was closed after {} bytes", bytes.len())),
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
