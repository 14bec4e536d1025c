//! What a task sends, rendered and checked. Shows no value: any may be sensitive.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{StatusCode, Url};
use scaleout_package::model::{HttpAnswer, HttpBody, HttpFile, HttpMethod, HttpStatus, HttpTask};
use scaleout_package::scope::Scope;
use scaleout_package::template::Template;
use scaleout_package::value::VALUE_BYTES_MAX;

use super::super::context::Context;
use super::super::file::{self, Place};
use super::super::text::resolved;

/// A request, ready to be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) method: HttpMethod,
    pub(super) url: Url,
    /// The URL in messages: as it was rendered, so that what is masked is found in it, and without its query.
    pub(super) shown: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    pub(super) terms: Terms,
}

/// What holds for a request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// The statuses that mean success; none given means 200 to 299.
    expected_status: Vec<u32>,
    pub(super) redirects_max: u32,
    pub(super) connect_timeout: Duration,
    pub(super) request_timeout: Duration,
    /// Whether the answer replaces a file that is there.
    pub(super) overwrite: bool,
}

impl Terms {
    fn of(scope: &Scope, task: &HttpTask) -> Result<Terms, String> {
        let status = |status| resolved("expected-status", status, scope).map(HttpStatus::get);
        let expected: Result<Vec<u32>, String> = task.expected_status.iter().map(status).collect();
        let overwrite = match &task.answer {
            Some(HttpAnswer::File { overwrite, .. }) => resolved("overwrite", overwrite, scope)?,
            Some(HttpAnswer::Variable(_)) | None => false,
        };
        Ok(Terms {
            expected_status: expected?,
            redirects_max: resolved("follow-redirects", &task.redirects_max, scope)?.get(),
            connect_timeout: resolved("connect-timeout", &task.connect_timeout, scope)?.get(),
            request_timeout: resolved("request-timeout", &task.request_timeout, scope)?.get(),
            overwrite,
        })
    }

    pub(super) fn expects(&self, status: StatusCode) -> bool {
        match self.expected_status.as_slice() {
            [] => status.is_success(),
            expected => expected.contains(&status.as_u16().into()),
        }
    }
}

/// What goes along.
#[derive(Debug)]
pub(super) enum Body {
    None,
    Text(String),
    File(Located),
    /// An open file, and how much of it is sent.
    Open(File, u64),
}

/// A file within a folder.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) folder: Place,
    pub(super) path: PathBuf,
}

/// Renders all of it.
///
/// # Errors
/// What cannot be sent.
pub(super) fn prepare(context: &Context<'_>, scope: &Scope, task: &HttpTask) -> Result<Prepared, String> {
    let method = resolved("method", &task.method, scope)?;
    task.check(method)?;
    let rendered = render(scope, "url", &task.url)?;
    let url = url(&rendered)?;
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("scaleout/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in &task.headers {
        let cannot = || {
            format!("the header {name} holds a character that none can hold, such as a line end (not shown)")
        };
        let mut value =
            HeaderValue::from_bytes(render(scope, name, value)?.as_bytes()).map_err(|_| cannot())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| cannot())?, value);
    }
    let body = match &task.body {
        None => Body::None,
        Some(HttpBody::Text(text)) => Body::Text(text_body(scope, text)?),
        Some(HttpBody::File(file)) => Body::File(locate(context, scope, file, "body-file", ".")?),
    };
    let shown = rendered.split(['?', '#']).next().unwrap_or_default().to_owned();
    Ok(Prepared { method, url, shown, headers, body, terms: Terms::of(scope, task)? })
}

/// Where a file of the task is; `usual` is the folder if it names none.
///
/// # Errors
/// It cannot be rendered, or leads out.
pub(super) fn locate(
    context: &Context<'_>,
    scope: &Scope,
    file: &HttpFile,
    key: &str,
    usual: &str,
) -> Result<Located, String> {
    let usual = Template::literal(usual);
    let folder = file::place(context, scope, file.folder.as_ref().unwrap_or(&usual))?;
    Ok(Located { folder, path: file::inside(scope, key, Some(&file.path))? })
}

/// What stands around the values is not repeated: in `url` and `headers` there may be what nobody should see.
pub(super) fn render(scope: &Scope, key: &str, text: &Template) -> Result<String, String> {
    text.render(scope).map_err(|error| format!("cannot render `{key}`: {error}"))
}

fn text_body(scope: &Scope, text: &Template) -> Result<String, String> {
    let body = render(scope, "body", text)?;
    if body.len() > VALUE_BYTES_MAX {
        return Err(format!(
            "the body has {} bytes; a text has at most {VALUE_BYTES_MAX}, body-file takes more",
            body.len()
        ));
    }
    Ok(body)
}

fn url(rendered: &str) -> Result<Url, String> {
    let url = Url::parse(rendered)
        .map_err(|error| format!("the URL is not valid (not shown): {error}; write https://host/path"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the URL is none of http or https (not shown): write https://host/path".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the URL holds a user or password (not shown), which would show in logs of servers; send them \
                    as a header: Authorization = \"Bearer {{ @token }}\""
                .to_owned(),
        );
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_of_http_and_hold_no_secrets() {
        assert!(url("https://host:8443/a?b=c").is_ok());
        for (wrong, expected) in [
            ("host/path", "not valid"),
            ("file:///etc/passwd", "none of http"),
            ("https://me:s3cret@host/", "user or password"),
            ("https://me@host/", "user or password"),
        ] {
            let error = url(wrong).unwrap_err();
            assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
        }
    }
}
