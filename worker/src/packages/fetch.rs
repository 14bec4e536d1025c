//! Fetching from the masters' HTTP API what never travels by AMQP: bundles, sensitive values and large ones.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::StatusCode;
use scaleout_broker::jitter;
use scaleout_common::api::{ErrorBody, ExecutionValues};
use scaleout_common::ids::{Attempt, ExecutionId, SessionId};
use scaleout_common::protocol::backoff::reconnect_delay;
use scaleout_common::settings::Worker;
use scaleout_tls::{Trust, client_config};
use secrecy::{ExposeSecret, SecretString};

/// How long one request may take. A bundle of 64 MiB takes a minute at 9 Mbit/s.
const REQUEST_MAX: Duration = Duration::from_secs(60);
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// How long all masters may be out of reach before an attempt fails for it.
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Where the masters' authorities are named.
const CA_SETTING: &str = "worker.ca_file";

/// Largest answer in bytes: a bundle.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("no master could be reached for {} s to fetch {what}: {last}", GIVE_UP_AFTER.as_secs())]
    Unreachable { what: String, last: String },
    #[error("the master refused to give {what}: {reason}")]
    Refused { what: String, reason: String },
    #[error("the master does not have {what}: {reason}")]
    Gone { what: String, reason: String },
    #[error("the master's answer to {what} is damaged: {reason}")]
    Damaged { what: String, reason: String },
}

/// The masters' HTTP APIs.
pub(crate) struct Masters {
    client: reqwest::Client,
    urls: Vec<String>,
    token: SecretString,
}

impl Masters {
    pub(crate) fn new(settings: &Worker) -> anyhow::Result<Self> {
        let mut client = reqwest::Client::builder().timeout(REQUEST_MAX).connect_timeout(CONNECT_MAX);
        let is_secure = settings.master_urls.iter().any(|url| url.starts_with("https://"));
        let trust = if is_secure {
            Trust::from_file(&settings.ca_file, CA_SETTING)?
        } else {
            Trust::Only(Vec::new())
        };
        client = client.tls_backend_preconfigured(client_config(&trust)?);
        let client = client.build()?;
        let urls = settings.master_urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Ok(Self { client, urls, token: settings.token.clone() })
    }

    /// A bundle's bytes. The caller verifies them.
    pub(crate) async fn bundle(&self, hash: &str) -> Result<Vec<u8>, FetchError> {
        self.get(&format!("bundle {hash}"), &format!("/api/v1/bundles/{hash}")).await
    }

    /// The values of an execution that this session holds.
    pub(crate) async fn values(
        &self,
        execution: ExecutionId,
        attempt: Attempt,
        session: SessionId,
    ) -> Result<ExecutionValues, FetchError> {
        let what = format!("the values of execution {execution}");
        let path = format!(
            "/api/v1/executions/{execution}/values?attempt={attempt}&worker={}&session={}",
            session.worker, session.counter
        );
        let bytes = self.get(&what, &path).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| FetchError::Damaged { what, reason: error.to_string() })
    }

    /// Asks one master after another, again and again for a while. What a master refuses is refused.
    async fn get(&self, what: &str, path: &str) -> Result<Vec<u8>, FetchError> {
        let began = tokio::time::Instant::now();
        let mut failures = 0;
        loop {
            let mut last = "the setting worker.master_urls is empty".to_owned();
            for url in &self.urls {
                match self.ask(&format!("{url}{path}")).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(Miss::Gone(reason)) => {
                        return Err(FetchError::Gone { what: what.to_owned(), reason });
                    }
                    Err(Miss::Refused(reason)) => {
                        return Err(FetchError::Refused { what: what.to_owned(), reason });
                    }
                    Err(Miss::Unreachable(reason)) => last = format!("{url}: {reason}"),
                }
            }
            failures += 1;
            if began.elapsed() > GIVE_UP_AFTER {
                return Err(FetchError::Unreachable { what: what.to_owned(), last });
            }
            tracing::warn!(what, last, "no master gives it: trying again");
            tokio::time::sleep(reconnect_delay(failures, jitter())).await;
        }
    }

    async fn ask(&self, url: &str) -> Result<Vec<u8>, Miss> {
        let request = self.client.get(url).bearer_auth(self.token.expose_secret());
        let response = request.send().await.map_err(|error| Miss::Unreachable(describe(&error)))?;
        let status = response.status();
        let body = read(response).await?;
        match status {
            StatusCode::OK => Ok(body),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Miss::Unreachable(refusal(status, &body)))
            }
            StatusCode::NOT_FOUND => Err(Miss::Gone(refusal(status, &body))),
            status => Err(Miss::Refused(refusal(status, &body))),
        }
    }
}

enum Miss {
    Gone(String),
    Unreachable(String),
    Refused(String),
}

async fn read(response: reqwest::Response) -> Result<Vec<u8>, Miss> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Miss::Unreachable(describe(&error)))?;
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Miss::Refused(format!("the answer has more than {ANSWER_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refusal(status: StatusCode, body: &[u8]) -> String {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(error) => match error.hint {
            Some(hint) => format!("{} ({hint})", error.message),
            None => error.message,
        },
        Err(_) => status.to_string(),
    }
}

/// reqwest's own message hides the cause.
fn describe(error: &reqwest::Error) -> String {
    if let Some(tls) = scaleout_tls::tls_error(error) {
        return scaleout_tls::explain(tls, "the setting worker.ca_file");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
