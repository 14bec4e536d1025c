//! The HTTP API as the command line uses it: one place that sends, repeats and explains. Keeps no state between
//! requests but the connection, and which of several masters answered last.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use scaleout_common::api::ErrorBody;
use scaleout_tls::{Trust, client_config};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::environment::Target;
use crate::events::{Event, Events};
use crate::exit::Failure;

/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long one request may take, answer included.
const REQUEST_MAX: Duration = Duration::from_secs(120);
/// How long a request that did not get through is repeated: long enough for a master that is started again.
const REPEAT_MAX: Duration = Duration::from_secs(5);
/// The first wait before repeating; it doubles.
const REPEAT_DELAY_MIN: Duration = Duration::from_millis(200);
/// The longest `Retry-After` that is honoured.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);
/// How long a stream may last: longer than a master lets it.
const STREAM_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How long it may be silent: three of its keep-alives.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What a stream consists of.
const EVENTS: &str = "text/event-stream";
/// Where the authorities to trust are named.
const CA_PLACES: &str = "SCALEOUT_CA_FILE, --ca-file or the setting api.ca_file";
/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Whether a request may be sent again when it is not known if it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// The second time changes nothing: reading, canceling, setting, and enqueueing with one request id.
    Harmless,
    /// Only if it cannot have arrived.
    OnlyUnsent,
}

/// The HTTP API of a master, or of several that share a catalog.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// As they were given, and as they are asked. At least one.
    bases: Vec<(String, Url)>,
    /// Counts up to the next one when one does not answer.
    turn: Arc<AtomicUsize>,
    target: Target,
}

/// One request, ready to be sent any number of times, to any of the masters.
struct Call {
    method: Method,
    /// Segments, not yet encoded.
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    /// Content type and bytes.
    body: Option<(&'static str, Vec<u8>)>,
    repeat: Repeat,
}

enum Trouble {
    /// The master answered, and not with what was asked for.
    Refused {
        status: StatusCode,
        body: Vec<u8>,
        retry_after: Option<Duration>,
    },
    /// No answer, or only part of one.
    Lost(reqwest::Error),
    TooLarge,
}

impl Client {
    /// Of the target's URL, or of several with commas between them: when one does not answer, the next is asked.
    ///
    /// # Errors
    /// A URL is none that this build can reach.
    pub(crate) fn new(target: Target) -> Result<Self, Failure> {
        let trust = match target.url.contains("https://") {
            true => Trust::from_file(&target.ca_file, "api.ca_file").map_err(|error| {
                Failure::usage(error.to_string()).hint("SCALEOUT_CA_FILE and --ca-file name it too")
            })?,
            // Nobody is asked for a certificate.
            false => Trust::Only(Vec::new()),
        };
        Self::trusting(target, &trust)
    }

    /// One that trusts others than the target says.
    ///
    /// # Errors
    /// A URL is none that this build can reach.
    pub(crate) fn trusting(target: Target, trust: &Trust) -> Result<Self, Failure> {
        let bases = target.url.split(',').map(base).collect::<Result<_, _>>()?;
        let tls = client_config(trust).map_err(|error| Failure::usage(error.to_string()))?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .timeout(REQUEST_MAX)
            // A token sent in the clear is for the master alone.
            .no_proxy()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Failure::failed(format!("cannot prepare for HTTP: {error}")))?;
        Ok(Self { http, bases, turn: Arc::default(), target })
    }

    /// The URL, without a slash at its end.
    pub(crate) fn address(&self) -> &str {
        &self.target.url
    }

    /// Reads `/api/v1/` + `path` (segments, not yet encoded).
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, String)],
    ) -> Result<T, Failure> {
        let (path, query) = (api(path), query.to_vec());
        self.call(Call { method: Method::GET, path, query, body: None, repeat: Repeat::Harmless }).await
    }

    /// Sends `body` as JSON.
    pub(crate) async fn send<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &B,
        repeat: Repeat,
    ) -> Result<T, Failure> {
        let bytes = serde_json::to_vec(body)
            .map_err(|error| Failure::failed(format!("cannot write the request as JSON: {error}")))?;
        let body = Some(("application/json", bytes));
        self.call(Call { method, path: api(path), query: Vec::new(), body, repeat }).await
    }

    /// Sends bytes as they are.
    pub(crate) async fn upload<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&'static str, String)],
        bytes: Vec<u8>,
    ) -> Result<T, Failure> {
        let body = Some(("application/octet-stream", bytes));
        let (path, repeat) = (api(path), Repeat::OnlyUnsent);
        self.call(Call { method: Method::POST, path, query: query.to_vec(), body, repeat }).await
    }

    /// Whether `/readyz` says yes; if not, why. One try.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        let (path, repeat) = (vec!["readyz".to_owned()], Repeat::Harmless);
        let call = Call { method: Method::GET, path, query: Vec::new(), body: None, repeat };
        match self.once(&call).await {
            Ok(_) => Ok(()),
            Err(Trouble::Refused { body, .. }) => Err(String::from_utf8_lossy(&body).into_owned()),
            Err(trouble) => Err(self.explain(trouble).message),
        }
    }

    /// Begins to read events, behind the one with the id `after`. One try: who reads goes on by itself.
    ///
    /// # Errors
    /// See [`NotOpened`].
    pub(crate) async fn open(&self, path: &[&str], after: Option<&str>) -> Result<EventStream, NotOpened> {
        let mut request = self.http.get(self.url(&api(path), &[])).timeout(STREAM_MAX).header(ACCEPT, EVENTS);
        if let Some(token) = &self.target.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        // What says no answers as it does to any request: in time.
        let opened = match tokio::time::timeout(REQUEST_MAX, request.send()).await {
            Ok(Ok(response)) if response.status().is_success() => {
                return Ok(EventStream { response, events: Events::default() });
            }
            Ok(opened) => opened,
            Err(_) => {
                return Err(NotOpened::Lost(Failure::unreachable(format!("{} is silent", self.here()))));
            }
        };
        let trouble = match opened {
            Ok(response) => {
                let status = response.status();
                let body = response.bytes().await.unwrap_or_default().to_vec();
                Trouble::Refused { status, body, retry_after: None }
            }
            Err(error) => Trouble::Lost(error),
        };
        let may_pass = repeat_after(&trouble, Repeat::Harmless, REPEAT_DELAY_MIN).is_some();
        // Told apart from an execution that is not there by the path, which only who does not know it repeats.
        let is_unknown = |body: &[u8]| String::from_utf8_lossy(body).contains("/messages/stream");
        let is_older = matches!(&trouble, Trouble::Refused { status: StatusCode::NOT_FOUND, body, .. }
            if is_unknown(body));
        let failure = self.explain(trouble);
        Err(match (is_older, may_pass) {
            (true, _) => NotOpened::Older,
            (_, true) => NotOpened::Lost(failure),
            _ => NotOpened::Refused(failure),
        })
    }

    /// The master that is asked, as it was given.
    pub(crate) fn here(&self) -> &str {
        &self.bases[self.turn.load(Ordering::Relaxed) % self.bases.len()].0
    }

    /// Asks the next master from now on, if there are several.
    pub(crate) fn turn(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }

    fn url(&self, path: &[String], query: &[(&str, String)]) -> Url {
        let mut url = self.bases[self.turn.load(Ordering::Relaxed) % self.bases.len()].1.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        let deadline = Instant::now() + REPEAT_MAX;
        let mut delay = REPEAT_DELAY_MIN;
        let bytes = loop {
            let trouble = match self.once(&call).await {
                Ok(bytes) => break bytes,
                Err(trouble) => trouble,
            };
            let Some(wait) = repeat_after(&trouble, call.repeat, delay) else {
                return Err(self.explain(trouble));
            };
            if Instant::now() + wait > deadline {
                return Err(self.explain(trouble));
            }
            tokio::time::sleep(wait).await;
            self.turn();
            delay *= 2;
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::failed(format!(
                "{} answered {} with something else: {error}",
                self.here(),
                call.path.join("/")
            ))
            .hint("is it a Scaleout master, and of this version?")
        })
    }

    async fn once(&self, call: &Call) -> Result<Vec<u8>, Trouble> {
        let mut request = self.http.request(call.method.clone(), self.url(&call.path, &call.query));
        if let Some(token) = &self.target.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some((content_type, bytes)) = &call.body {
            request = request.header(CONTENT_TYPE, *content_type).body(bytes.clone());
        }
        let mut response = request.send().await.map_err(Trouble::Lost)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Trouble::Lost)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Trouble::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let status = response.status();
        if status.is_success() {
            return Ok(body);
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Err(Trouble::Refused { status, body, retry_after: retry_after.map(Duration::from_secs) })
    }

    fn explain(&self, trouble: Trouble) -> Failure {
        let url = self.here();
        match trouble {
            Trouble::Refused { status, body, .. } => match serde_json::from_slice::<ErrorBody>(&body) {
                Ok(error) => Failure::from(error),
                Err(_) => {
                    Failure::unreachable(format!("{url} answered {status}, not as a Scaleout master does"))
                        .hint("is this the master's URL? Give it with --url or SCALEOUT_URL")
                }
            },
            Trouble::Lost(error) if scaleout_tls::tls_error(&error).is_some() => {
                Failure::unreachable(format!("no trusted link to the master at {url}: {}", causes(&error)))
            }
            Trouble::Lost(error) => {
                Failure::unreachable(format!("cannot reach the master at {url}: {}", causes(&error)))
                    .hint("is it running? `scaleout dev` starts one; --url or SCALEOUT_URL names another")
            }
            Trouble::TooLarge => {
                Failure::failed(format!("{url} answered with more than {ANSWER_BYTES_MAX} bytes"))
            }
        }
    }
}

/// Events as they come.
pub(crate) struct EventStream {
    response: reqwest::Response,
    events: Events,
}

/// Why there is no stream.
pub(crate) enum NotOpened {
    /// The master is of a version that has none.
    Older,
    /// It may be there in a moment, or at another master.
    Lost(Failure),
    Refused(Failure),
}

impl EventStream {
    /// The next events, which may be none; `None` at the end.
    ///
    /// # Errors
    /// Why it was cut off, in words.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Event>>, String> {
        let chunk = tokio::time::timeout(SILENCE_MAX, self.response.chunk()).await;
        let chunk = chunk.map_err(|_| format!("nothing came for {} s", SILENCE_MAX.as_secs()))?;
        let Some(bytes) = chunk.map_err(|error| causes(&error))? else { return Ok(None) };
        let events = self.events.read(&bytes);
        events.map(Some).map_err(|_| "it sends what no master does".to_owned())
    }
}

/// The segments under which the API lies, and those of `path`.
fn api(path: &[&str]) -> Vec<String> {
    ["api", "v1"].iter().chain(path).map(|segment| (*segment).to_owned()).collect()
}

/// One master's URL, and how it is shown.
fn base(text: &str) -> Result<(String, Url), Failure> {
    let text = text.trim().trim_end_matches('/');
    let wrong = |why: &str| {
        Failure::usage(format!("{text:?} is no master's URL: {why}"))
            .hint("give one like http://127.0.0.1:8391 with --url or SCALEOUT_URL; several with commas between them")
    };
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !["http", "https"].contains(&url.scheme()) || url.cannot_be_a_base() {
        return Err(wrong("it must begin with https:// or http://"));
    }
    Ok((text.to_owned(), url))
}

/// How long to wait before sending again; `None` if that is of no use or not safe.
fn repeat_after(trouble: &Trouble, repeat: Repeat, delay: Duration) -> Option<Duration> {
    match trouble {
        // The master says that it did nothing.
        Trouble::Refused { status: StatusCode::SERVICE_UNAVAILABLE, retry_after, .. } => {
            Some(retry_after.map_or(delay, |wait| wait.clamp(REPEAT_DELAY_MIN, RETRY_AFTER_MAX)))
        }
        // Another try finds the same certificate.
        Trouble::Lost(error) if scaleout_tls::tls_error(error).is_some() => None,
        Trouble::Lost(error) if error.is_connect() => Some(delay),
        // A request that took so long once will again.
        Trouble::Lost(error) if error.is_timeout() => None,
        Trouble::Lost(_) => (repeat == Repeat::Harmless).then_some(delay),
        Trouble::Refused { .. } | Trouble::TooLarge => None,
    }
}

/// The innermost cause, which is the one that helps ("connection refused").
pub(crate) fn causes(error: &reqwest::Error) -> String {
    if let Some(tls) = scaleout_tls::tls_error(error) {
        return scaleout_tls::explain(tls, CA_PLACES);
    }
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn client(url: &str) -> Result<Client, Failure> {
        Client::new(Target { url: url.to_owned(), token: None, ca_file: Default::default() })
    }

    fn refused(status: StatusCode, retry_after: Option<u64>) -> Trouble {
        Trouble::Refused { status, body: Vec::new(), retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn names_become_one_segment_each() {
        let client = client("http://127.0.0.1:8391").unwrap();
        let url = client.url(&api(&["projects", "Daily load", "ünï?"]), &[]);
        assert_eq!(url.as_str(), "http://127.0.0.1:8391/api/v1/projects/Daily%20load/%C3%BCn%C3%AF%3F");
    }

    #[test]
    fn several_masters_are_asked_in_turn() {
        let client = client("http://a:1, http://b:2/x/").unwrap();
        let mut asked = Vec::new();
        for _ in 0..3 {
            asked.push((client.here().to_owned(), client.url(&api(&["status"]), &[]).to_string()));
            client.turn();
        }
        let a = ("http://a:1".to_owned(), "http://a:1/api/v1/status".to_owned());
        let b = ("http://b:2/x".to_owned(), "http://b:2/x/api/v1/status".to_owned());
        assert_eq!(asked, [a.clone(), b, a]);
    }

    #[test]
    fn a_url_that_is_none_is_wrong_usage() {
        for url in ["", "localhost:8391", "ftp://host", "http://a:1,"] {
            assert_eq!(client(url).unwrap_err().exit, crate::exit::Exit::Usage, "{url}");
        }
    }

    #[tokio::test]
    async fn a_master_that_has_no_streams_is_told_from_an_execution_that_is_not_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let answers = async {
            for message in ["there is no GET /api/v1/executions/x/messages/stream", "there is no execution x"]
            {
                let (mut connection, _) = listener.accept().await.unwrap();
                let body = format!(r#"{{"code":"not-found","message":"{message}"}}"#);
                let answer = format!(
                    "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        };
        let path = ["executions", "x", "messages", "stream"];
        let asked = async { (client.open(&path, None).await, client.open(&path, Some("1.1")).await) };
        let ((first, second), ()) = tokio::join!(asked, answers);
        assert!(matches!(first, Err(NotOpened::Older)));
        assert!(
            matches!(second, Err(NotOpened::Refused(failure)) if failure.exit == crate::exit::Exit::NotFound)
        );
    }

    #[test]
    fn only_what_changes_nothing_is_sent_again() {
        let delay = Duration::from_millis(200);
        let busy = refused(StatusCode::SERVICE_UNAVAILABLE, Some(1));
        assert_eq!(repeat_after(&busy, Repeat::OnlyUnsent, delay), Some(Duration::from_secs(1)));
        let never = refused(StatusCode::SERVICE_UNAVAILABLE, Some(86_400));
        assert_eq!(repeat_after(&never, Repeat::Harmless, delay), Some(RETRY_AFTER_MAX));
        assert_eq!(repeat_after(&refused(StatusCode::NOT_FOUND, None), Repeat::Harmless, delay), None);
    }
}
