//! A TCP proxy in front of a server: it cuts, refuses, stalls, delays and half-closes, and keeps what went through if
//! it is asked to. Owns a port and the connections through it; holds at most a chunk of each direction.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::random::Random;

/// What is read at once, and so what a stalled direction holds besides the system's own buffers.
const CHUNK_BYTES: usize = 64 * 1024;

/// Listens on a port of its own until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    _end: DropGuard,
}

/// What a proxy does to the bytes that pass, in all its connections, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It forwards them.
    Fair,
    /// It takes them and forwards none in that direction, until the weather changes; then it forwards them all.
    Stalled(Direction),
    /// Each chunk waits for `fixed` and up to `jitter` more.
    Delayed { fixed: Duration, jitter: Duration },
    /// Whoever receives in that direction hears its end, and what is sent is lost; the other direction goes on. A
    /// connection that was half-closed stays so.
    HalfClosed(Direction),
    /// Connections are closed as soon as they are made.
    Refused,
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    ToServer,
    ToClient,
    Both,
}

impl Direction {
    fn covers(self, one: Direction) -> bool {
        self == one || self == Direction::Both
    }
}

#[derive(Debug)]
struct Inner {
    target: String,
    /// Counts cuts: a connection lives until it changes.
    cuts: watch::Sender<u64>,
    weather: watch::Sender<Weather>,
    /// What went through; `None` when it is not to be kept.
    recorded: Option<Mutex<Vec<Vec<u8>>>>,
    jitter: Mutex<Random>,
}

impl Proxy {
    /// In front of the server of `url` (`scheme://user:password@host:port/path`, the account optional). Keeps
    /// everything that goes through.
    ///
    /// # Panics
    /// When the URL is another, or no port can be had.
    pub async fn start(url: &str) -> Self {
        Self::with(url, Some(Mutex::default()), 0).await
    }

    /// The same, but it keeps nothing; its jitter follows from `seed`.
    ///
    /// # Panics
    /// As [`Proxy::start`].
    pub async fn forgetful(url: &str, seed: u64) -> Self {
        Self::with(url, None, seed).await
    }

    async fn with(url: &str, recorded: Option<Mutex<Vec<Vec<u8>>>>, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let inner = Arc::new(Inner {
            target: host_of(url).to_owned(),
            cuts: watch::Sender::new(0),
            weather: watch::Sender::new(Weather::Fair),
            recorded,
            jitter: Mutex::new(Random::new(seed)),
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
        self.set(Weather::Refused);
        self.cut();
    }

    /// Lets everything through again.
    pub fn open(&self) {
        self.set(Weather::Fair);
    }

    /// Changes the weather for the connections that are there and those to come.
    pub fn set(&self, weather: Weather) {
        self.inner.weather.send_replace(weather);
    }

    /// Whether `bytes` went through, either way.
    ///
    /// # Panics
    /// When this proxy keeps nothing, or a task of it has panicked.
    pub fn has_seen(&self, bytes: &[u8]) -> bool {
        let recorded = self.inner.recorded.as_ref().expect("this proxy was told to keep what passes");
        let recorded = recorded.lock().expect("nobody panics while recording");
        recorded.iter().any(|stream| stream.windows(bytes.len()).any(|window| window == bytes))
    }
}

fn host_of(url: &str) -> &str {
    let (_, rest) = url.split_once("://").expect("a URL with a scheme");
    let authority = rest.split('/').next().expect("a part before the path");
    authority.rsplit('@').next().expect("a part behind the account")
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) if *inner.weather.borrow() != Weather::Refused => {
                tokio::spawn(serve(client, inner.clone()));
            }
            Ok(_) => {}
            // Out of descriptors, or a client that has gone again: the next one may do better.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(client: TcpStream, inner: Arc<Inner>) {
    let mut cuts = inner.cuts.subscribe();
    let Ok(server) = TcpStream::connect(&inner.target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = Flow { from: from_client, to: to_server, direction: Direction::ToServer };
    let back = Flow { from: from_server, to: to_client, direction: Direction::ToClient };
    tokio::select! {
        () = there.run(&inner) => {}
        () = back.run(&inner) => {}
        _ = cuts.changed() => {}
    }
}

/// One direction of one connection.
struct Flow {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    direction: Direction,
}

impl Flow {
    /// Forwards until either side closes.
    async fn run(mut self, inner: &Inner) {
        let record = inner.begin_record();
        let mut weather = inner.weather.subscribe();
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let count = tokio::select! {
                read = self.from.read(&mut buffer) => match read {
                    Ok(count @ 1..) => count,
                    _ => return,
                },
                () = half_closed(&mut weather, self.direction) => return self.swallow(&mut buffer).await,
            };
            inner.keep(record, &buffer[..count]);
            if !self.get_through(inner, &mut weather).await {
                return self.swallow(&mut buffer).await;
            }
            if self.to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    }

    /// Waits as the weather demands; false when nothing may pass here any more.
    async fn get_through(&self, inner: &Inner, weather: &mut watch::Receiver<Weather>) -> bool {
        loop {
            let now = *weather.borrow_and_update();
            match now {
                Weather::HalfClosed(direction) if direction.covers(self.direction) => return false,
                Weather::Stalled(direction) if direction.covers(self.direction) => {
                    // The sender lives as long as the proxy, which outlives its connections.
                    let _ = weather.changed().await;
                }
                Weather::Delayed { fixed, jitter } => {
                    tokio::time::sleep(fixed + inner.up_to(jitter)).await;
                    return true;
                }
                _ => return true,
            }
        }
    }

    /// Tells the receiver that this was all, and lets the rest vanish until the sender closes.
    async fn swallow(mut self, buffer: &mut [u8]) {
        // A receiver that has gone needs not be told.
        let _ = self.to.shutdown().await;
        while let Ok(1..) = self.from.read(buffer).await {}
    }
}

async fn half_closed(weather: &mut watch::Receiver<Weather>, flow: Direction) {
    let is_half = |now: &Weather| matches!(now, Weather::HalfClosed(one) if one.covers(flow));
    if weather.wait_for(is_half).await.is_err() {
        // The proxy is gone, and its connections go with it.
        std::future::pending::<()>().await;
    }
}

impl Inner {
    fn begin_record(&self) -> usize {
        let Some(recorded) = &self.recorded else { return 0 };
        let mut recorded = recorded.lock().expect("nobody panics while recording");
        recorded.push(Vec::new());
        recorded.len() - 1
    }

    fn keep(&self, record: usize, bytes: &[u8]) {
        if let Some(recorded) = &self.recorded {
            recorded.lock().expect("nobody panics while recording")[record].extend_from_slice(bytes);
        }
    }

    fn up_to(&self, jitter: Duration) -> Duration {
        let mut random = self.jitter.lock().expect("nobody panics while drawing");
        jitter.mul_f64(random.share())
    }
}

#[cfg(test)]
mod tests;
