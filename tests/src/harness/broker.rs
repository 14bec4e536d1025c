//! The broker's management plugin: who is connected to a virtual host, and throwing them out.

use std::time::Duration;

use reqwest::{Client, Method, Url};
use scaleout_local::testing::MANAGEMENT_VARIABLE;
use serde_json::Value;

use super::wait::{MOMENT, until};

/// The management of one virtual host.
#[derive(Clone, Debug)]
pub struct Broker {
    client: Client,
    server: Url,
    vhost: String,
}

impl Broker {
    /// # Panics
    /// When the run was started without servers.
    pub fn new(vhost: &str) -> Self {
        let url = std::env::var(MANAGEMENT_VARIABLE).expect("the run was started with servers");
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(15)).build();
        Self {
            client: client.expect("an HTTP client can be made"),
            server: url.parse().expect("the management URL is one"),
            vhost: vhost.to_owned(),
        }
    }

    /// Closes every connection whose client called itself something with `words`, and says how many there were.
    ///
    /// # Panics
    /// When there is none in time: the plugin hears of a connection a moment after it was made.
    pub async fn close_connections(&self, words: &str) -> usize {
        until(&format!("there are connections of {words}"), MOMENT, async || {
            let path = ["api", "vhosts", &self.vhost, "connections"];
            let answer = self.ask(Method::GET, &path).await?;
            let all: Vec<Value> = serde_json::from_str(&answer).map_err(|_| answer.clone())?;
            let mut closed = 0;
            for name in all.iter().filter_map(|one| named(one, words)) {
                // The plugin lists some that have closed by themselves already.
                let deleted = self.ask(Method::DELETE, &["api", "connections", &name]).await;
                closed += usize::from(deleted.is_ok());
            }
            if closed == 0 { Err(answer) } else { Ok(closed) }
        })
        .await
    }

    /// Messages that wait in a queue, and those that are out and not acknowledged, as the broker last counted.
    ///
    /// # Panics
    /// When the broker cannot be asked.
    pub async fn waiting(&self, queue: &str) -> u64 {
        let answer = self.ask(Method::GET, &["api", "queues", &self.vhost, queue]).await;
        let answer = answer.unwrap_or_else(|error| panic!("{queue}: {error}"));
        let queue: Value = serde_json::from_str(&answer).expect("the management plugin answers JSON");
        queue["messages"].as_u64().unwrap_or_default()
    }

    async fn ask(&self, method: Method, path: &[&str]) -> Result<String, String> {
        let mut url = self.server.clone();
        url.path_segments_mut().expect("an http URL has a path").clear().extend(path);
        // The account is in the URL.
        let answer = self.client.request(method, url).send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(text) } else { Err(format!("{status} {text}")) }
    }
}

fn named(connection: &Value, words: &str) -> Option<String> {
    let is_meant = connection["user_provided_name"].as_str()?.contains(words);
    if is_meant { Some(connection["name"].as_str()?.to_owned()) } else { None }
}
