//! The broker's management plugin: who is connected to a virtual host, and throwing them out.

use std::time::Duration;

use reqwest::{Client, Method, Url};
use scaleout_local::testing::MANAGEMENT_VARIABLE;
use serde_json::{Value, json};

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
        let client = scaleout_local::plain_http().timeout(Duration::from_secs(15)).build();
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

    /// Deletes the virtual host with all that is in it, and makes it again, empty.
    ///
    /// # Panics
    /// When the plugin refuses.
    pub async fn wipe(&self) {
        let user = self.server.username().to_owned();
        self.done(Method::DELETE, &["api", "vhosts", &self.vhost], None).await;
        self.done(Method::PUT, &["api", "vhosts", &self.vhost], Some(json!({}))).await;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.done(Method::PUT, &["api", "permissions", &self.vhost, &user], Some(all)).await;
    }

    /// Empties a queue.
    ///
    /// # Panics
    /// When the plugin refuses.
    pub async fn purge(&self, queue: &str) {
        self.done(Method::DELETE, &["api", "queues", &self.vhost, queue, "contents"], None).await;
    }

    /// Deletes a queue with what is in it.
    ///
    /// # Panics
    /// When the plugin refuses.
    pub async fn delete_queue(&self, queue: &str) {
        self.done(Method::DELETE, &["api", "queues", &self.vhost, queue], None).await;
    }

    /// Deletes an exchange and its bindings.
    ///
    /// # Panics
    /// When the plugin refuses.
    pub async fn delete_exchange(&self, exchange: &str) {
        self.done(Method::DELETE, &["api", "exchanges", &self.vhost, exchange], None).await;
    }

    /// Publishes bytes as they are, with an inbox to answer to, and says whether a queue took them.
    ///
    /// # Panics
    /// When the plugin refuses.
    pub async fn publish(&self, exchange: &str, key: &str, body: &[u8], reply_to: &str) -> bool {
        // The default exchange has no name, and the plugin one for it.
        let exchange = if exchange.is_empty() { "amq.default" } else { exchange };
        let message = json!({
            "properties": { "delivery_mode": 2, "reply_to": reply_to },
            "routing_key": key,
            "payload": base64(body),
            "payload_encoding": "base64",
        });
        let path = ["api", "exchanges", &self.vhost, exchange, "publish"];
        let answer = self.ask_with(Method::POST, &path, Some(message)).await;
        let answer = answer.unwrap_or_else(|found| panic!("publish to {exchange}: {found}"));
        answer.contains("true")
    }

    /// What lies in a queue: `(reason, bytes)` of each message; they stay there.
    ///
    /// # Panics
    /// When the plugin refuses.
    pub async fn dead_letters(&self, queue: &str) -> Vec<(String, u64)> {
        let wanted =
            json!({ "count": 1000, "ackmode": "ack_requeue_true", "encoding": "base64", "truncate": 16 });
        let answer =
            self.ask_with(Method::POST, &["api", "queues", &self.vhost, queue, "get"], Some(wanted)).await;
        let answer = answer.unwrap_or_else(|found| panic!("{queue}: {found}"));
        let all: Vec<Value> = serde_json::from_str(&answer).expect("the management plugin answers JSON");
        let letter = |one: &Value| {
            let reason = one["properties"]["headers"]["x-scaleout-reason"].as_str().unwrap_or_default();
            (reason.to_owned(), one["payload_bytes"].as_u64().unwrap_or_default())
        };
        all.iter().map(letter).collect()
    }

    /// The names of all queues.
    ///
    /// # Panics
    /// When the broker cannot be asked.
    pub async fn queues(&self) -> Vec<String> {
        let answer = self.ask(Method::GET, &["api", "queues", &self.vhost]).await;
        let answer = answer.unwrap_or_else(|found| panic!("queues: {found}"));
        let all: Vec<Value> = serde_json::from_str(&answer).expect("the management plugin answers JSON");
        all.iter().filter_map(|queue| Some(queue["name"].as_str()?.to_owned())).collect()
    }

    /// The figures of single queues of this virtual host as RabbitMQ's plugin for Prometheus tells them.
    ///
    /// # Errors
    /// The plugin does not answer, or is not there.
    pub async fn metrics(&self, families: &[&str]) -> Result<String, String> {
        let overview = self.ask(Method::GET, &["api", "overview"]).await?;
        let overview: Value = serde_json::from_str(&overview).map_err(|error| error.to_string())?;
        let listeners = overview["listeners"].as_array().into_iter().flatten();
        let plugin = listeners.into_iter().find(|one| one["protocol"] == "http/prometheus");
        let port = plugin.and_then(|one| one["port"].as_u64()).ok_or_else(|| overview.to_string())?;
        let mut url = Url::parse(&format!("http://127.0.0.1:{port}/metrics/detailed"))
            .map_err(|error| error.to_string())?;
        url.query_pairs_mut()
            .append_pair("vhost", &self.vhost)
            .extend_pairs(families.iter().map(|family| ("family", *family)));
        let answer = self.client.get(url).send().await.map_err(|error| error.to_string())?;
        answer.text().await.map_err(|error| error.to_string())
    }

    async fn done(&self, method: Method, path: &[&str], body: Option<Value>) {
        let done = self.ask_with(method.clone(), path, body).await;
        done.unwrap_or_else(|found| panic!("{method} {path:?}: {found}"));
    }

    async fn ask(&self, method: Method, path: &[&str]) -> Result<String, String> {
        self.ask_with(method, path, None).await
    }

    async fn ask_with(&self, method: Method, path: &[&str], body: Option<Value>) -> Result<String, String> {
        let mut url = self.server.clone();
        url.path_segments_mut().expect("an http URL has a path").clear().extend(path);
        // The account is in the URL.
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(text) } else { Err(format!("{status} {text}")) }
    }
}

fn named(connection: &Value, words: &str) -> Option<String> {
    let is_meant = connection["user_provided_name"].as_str()?.contains(words);
    if is_meant { Some(connection["name"].as_str()?.to_owned()) } else { None }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |three: &[u8]| {
        let bits = three.iter().chain(&[0, 0]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let digit = |place: u32| char::from(DIGITS[(bits >> (18 - 6 * place)) as usize & 63]);
        let written = three.len() + 1;
        (0..4)
            .map(move |place| if (place as usize) < written { digit(place) } else { '=' })
            .collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_its_rfc() {
        let cases = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, text) in cases.iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), *text);
        }
    }
}
