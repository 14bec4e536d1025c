//! Reads what only tasks that send HTTP requests have.

use std::time::Duration;

use crate::inside;
use crate::model::{
    ConnectTimeout, HttpAnswer, HttpBody, HttpFile, HttpMethod, HttpStatus, HttpTask, Redirects,
    RequestTimeout, Target,
};
use crate::property::{Property, Word};
use crate::template::Template;
use crate::value::{DataType, Value};

use super::file::{folder, path_inside};
use super::names::Names;
use super::report::Report;
use super::table::{Item, Table};

/// Most header fields, and most statuses.
const ENTRIES_MAX: usize = 100;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);

/// What belongs to the connection, and is the worker's.
const OWN_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn http(names: &Names<'_>, table: &mut Table<'_>, what: &str, report: &mut Report) -> HttpTask {
    let method = match table.take("method") {
        None => Some(Property::Value(HttpMethod::Get)),
        Some(item) => method(names, &item, report),
    };
    // One that cannot be read was reported, and one that is an expression may be any.
    let known = method.as_ref().and_then(Property::known).copied();
    let url = table.require("url", what, report).map(|item| url(names, &item, report));
    let headers = table.take("headers").map(|item| headers(names, &item, report));
    let folder = table.take("folder").map(|item| folder(names, &item, report));
    let body = body(names, table, known, folder.as_ref(), report);
    let answer = answer(names, table, known, folder.as_ref(), report);
    HttpTask {
        method: method.unwrap_or(Property::Value(HttpMethod::Get)),
        url: url.unwrap_or_default(),
        headers: headers.unwrap_or_default(),
        body,
        expected_status: table
            .take("expected-status")
            .map(|item| statuses(names, &item, report))
            .unwrap_or_default(),
        answer,
        status_into: table.take("status-into").and_then(|item| status_target(names, &item, report)),
        redirects_max: redirects(names, table, known, report),
        ca_file: table.take("ca-file").map(|item| ca_file(names, &item, report)),
        connect_timeout: names
            .property(table, "connect-timeout", report)
            .unwrap_or_else(|| usual(ConnectTimeout::new(CONNECT_TIMEOUT))),
        request_timeout: names
            .property(table, "request-timeout", report)
            .unwrap_or_else(|| usual(RequestTimeout::new(REQUEST_TIMEOUT))),
    }
}

fn method(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Property<HttpMethod>> {
    let text = item.value().as_str().unwrap_or_default();
    let upper = text.to_ascii_uppercase();
    if upper != text && HttpMethod::ALL.iter().any(|method| method.name() == upper) {
        let message = format!("methods are written in capitals, found {text:?}");
        report.add_with_help(item.span(), message, format!("write {upper:?}"));
        return None;
    }
    names.property_of(item, report)
}

/// Reports `item`, if what it says does not go with the method.
fn check_method(method: Option<HttpMethod>, item: Option<&Item<'_>>, help: &str, report: &mut Report) {
    if let (Some(method), Some(item)) = (method, item)
        && let Some(message) = method.refuses(item.key)
    {
        report.add_with_help(item.key_span.clone(), message, help);
    }
}

/// Reads the URL. One with expressions is looked at when it is rendered.
fn url(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    let url = names.template(item, report);
    let Some(start) = item.value().as_str() else { return url };
    let scheme = start.split_once("://").map(|(scheme, _)| scheme);
    let is_known = |scheme: &str| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    // The scheme may itself be an expression.
    let is_open = start.starts_with("{{");
    if !is_open && !scheme.is_some_and(is_known) {
        // It is not shown: what is no URL could be anything.
        report.add_with_help(item.span(), "`url` is no URL of HTTP", "write https://host/path");
        return url;
    }
    let host = start.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    if !is_open && host.is_empty() {
        report.add_with_help(item.span(), "`url` has no host", "write https://host/path");
    } else if !is_open && host.contains('@') && !host.contains("{{") {
        report.add_with_help(
            item.span(),
            "`url` holds a user or password, which would show in logs of servers",
            "send them as a header: Authorization = \"Bearer {{ @token }}\", of a sensitive parameter",
        );
    }
    url
}

fn headers(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Vec<(String, Template)> {
    let entries = item.named_items(report);
    if entries.len() > ENTRIES_MAX {
        let message = format!("`headers` has {} entries; at most {ENTRIES_MAX} are allowed", entries.len());
        report.add(item.key_span.clone(), message);
        return Vec::new();
    }
    let mut seen: Vec<String> = Vec::new();
    let read = |entry: Item<'_>| {
        let lower = entry.key.to_ascii_lowercase();
        if !is_header_name(entry.key) {
            report.add(entry.key_span.clone(), format!("{:?} cannot name a header field", entry.key));
        } else if OWN_HEADERS.contains(&lower.as_str()) || lower.starts_with("proxy-") {
            report.add(entry.key_span.clone(), format!("the header `{}` is set by the worker", entry.key));
        } else if seen.contains(&lower) {
            report.add(entry.key_span.clone(), format!("the header `{}` is there twice", entry.key));
        }
        seen.push(lower);
        (entry.key.to_owned(), names.template(&entry, report))
    };
    entries.into_iter().map(read).collect()
}

/// A token of RFC 9110, 5.6.2.
fn is_header_name(name: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(is_token)
}

fn body(
    names: &Names<'_>,
    table: &mut Table<'_>,
    method: Option<HttpMethod>,
    folder: Option<&Template>,
    report: &mut Report,
) -> Option<HttpBody> {
    let (text, file) = (table.take("body"), table.take("body-file"));
    check_method(method, text.as_ref().or(file.as_ref()), "write method = \"POST\", or take it out", report);
    if let (Some(_), Some(file)) = (&text, &file) {
        report.add(file.key_span.clone(), "`body` and `body-file` are both there: take one of them out");
    }
    let file = file.map(|item| {
        let path = path_inside(names, &item, report);
        if folder.is_none() {
            check_file(names, &item, &path, report);
        }
        HttpBody::File(HttpFile { folder: folder.cloned(), path })
    });
    text.map(|item| HttpBody::Text(names.template(&item, report))).or(file)
}

fn answer(
    names: &Names<'_>,
    table: &mut Table<'_>,
    method: Option<HttpMethod>,
    folder: Option<&Template>,
    report: &mut Report,
) -> Option<HttpAnswer> {
    let (into, file) = (table.take("into"), table.take("to-file"));
    check_method(method, into.as_ref().or(file.as_ref()), "take it out", report);
    let overwrite_item = table.take("overwrite");
    let overwrite = overwrite_item.as_ref().and_then(|item| names.property_of(item, report));
    if let (Some(item), None) = (&overwrite_item, &file) {
        report.add(item.key_span.clone(), "`overwrite` says nothing without `to-file`");
    }
    if let (Some(_), Some(file)) = (&into, &file) {
        report.add(file.key_span.clone(), "`into` and `to-file` are both there: take one of them out");
    }
    if let Some(item) = into {
        return names.target(&item, report).map(HttpAnswer::Variable);
    }
    let item = file?;
    let path = path_inside(names, &item, report);
    if folder.and_then(Template::as_literal).is_some_and(|text| !text.starts_with('/')) {
        report.add_with_help(
            item.key_span.clone(),
            "`to-file` would write to a folder of the project, which is only read",
            "leave `folder` out for the work folder, or name an absolute one",
        );
    }
    Some(HttpAnswer::File {
        file: HttpFile { folder: folder.cloned(), path },
        overwrite: overwrite.unwrap_or_default(),
    })
}

fn statuses(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Vec<Property<HttpStatus>> {
    let Some(elements) = item.elements(ENTRIES_MAX, report) else { return Vec::new() };
    if elements.is_empty() {
        report.add(item.span(), "`expected-status` is empty: the task could never succeed");
    }
    elements.iter().filter_map(|element| names.property_of(element, report)).collect()
}

/// Statuses that a server may answer with.
const STATUS_LEAST: i64 = 100;
const STATUS_MOST: i64 = 999;

fn status_target(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Option<Target> {
    let target = names.target(item, report)?;
    let every = [STATUS_LEAST, STATUS_MOST].map(Value::Int64);
    if !target.data_type.is_like(DataType::Int64) || !every.iter().all(|one| target.data_type.holds(one)) {
        let message = format!(
            "variable `{}` is {}; a status is an int64",
            target.variable,
            target.data_type.with_article()
        );
        report.add_with_help(item.span(), message, "declare it with type = \"int64\"");
    }
    Some(target)
}

fn redirects(
    names: &Names<'_>,
    table: &mut Table<'_>,
    method: Option<HttpMethod>,
    report: &mut Report,
) -> Property<Redirects> {
    let Some(item) = table.take("follow-redirects") else { return Property::default() };
    let number = names.property_of(&item, report).unwrap_or_default();
    if number != Property::default() {
        let help = "take it out, and send the request to where the server wants it";
        check_method(method, Some(&item), help, report);
    }
    number
}

fn ca_file(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    let path = names.template(item, report);
    check_file(names, item, &path, report);
    path
}

/// A file by a relative path comes with the project, so it can be looked for now.
fn check_file(names: &Names<'_>, item: &Item<'_>, path: &Template, report: &mut Report) {
    let Some(files) = names.files else { return };
    let Some(text) = path.as_literal().filter(|text| item.value().is_str() && !text.starts_with('/')) else {
        return;
    };
    let Ok(segments) = inside::segments(text) else {
        if item.key == "ca-file" {
            report.add(item.span(), format!("the file {text:?} is not among the project's files"));
        }
        return;
    };
    let path = segments.join("/");
    if !path.is_empty() && files.get(&path).is_none() {
        let message = format!("the file {text:?} is not among the project's files");
        match crate::nearest::suggest(&path, files.paths()) {
            Some(help) => report.add_with_help(item.span(), message, help),
            None => report.add_with_help(item.span(), message, "paths are relative to the project's folder"),
        }
    }
}

/// What holds if nothing is said.
fn usual<T>(within_bounds: Option<T>) -> Property<T> {
    Property::Value(within_bounds.expect("what holds if nothing is said is within its own bounds"))
}
