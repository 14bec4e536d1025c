//! What the proxy does to a connection, on a server that answers each byte with the next one.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Direction, Proxy, Weather};

const SOON: Duration = Duration::from_secs(10);
const NOT_YET: Duration = Duration::from_millis(100);

/// Answers `x` with `x + 1`, and the end of what it hears with `!`.
async fn counting_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("test://user:password@{}/path", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Ok(byte) = client.read_u8().await {
                    client.write_u8(byte + 1).await.unwrap();
                }
                // The client may have gone.
                let _ = client.write_u8(b'!').await;
            });
        }
    });
    url
}

async fn through(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address).await.unwrap()
}

async fn answer(stream: &mut TcpStream) -> std::io::Result<u8> {
    tokio::time::timeout(SOON, stream.read_u8()).await.expect("an answer or an end")
}

async fn asked(stream: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
    stream.write_u8(byte).await?;
    answer(stream).await
}

#[tokio::test]
async fn it_forwards_and_keeps_what_it_was_told_to_keep() {
    let url = counting_server().await;
    let proxy = Proxy::start(&url).await;
    assert_eq!(proxy.url(&url), format!("test://user:password@{}/path", proxy.address));
    assert_eq!(proxy.url("http://example:1/x"), format!("http://{}/x", proxy.address));
    let mut stream = through(&proxy).await;
    assert_eq!(asked(&mut stream, b'a').await.unwrap(), b'b');
    assert!(proxy.has_seen(b"a") && proxy.has_seen(b"b") && !proxy.has_seen(b"c"));
    let forgetful = Proxy::forgetful(&url, 1).await;
    assert_eq!(asked(&mut through(&forgetful).await, b'a').await.unwrap(), b'b');
    assert!(forgetful.inner.recorded.is_none());
}

#[tokio::test]
async fn a_cut_ends_what_is_there_and_lets_new_ones_through() {
    let proxy = Proxy::forgetful(&counting_server().await, 1).await;
    let mut stream = through(&proxy).await;
    assert_eq!(asked(&mut stream, b'a').await.unwrap(), b'b');
    proxy.cut();
    assert!(answer(&mut stream).await.is_err());
    assert_eq!(asked(&mut through(&proxy).await, b'a').await.unwrap(), b'b');
}

#[tokio::test]
async fn refused_is_every_connection_until_it_opens() {
    let proxy = Proxy::forgetful(&counting_server().await, 1).await;
    proxy.close();
    assert!(answer(&mut through(&proxy).await).await.is_err());
    proxy.open();
    assert_eq!(asked(&mut through(&proxy).await, b'a').await.unwrap(), b'b');
}

#[tokio::test]
async fn stalled_bytes_wait_and_come_later() {
    for direction in [Direction::Both, Direction::ToServer, Direction::ToClient] {
        let proxy = Proxy::forgetful(&counting_server().await, 1).await;
        let mut stream = through(&proxy).await;
        assert_eq!(asked(&mut stream, b'a').await.unwrap(), b'b');
        proxy.set(Weather::Stalled(direction));
        stream.write_u8(b'c').await.unwrap();
        let early = tokio::time::timeout(NOT_YET, stream.read_u8()).await;
        assert!(early.is_err(), "{direction:?}: {early:?} came through");
        proxy.open();
        assert_eq!(answer(&mut stream).await.unwrap(), b'd', "{direction:?}");
    }
}

#[tokio::test]
async fn delayed_bytes_take_as_long_as_they_are_told_to() {
    let proxy = Proxy::forgetful(&counting_server().await, 1).await;
    let mut stream = through(&proxy).await;
    let fixed = Duration::from_millis(50);
    proxy.set(Weather::Delayed { fixed, jitter: Duration::from_millis(20) });
    let began = Instant::now();
    assert_eq!(asked(&mut stream, b'a').await.unwrap(), b'b');
    assert!(began.elapsed() >= 2 * fixed, "both ways took {:?}", began.elapsed());
}

#[tokio::test]
async fn half_closed_towards_the_server_still_lets_it_answer() {
    let proxy = Proxy::forgetful(&counting_server().await, 1).await;
    let mut stream = through(&proxy).await;
    assert_eq!(asked(&mut stream, b'a').await.unwrap(), b'b');
    proxy.set(Weather::HalfClosed(Direction::ToServer));
    assert_eq!(answer(&mut stream).await.unwrap(), b'!');
}

#[tokio::test]
async fn half_closed_towards_the_client_ends_what_it_hears() {
    let proxy = Proxy::forgetful(&counting_server().await, 1).await;
    let mut stream = through(&proxy).await;
    assert_eq!(asked(&mut stream, b'a').await.unwrap(), b'b');
    proxy.set(Weather::HalfClosed(Direction::ToClient));
    assert!(answer(&mut stream).await.is_err());
    // Nobody tells the client that what it sends is lost on the way back.
    stream.write_u8(b'c').await.unwrap();
}
