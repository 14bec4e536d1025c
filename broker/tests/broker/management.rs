//! What tests ask of RabbitMQ's management plugin: things that AMQP cannot do or does not tell.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use scaleout_local::testing::MANAGEMENT_VARIABLE;
use serde_json::{Value, json};

/// The plugin's statistics lag behind by its interval of five seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// One virtual host, seen from outside.
pub(crate) struct Management {
    client: Client,
    url: String,
    vhost: String,
}

impl Management {
    pub(crate) fn new(vhost: &str) -> Self {
        let url = std::env::var(MANAGEMENT_VARIABLE).unwrap();
        let client = scaleout_local::plain_http().build().unwrap();
        Self { client, url: url.trim_end_matches('/').to_owned(), vhost: vhost.to_owned() }
    }

    /// Bounds `queue` to a single message by a policy.
    pub(crate) async fn shrink(&self, queue: &str) {
        let policy = json!({
            "pattern": format!("^{}$", queue.replace('.', "\\.")), "apply-to": "queues", "priority": 1,
            "definition": { "max-length": 1 },
        });
        let path = format!("policies/{}/small", self.vhost);
        self.ask(Method::PUT, &path, Some(policy)).await;
    }

    pub(crate) async fn delete_queue(&self, queue: &str) {
        self.ask(Method::DELETE, &format!("queues/{}/{queue}", self.vhost), None).await;
    }

    pub(crate) async fn delete_exchange(&self, exchange: &str) {
        self.ask(Method::DELETE, &format!("exchanges/{}/{exchange}", self.vhost), None).await;
    }

    pub(crate) async fn delete_binding(&self, exchange: &str, queue: &str, key: &str) {
        let path = format!("bindings/{}/e/{exchange}/q/{queue}/{key}", self.vhost);
        self.ask(Method::DELETE, &path, None).await;
    }

    pub(crate) async fn queue(&self, queue: &str) -> Value {
        self.ask(Method::GET, &format!("queues/{}/{queue}", self.vhost), None).await
    }

    pub(crate) async fn queues(&self) -> Vec<String> {
        let queues = self.ask(Method::GET, &format!("queues/{}", self.vhost), None).await;
        queues.as_array().unwrap().iter().map(|queue| queue["name"].as_str().unwrap().to_owned()).collect()
    }

    /// From which exchanges, and by which keys, messages come to `queue`.
    pub(crate) async fn bindings(&self, queue: &str) -> BTreeSet<String> {
        let bindings = self.ask(Method::GET, &format!("queues/{}/{queue}/bindings", self.vhost), None).await;
        let name = |binding: &Value| format!("{} {}", binding["source"], binding["routing_key"]);
        bindings.as_array().unwrap().iter().map(name).collect()
    }

    /// How many connections there are whose names have `words` in them.
    pub(crate) async fn connections_named(&self, words: &str) -> usize {
        let all = self.ask(Method::GET, &format!("vhosts/{}/connections", self.vhost), None).await;
        let is_one = |connection: &&Value| connection["user_provided_name"].to_string().contains(words);
        all.as_array().unwrap().iter().filter(is_one).count()
    }

    /// Closes all connections of the virtual host, as an operator would; waits until there are `count`.
    pub(crate) async fn close_connections(&self, count: usize) {
        let began = Instant::now();
        let connections = loop {
            let connections =
                self.ask(Method::GET, &format!("vhosts/{}/connections", self.vhost), None).await;
            let names: Vec<String> = connections
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|connection| Some(connection["name"].as_str()?.to_owned()))
                .collect();
            if names.len() >= count {
                break names;
            }
            assert!(began.elapsed() < PATIENCE, "the plugin shows only {names:?}");
            // The plugin tells nobody when it has new statistics.
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        for name in connections {
            let name = name.replace(' ', "%20").replace('>', "%3E");
            self.ask(Method::DELETE, &format!("connections/{name}"), None).await;
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.client.request(method, format!("{}/api/{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }
}
