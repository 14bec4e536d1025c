//! Tasks that send HTTP requests: what the reader makes of good ones, and what it says of bad ones.

use std::time::Duration;

use super::{bad, good};
use crate::model::{HttpAnswer, HttpBody, HttpMethod, Redirects, TaskKind};
use crate::property::Property;

#[test]
fn http_tasks_are_read() {
    let package = good(
        r#"[variables]
body = { type = "string" }
status = { type = "int64" }
[tasks.a]
kind = "http"
url = "https://host/{{ @[System::PackageName] }}"
into = "body"
status-into = "status"
follow-redirects = 3
[tasks.b]
kind = "http"
method = "PUT"
url = "{{ @body }}"
body-file = "a.json"
to-file = "answer.json"
overwrite = true
expected-status = [200, 409]
connect-timeout = "1s"
request-timeout = "1h"
[tasks.b.headers]
Authorization = "Bearer {{ @[$Project::warehouse_url] }}"
"#,
    );
    let TaskKind::Http(http) = &package.root.tasks()[0].kind else { panic!("{package:?}") };
    assert_eq!(http.method.known(), Some(&HttpMethod::Get));
    assert_eq!(http.redirects_max.known(), Redirects::new(3).as_ref());
    assert!(matches!(&http.answer, Some(HttpAnswer::Variable(target)) if target.variable == "body"));
    assert_eq!(http.connect_timeout.known().map(|time| time.get()), Some(Duration::from_secs(10)));
    let TaskKind::Http(http) = &package.root.tasks()[1].kind else { panic!("{package:?}") };
    let expected: Vec<Option<u32>> =
        http.expected_status.iter().map(|status| Some(status.known()?.get())).collect();
    assert_eq!((http.method.known(), expected), (Some(&HttpMethod::Put), vec![Some(200), Some(409)]));
    assert!(matches!(&http.body, Some(HttpBody::File(file)) if file.folder.is_none()));
    assert!(matches!(&http.answer, Some(HttpAnswer::File { overwrite: Property::Value(true), .. })));
    assert_eq!(
        (http.headers.len(), http.request_timeout.known().map(|time| time.get())),
        (1, Some(Duration::from_secs(3_600)))
    );
}

#[test]
fn what_is_wrong_has_its_place() {
    bad(
        r#"[variables]
text = { type = "string" }
[tasks.a]
kind = "http"
[tasks.b]
kind = "http"
method = "get"
url = "host/path"
body = "x"
into = "lost"
status-into = "text"
expected-status = [100, 700]
follow-redirects = 11
[tasks.c]
kind = "http"
url = '{{ @text + "://" }}host/?a@b'
body = "x"
[tasks.d]
kind = "http"
method = "SEND"
url = "https://me:s3cret@host/"
body = "x"
body-file = "../y"
into = "text"
to-file = "z"
"#,
        r#"p.toml:3:8: task `a` has no `url`
p.toml:7:10: methods are written in capitals, found "get" (write "GET")
p.toml:8:7: `url` is no URL of HTTP (write https://host/path)
p.toml:10:8: unknown variable `lost` (declare it, here or further out: [variables.lost] with its type)
p.toml:11:15: variable `text` is a string; a status is an int64 (declare it with type = "int64")
p.toml:12:20: `expected-status` expects a whole number from 200 to 599, found 100
p.toml:12:25: `expected-status` expects a whole number from 200 to 599, found 700
p.toml:13:20: `follow-redirects` expects a whole number from 0 to 10, found 11
p.toml:17:1: `body` goes with no GET request (write method = "POST", or take it out)
p.toml:20:10: unknown method `SEND` (known: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS)
p.toml:21:7: `url` holds a user or password, which would show in logs of servers (send them as a header: Authorization = "Bearer {{ @token }}", of a sensitive parameter)
p.toml:23:1: `body` and `body-file` are both there: take one of them out
p.toml:23:13: `body-file` cannot be "../y": `..` leads out (a path is relative to the task's folder, and stays in it)
p.toml:25:1: `into` and `to-file` are both there: take one of them out"#,
    );
}

#[test]
fn headers_and_bounds_are_checked() {
    bad(
        r#"[tasks.e]
kind = "http"
method = "POST"
url = "https:///path"
follow-redirects = 1
overwrite = true
request-timeout = "2d"
expected-status = []
[tasks.e.headers]
"a b" = "x"
Host = "x"
Proxy-Authorization = "x"
X = "1"
x = "2"
[tasks.f]
kind = "http"
method = "HEAD"
url = "http://host"
folder = "data"
to-file = "x"
pasword = "x"
"#,
        r#"p.toml:4:7: `url` has no host (write https://host/path)
p.toml:5:1: redirects of a POST request are not followed (take it out, and send the request to where the server wants it)
p.toml:6:1: `overwrite` says nothing without `to-file`
p.toml:7:19: `request-timeout` expects a duration from 1ms to 1d such as "10m", found "2d"
p.toml:8:19: `expected-status` is empty: the task could never succeed
p.toml:10:1: "a b" cannot name a header field
p.toml:11:1: the header `Host` is set by the worker
p.toml:12:1: the header `Proxy-Authorization` is set by the worker
p.toml:14:1: the header `x` is there twice
p.toml:20:1: `to-file` gets nothing: an answer to HEAD has no body (take it out)
p.toml:20:1: `to-file` would write to a folder of the project, which is only read (leave `folder` out for the work folder, or name an absolute one)
p.toml:21:1: unknown key `pasword` in http task `f`"#,
    );
}
