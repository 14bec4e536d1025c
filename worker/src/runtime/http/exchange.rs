//! Sends a request and follows redirects, as many as the task allows: never from TLS to none, and to another server
//! without anything that could be meant for the first one alone.

use std::fs::File;
use std::io::Read;

use bytes::Bytes;
use futures_util::stream;
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_LENGTH, HeaderMap, LOCATION, USER_AGENT};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::explain;
use super::request::{Body, Prepared};

/// How much of a file is read at once, in bytes.
const CHUNK_BYTES: u64 = 256 * 1024;

/// Sends it, and returns the answer that is none of a redirect to be followed, with how many were.
///
/// # Errors
/// No answer came, or a redirect leads where it must not.
pub(super) async fn send(
    client: &Client,
    method: Method,
    mut prepared: Prepared,
    redirects_max: u32,
) -> Result<(Response, u32), String> {
    let shown = &prepared.shown;
    let mut followed = 0;
    loop {
        let mut request = client.request(method.clone(), prepared.url.clone());
        request = request.headers(prepared.headers.clone());
        request = match std::mem::replace(&mut prepared.body, Body::None) {
            Body::None | Body::File(_) => request,
            Body::Text(text) => request.body(text),
            Body::Open(file, length) => request.header(CONTENT_LENGTH, length).body(streamed(file, length)),
        };
        let response = request.send().await;
        let response = response
            .map_err(|error| format!("{method} {shown} got no answer: {}", explain::error(&error)))?;
        let target = response.headers().get(LOCATION).filter(|_| is_redirect(response.status()));
        let Some(target) = target.filter(|_| followed < redirects_max) else {
            return Ok((response, followed));
        };
        let next = next(&prepared.url, target.as_bytes())
            .map_err(|why| format!("{method} {shown} was redirected {why}"))?;
        if next.origin() != prepared.url.origin() {
            prepared.headers = for_others(&prepared.headers);
        }
        prepared.url = next;
        followed += 1;
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where a redirect leads.
///
/// # Errors
/// Why it is not followed. What the server wrote is not shown: it may hold secrets of its own.
fn next(from: &Url, target: &[u8]) -> Result<Url, &'static str> {
    let target = std::str::from_utf8(target).ok().and_then(|target| from.join(target).ok());
    let target = target.ok_or("to something that is no URL")?;
    match (from.scheme(), target.scheme()) {
        ("https", "http") => Err("from https to http, which is not followed"),
        (_, "http" | "https") if !target.username().is_empty() || target.password().is_some() => {
            Err("to a URL with a user or password, which is not followed")
        }
        (_, "http" | "https") => Ok(target),
        _ => Err("to something that is not HTTP"),
    }
}

/// What a server may see that the request was not meant for.
fn for_others(headers: &HeaderMap) -> HeaderMap {
    let harmless = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];
    harmless.into_iter().filter_map(|name| Some((name.clone(), headers.get(&name)?.clone()))).collect()
}

/// The first `length` bytes of `file`, read as the server takes them.
fn streamed(file: File, length: u64) -> reqwest::Body {
    let chunks = stream::try_unfold((file, length), |(file, left)| async move {
        if left == 0 {
            return Ok::<_, std::io::Error>(None);
        }
        let reading = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::new();
            (&file).take(left.min(CHUNK_BYTES)).read_to_end(&mut chunk)?;
            Ok::<_, std::io::Error>((file, chunk))
        });
        let (file, chunk) = reading.await.map_err(std::io::Error::other)??;
        if chunk.is_empty() {
            return Err(std::io::Error::other("body-file became shorter while it was sent"));
        }
        let left = left - chunk.len() as u64;
        Ok(Some((Bytes::from(chunk), (file, left))))
    });
    reqwest::Body::wrap_stream(chunks)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{AUTHORIZATION, HeaderValue};

    use super::*;

    #[test]
    fn redirects_lead_to_http_only_and_never_out_of_tls() {
        let from: Url = "https://a.example/x/y".parse().unwrap();
        assert_eq!(next(&from, b"../z").unwrap().as_str(), "https://a.example/z");
        assert_eq!(next(&from, b"//b.example/").unwrap().as_str(), "https://b.example/");
        for (target, expected) in [
            ("http://a.example/", "from https to http"),
            ("https://me:pw@b.example/", "user or password"),
            ("file:///etc/passwd", "not HTTP"),
            ("https://[", "no URL"),
        ] {
            assert!(next(&from, target.as_bytes()).unwrap_err().contains(expected), "{target}");
        }
    }

    #[test]
    fn another_server_sees_nothing_of_use() {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "x-api-key", "cookie", "accept"] {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let left = for_others(&headers);
        assert_eq!(left.keys().collect::<Vec<_>>(), [ACCEPT]);
        assert!(!left.contains_key(AUTHORIZATION));
    }
}
