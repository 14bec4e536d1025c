//! Serves the router on a listener until told to stop. The caller owns the listener and the signal; here are the
//! connections, whose number is bounded, as is the time that each may hold its place: for a request's head, for a
//! request ([`limits`](super::limits)), and for taking the answer.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

use super::patience::Patient;
use super::refusals::Remote;
use super::router::with_writer;
use super::{AppState, greeting};

/// How long requests that are under way may go on when the master stops.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// How long a client may take nothing of an answer that waits for it.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long what was refused last may take to be written.
const WRITING_MAX: Duration = Duration::from_secs(5);

/// Pause after a connection could not be accepted: the cause, such as too many open files, passes with time only.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Serves until `stop`, then lets what is under way finish for at most [`STOP_GRACE`].
///
/// # Errors
/// None today: a connection that cannot be accepted is logged, and the next one is awaited.
pub async fn serve(listener: TcpListener, state: AppState, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = &state.settings;
    let places = Arc::new(Semaphore::new(settings.connections_max));
    let (connections_max, mut http) = (settings.connections_max, http1::Builder::new());
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(settings.head_wait_s));
    let acceptor = state.links.acceptor.clone();
    let (app, writing) = with_writer(state);
    let connections = TaskTracker::new();
    loop {
        if places.available_permits() == 0 {
            tracing::warn!(connections_max, "as many connections are open as may be: the next one waits");
        }
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let talk = greet(http.clone(), stream, acceptor.clone(), app.clone(), stop.clone());
                connections.spawn(async move {
                    talk.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::error!(%error, "a connection cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(STOP_GRACE, connections.wait()).await.is_err() {
        tracing::warn!(grace = ?STOP_GRACE, "requests still under way were cut off");
    }
    drop(app);
    if tokio::time::timeout(WRITING_MAX, writing).await.is_err() {
        tracing::warn!("what was refused last may be missing in the audit");
    }
    Ok(())
}

/// The next connection, once there is a place for it: until then it waits with the system.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// One connection: the handshake, if there is TLS, and then what is said.
async fn greet(
    http: http1::Builder,
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    app: Router,
    stop: CancellationToken,
) {
    // Answers are small and awaited: one held back for company would come late.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its answers back");
    }
    let remote = stream.peer_addr().ok().map(|address| Remote(address.ip()));
    let app = app.map_request(move |mut request: Request<Incoming>| {
        if let Some(remote) = remote {
            request.extensions_mut().insert(remote);
        }
        request
    });
    let Some(acceptor) = acceptor else { return talk(http, stream, app, stop).await };
    let greeted = tokio::select! {
        () = stop.cancelled() => return,
        greeted = greeting::handshake(&acceptor, stream) => greeted,
    };
    match greeted {
        Ok(stream) => talk(http, stream, app, stop).await,
        Err(error) => tracing::debug!(%error, "a connection came to no TLS"),
    }
}

/// What is said on a connection, to its end; after `stop` to the end of the request under way.
async fn talk<C, S>(http: http1::Builder, stream: C, app: S, stop: CancellationToken)
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response, Error = Infallible> + Clone + Send,
    S::Future: Send,
{
    let stream = TokioIo::new(Patient::new(stream, ANSWER_WAIT_MAX));
    let mut connection = pin!(http.serve_connection(stream, TowerToHyperService::new(app)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
