//! A TCP proxy between a process and the broker: it cuts, refuses, and keeps what went through.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Listens on a port of its own until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    _end: DropGuard,
}

#[derive(Debug)]
struct Inner {
    target: String,
    /// Counts cuts: a connection lives until it changes.
    cuts: watch::Sender<u64>,
    is_open: watch::Sender<bool>,
    recorded: Mutex<Vec<Vec<u8>>>,
}

impl Proxy {
    /// In front of the server of `url` (`scheme://user:password@host:port/path`).
    ///
    /// # Panics
    /// When the URL is another, or no port can be had.
    pub async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let inner = Arc::new(Inner {
            target: host_of(url).to_owned(),
            cuts: watch::Sender::new(0),
            is_open: watch::Sender::new(true),
            recorded: Mutex::default(),
        });
        let end = CancellationToken::new();
        tokio::spawn(end.clone().run_until_cancelled_owned(accept(listener, inner.clone())));
        Self { address, inner, _end: end.drop_guard() }
    }

    /// `url` with this proxy in the server's place.
    pub fn url(&self, url: &str) -> String {
        url.replacen(host_of(url), &self.address.to_string(), 1)
    }

    /// Cuts every connection in the middle of whatever it does. New ones get through.
    pub fn cut(&self) {
        self.inner.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts every connection, and closes each new one at once.
    pub fn close(&self) {
        self.inner.is_open.send_replace(false);
        self.cut();
    }

    /// Lets new connections through again.
    pub fn open(&self) {
        self.inner.is_open.send_replace(true);
    }

    /// Whether `bytes` went through, either way.
    ///
    /// # Panics
    /// When a task of this proxy has panicked.
    pub fn has_seen(&self, bytes: &[u8]) -> bool {
        let recorded = self.inner.recorded.lock().expect("nobody panics while recording");
        recorded.iter().any(|stream| stream.windows(bytes.len()).any(|window| window == bytes))
    }
}

fn host_of(url: &str) -> &str {
    let (_, rest) = url.split_once('@').expect("a URL with an account");
    rest.split('/').next().expect("a part before the path")
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    while let Ok((client, _)) = listener.accept().await {
        if *inner.is_open.borrow() {
            tokio::spawn(serve(client, inner.clone()));
        }
    }
}

async fn serve(client: TcpStream, inner: Arc<Inner>) {
    let mut cuts = inner.cuts.subscribe();
    let Ok(server) = TcpStream::connect(&inner.target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = copy(from_client, to_server, &inner) => {}
        () = copy(from_server, to_client, &inner) => {}
        _ = cuts.changed() => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, inner: &Inner) {
    let record = {
        let mut recorded = inner.recorded.lock().expect("nobody panics while recording");
        recorded.push(Vec::new());
        recorded.len() - 1
    };
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        inner.recorded.lock().expect("nobody panics while recording")[record]
            .extend_from_slice(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
