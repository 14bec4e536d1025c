//! RabbitMQ's management plugin over HTTP: the few requests that private servers need. Owns no connection
//! state worth keeping; every request has a deadline.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::error::{LocalError, Server};

/// A node that is busy declaring answers slowly, but not this slowly.
const REQUEST_WAIT_MAX: Duration = Duration::from_secs(15);

#[derive(Clone, Debug)]
pub(crate) struct Management {
    client: Client,
    /// Without a slash at its end.
    url: String,
    user: String,
    password: String,
}

impl Management {
    pub(crate) fn new(port: u16, user: &str, password: &str) -> Result<Management, LocalError> {
        // No proxy: the node is on this machine.
        let client = crate::http::plain_http().timeout(REQUEST_WAIT_MAX).build();
        let client = client.map_err(|error| request("set up HTTP", error))?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Management { client, url, user: user.to_owned(), password: password.to_owned() })
    }

    /// From `http://user:password@127.0.0.1:port`.
    pub(crate) fn from_url(url: &str) -> Result<Management, LocalError> {
        let parts = || {
            let (account, address) = url.strip_prefix("http://")?.split_once('@')?;
            let (user, password) = account.split_once(':')?;
            let port = address.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()?;
            Some((port, user, password))
        };
        let (port, user, password) =
            parts().ok_or_else(|| request("read its URL", "not http://user:password@host:port"))?;
        Management::new(port, user, password)
    }

    /// Succeeds when the node is up and takes our password.
    pub(crate) async fn check(&self) -> Result<(), LocalError> {
        self.send(Method::GET, "/api/overview", None).await
    }

    /// Makes a virtual host on which our user may do everything; one that is there stays as it is.
    pub(crate) async fn create_vhost(&self, name: &str) -> Result<(), LocalError> {
        let name = encode(name);
        self.send(Method::PUT, &format!("/api/vhosts/{name}"), Some(json!({}))).await?;
        let all = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.send(Method::PUT, &format!("/api/permissions/{name}/{}", encode(&self.user)), Some(all)).await
    }

    pub(crate) async fn vhosts(&self) -> Result<Vec<String>, LocalError> {
        let doing = "GET /api/vhosts";
        let answer = self.answer(Method::GET, "/api/vhosts", None).await?;
        let vhosts: Vec<Value> = answer.json().await.map_err(|error| request(doing, error))?;
        Ok(vhosts.iter().filter_map(|vhost| Some(vhost["name"].as_str()?.to_owned())).collect())
    }

    /// How many messages were published in a virtual host until some seconds ago, those to exchanges without takers included.
    /// `None`: nothing was, or it is not known yet.
    pub(crate) async fn published(&self, vhost: &str) -> Result<Option<u64>, LocalError> {
        let path = format!("/api/vhosts/{}", encode(vhost));
        let answer = self.answer(Method::GET, &path, None).await?;
        let found: Value = answer.json().await.map_err(|error| request(&path, error))?;
        Ok(found["message_stats"]["publish"].as_u64())
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Result<(), LocalError> {
        self.answer(method, path, body).await.map(drop)
    }

    async fn answer(&self, method: Method, path: &str, body: Option<Value>) -> Result<Response, LocalError> {
        let doing = format!("{method} {path}");
        let mut ask = self.client.request(method, format!("{}{path}", self.url));
        ask = ask.basic_auth(&self.user, Some(&self.password));
        if let Some(body) = body {
            ask = ask.json(&body);
        }
        let answer = ask.send().await.map_err(|error| request(&doing, error))?;
        let status: StatusCode = answer.status();
        if status.is_success() { Ok(answer) } else { Err(request(&doing, status)) }
    }
}

/// Percent-encoding for one segment of a URL's path.
pub(crate) fn encode(segment: &str) -> String {
    let mut encoded = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn request(doing: &str, found: impl std::fmt::Display) -> LocalError {
    LocalError::Request { server: Server::RabbitMq, doing: doing.to_owned(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_encoded() {
        assert_eq!(encode("/"), "%2F");
        assert_eq!(encode("a-b_1 ü"), "a-b_1%20%C3%BC");
    }

    #[test]
    fn a_url_is_taken_apart() {
        let management = Management::from_url("http://me:secret@127.0.0.1:15672").unwrap();
        assert_eq!((&*management.url, &*management.user), ("http://127.0.0.1:15672", "me"));
        assert!(Management::from_url("http://127.0.0.1:15672").is_err());
    }
}
