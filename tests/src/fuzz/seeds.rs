//! Requests to begin with: every route of the API, well-formed, and bundles that bend what packages are made of.

use serde_json::json;

use super::request::Request;

pub(super) const MANIFEST: &str = "name = \"all\"\n[parameters.region]\ntype = \"string\"\ndefault = \"north\"\n\
     [parameters.password]\ntype = \"string\"\nsensitive = true\n";

/// A parameter of every type, and every kind of thing a package has.
pub(super) const PACKAGE: &str = r#"
description = "all there is"
[parameters.b]
type = "bool"
[parameters.i]
type = "int64"
[parameters.f]
type = "float64"
[parameters.m]
type = "decimal"
[parameters.s]
type = "string"
[parameters.d]
type = "date"
[parameters.t]
type = "timestamp"
[parameters.key]
type = "string"
sensitive = true
[variables.rows]
type = "int64"
value = 0
[connections.warehouse]
kind = "postgres"
url = "{{ @[$Project::region] }}"
[tasks.clear]
kind = "sql"
connection = "warehouse"
statement = "delete from orders where day = $1"
arguments = ["@d"]
[tasks.load]
kind = "process"
command = ["sh", "load.sh", "{{ @s }}", "{{ @i }}"]
after = ["clear"]
retries = 2
timeout = "10m"
[tasks.report]
kind = "process"
command = ["sh"]
after = [{ task = "load", on = "failure" }, { task = "clear", on = "failure" }]
join = "any"
[tasks.all]
kind = "sequence"
[tasks.all.tasks.check]
kind = "process"
command = ["sh"]
"#;

/// Depths that a reader which calls itself may not follow to the end of its stack.
const DEEP: usize = 30_000;

/// Every route of the API at least once.
pub(super) fn requests() -> Vec<Request> {
    let get = |target: &str| Request::new("GET", target, "");
    let mut all: Vec<Request> = [
        "/healthz",
        "/readyz",
        "/api/v1/openapi.json",
        "/metrics",
        "/api/v1/projects?folder=t",
        "/api/v1/projects/t/all",
        "/api/v1/projects/t/all/versions?before=3&limit=2",
        "/api/v1/batches/{batch}",
        "/api/v1/executions?status=pending&package=t/all/p&batch={batch}&worker={worker}&limit=10&before={execution}",
        "/api/v1/executions?page=true&status=failed,created&package=t&since=2024-02-29T12:00:00Z&until=2100-01-01T00:00:00Z",
        "/api/v1/executions/{execution}?explain=true",
        "/api/v1/executions/{execution}/executables?attempt=1",
        "/api/v1/executions/{execution}/explain",
        "/api/v1/executions/{execution}/messages?after=1-1&limit=5",
        "/api/v1/executions/{execution}/messages?after={cursor}",
        "/api/v1/executions/{execution}/values?attempt=1&worker={worker}&session=1",
        "/api/v1/bundles/{hash}",
        "/api/v1/limits",
        "/api/v1/workers",
        "/api/v1/workers/{worker}",
        "/api/v1/workers/worker-1",
        "/api/v1/status",
        "/api/v1/schedules",
        "/api/v1/schedules/night",
        "/api/v1/schedules/night/next?count=3",
        "/api/v1/audit?who=x&action=batch.enqueue&object=t/&since=2024-02-29T12:00:00Z&before=9&limit=3",
        // Of none that there is: a stream goes on for minutes.
        "/api/v1/executions/{new}/messages/stream?after=1",
    ]
    .into_iter()
    .map(get)
    .collect();
    all.extend(changes());
    all.extend(what_stays());
    all.extend(bundles());
    all
}

fn changes() -> Vec<Request> {
    let values = json!({
        "b": true, "i": -1, "f": 1.5, "m": "12.50", "s": "text", "d": "2024-02-29", "t": "2024-02-29T12:00:00Z",
        "key": "secret",
    });
    let item = json!({ "package": "t/all/p", "parameters": values, "count": 2 });
    let whole = json!({
        "request_id": "{new}", "executions": [item], "pool": "default", "priority": "high", "retries": 3,
        "retry_delay_ms": 1000, "timeout_ms": 60000, "start_at": "2024-02-29T12:00:00Z", "start_deadline_ms": 86400000,
    });
    let again = json!({ "request_id": "{new}", "executions": ["{execution}"], "same_version": true });
    let least = json!({ "request_id": "{new}", "executions": [{ "package": "t/all/p" }] });
    let limited =
        json!({ "request_id": "{new}", "executions": [{ "package": "t/all/p" }], "limit_key": "few" });
    let ids = json!({ "executions": ["{execution}", "{new}"] });
    vec![
        Request::new("POST", "/api/v1/batches", whole.to_string()),
        Request::new("POST", "/api/v1/batches", least.to_string()),
        Request::new("PUT", "/api/v1/limits/few", json!({ "at_most": 3 }).to_string()),
        Request::new("PUT", "/api/v1/limits/t%2Fall%2Fp", json!({ "at_most": 10 }).to_string()),
        Request::new("POST", "/api/v1/batches", limited.to_string()),
        Request::new("DELETE", "/api/v1/limits/few", ""),
        Request::new("POST", "/api/v1/executions/retry", again.to_string()),
        Request::new("POST", "/api/v1/batches/{batch}/cancel", ""),
        Request::new("POST", "/api/v1/executions/cancel", ids.to_string()),
        Request::new(
            "PUT",
            "/api/v1/projects/t/all/values",
            json!({ "values": { "region": "south", "password": "p" } }).to_string(),
        ),
        Request::new("POST", "/api/v1/workers/{worker}/drain", ""),
        Request::new("POST", "/api/v1/broker/rebuild", ""),
        Request::new(
            "POST",
            "/api/v1/projects/t/all/restore",
            json!({ "version": 1, "clear_unfit": true }).to_string(),
        ),
        Request::new("DELETE", "/api/v1/projects/t/gone", ""),
        Request::new("PATCH", "/api/v1/nothing", "{}"),
    ]
}

/// Schedules, machines, and what is set of them.
fn what_stays() -> Vec<Request> {
    let schedule = json!({
        "package": "t/all/p", "cron": "*/5 2 1,15 * 1-5", "timezone": "Europe/Paris", "missed": "skip", "replace": true,
        "parameters": { "i": 1, "key": "secret" }, "pool": "default", "priority": "low", "retries": 1,
        "retry_delay_ms": 1000, "timeout_ms": 60000, "start_deadline_ms": 60000,
    });
    let worker = json!({ "description": "of the fuzz", "tags": ["a"] });
    let invite = json!({ "pools": ["default"], "valid_s": 60 });
    vec![
        Request::new("PUT", "/api/v1/schedules/night", schedule.to_string()),
        Request::new("POST", "/api/v1/schedules/night/pause", ""),
        Request::new("POST", "/api/v1/schedules/night/resume", ""),
        Request::new("DELETE", "/api/v1/schedules/night", ""),
        Request::new("PATCH", "/api/v1/workers/{worker}", worker.to_string()),
        Request::new("POST", "/api/v1/workers/{worker}/disable", ""),
        Request::new("POST", "/api/v1/workers/{worker}/enable", ""),
        Request::new("POST", "/api/v1/invitations", invite.to_string()),
        Request::new("POST", "/api/v1/join", json!({ "host": "rack-9" }).to_string()),
    ]
}

fn bundles() -> Vec<Request> {
    let of =
        |files: &[(&str, &str)]| Request::new("POST", "/api/v1/folders/t/projects", tar_of(files)).packed();
    let when = |expression: &str| {
        format!(
            "[tasks.a]\nkind = \"process\"\ncommand = [\"x\"]\n[tasks.b]\nkind = \"process\"\ncommand = [\"x\"]\n\
                 after = [{{ task = \"a\", when = '{expression}' }}]\n"
        )
    };
    let manifest = ("project.toml", MANIFEST);
    let package = |text: &str| of(&[manifest, ("packages/p.toml", text)]);
    vec![
        of(&[manifest, ("packages/p.toml", PACKAGE), ("load.sh", "#!/bin/sh\n")]),
        package(&when(&format!("{}1{} > 0", "(".repeat(DEEP), ")".repeat(DEEP)))),
        package(&when(&format!("{}true", "!".repeat(DEEP)))),
        package(&when(&format!("1{} > 0", " + 1".repeat(DEEP)))),
        package(&when(&format!("true{}", " ? true : true".repeat(DEEP)))),
        package(&format!("description = {}{}", "[".repeat(DEEP), "]".repeat(DEEP))),
        package(&format!("description{} = 1", ".a".repeat(DEEP))),
        package(&format!("x = {}{}", "{a=".repeat(DEEP), "}".repeat(DEEP))),
        package(&format!("[tasks{}]\nkind = \"sequence\"\n", ".a.tasks".repeat(DEEP / 4))),
        of(&[("project.toml", "name = \"n\"\n"), ("packages/p.toml", "description = \"\\u0000\"\n")]),
        Request::new("POST", "/api/v1/folders/t/projects", "no bundle"),
    ]
}

fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, text.as_bytes()).expect("a tar can be written to memory");
    }
    archive.into_inner().expect("a tar can be written to memory")
}
