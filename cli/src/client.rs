//! The HTTP API as the command line uses it: one place that sends, repeats and explains. Keeps no state between
//! requests but the connection.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use scaleout_common::api::ErrorBody;
use scaleout_tls::{Trust, client_config};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::environment::Target;
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

/// A master's HTTP API.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    target: Target,
}

/// One request, ready to be sent any number of times.
struct Call {
    method: Method,
    url: Url,
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
    /// # Errors
    /// The URL is none that this build can reach.
    pub(crate) fn new(target: Target) -> Result<Self, Failure> {
        let trust = match target.url.starts_with("https://") {
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
    /// The URL is none that this build can reach.
    pub(crate) fn trusting(target: Target, trust: &Trust) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::usage(format!("{:?} is no master's URL: {why}", target.url))
                .hint("give one like http://127.0.0.1:8391 with --url or SCALEOUT_URL")
        };
        let base = Url::parse(&target.url).map_err(|error| wrong(&error.to_string()))?;
        if !["http", "https"].contains(&base.scheme()) || base.cannot_be_a_base() {
            return Err(wrong("it must begin with https:// or http://"));
        }
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
        Ok(Self { http, base, target })
    }

    /// The URL, without a slash at its end.
    pub(crate) fn address(&self) -> &str {
        &self.target.url
    }

    /// Reads `/api/v1/` + `path` (segments, not yet encoded).
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.call(Call { method: Method::GET, url, body: None, repeat: Repeat::Harmless }).await
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
        self.call(Call { method, url: self.url(path), body: Some(("application/json", bytes)), repeat }).await
    }

    /// Sends bytes as they are.
    pub(crate) async fn upload<T: DeserializeOwned>(
        &self,
        path: &[&str],
        bytes: Vec<u8>,
    ) -> Result<T, Failure> {
        let body = Some(("application/octet-stream", bytes));
        self.call(Call { method: Method::POST, url: self.url(path), body, repeat: Repeat::OnlyUnsent }).await
    }

    /// Whether `/readyz` says yes; if not, why. One try.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        let mut url = self.base.clone();
        url.set_path("/readyz");
        let call = Call { method: Method::GET, url, body: None, repeat: Repeat::Harmless };
        match self.once(&call).await {
            Ok(_) => Ok(()),
            Err(Trouble::Refused { body, .. }) => Err(String::from_utf8_lossy(&body).into_owned()),
            Err(trouble) => Err(self.explain(trouble).message),
        }
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
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
            delay *= 2;
        };
        serde_json::from_slice(&bytes).map_err(|error| {
            Failure::failed(format!(
                "{} answered {} with something else: {error}",
                self.target.url,
                call.url.path()
            ))
            .hint("is it a Scaleout master, and of this version?")
        })
    }

    async fn once(&self, call: &Call) -> Result<Vec<u8>, Trouble> {
        let mut request = self.http.request(call.method.clone(), call.url.clone());
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
        let url = &self.target.url;
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
        let url = client.url(&["projects", "Daily load", "ünï?"]);
        assert_eq!(url.as_str(), "http://127.0.0.1:8391/api/v1/projects/Daily%20load/%C3%BCn%C3%AF%3F");
    }

    #[test]
    fn a_url_that_is_none_is_wrong_usage() {
        for url in ["", "localhost:8391", "ftp://host"] {
            assert_eq!(client(url).unwrap_err().exit, crate::exit::Exit::Usage, "{url}");
        }
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
