//! The tree of an execution and the views of executables, from a log as workers write it.

use axum::http::StatusCode;
use scaleout_common::api::{ErrorCode, Executable, ExecutableState, ExecutablesAnswer};
use scaleout_common::ids::ExecutionId;
use scaleout_common::status::Status;
use serde_json::json;

use crate::api::Server;
use crate::world::{World, request as enqueue};

const PROJECT: &[(&str, &str)] = &[
    ("project.toml", "name = \"trees\"\n"),
    (
        "packages/nightly.toml",
        r#"
[tasks.load]
kind = "process"
command = ["true"]
retries = 2
[tasks.each]
kind = "foreach"
numbers = { from = 1, to = 3 }
into = ["n"]
after = ["load"]
[tasks.each.variables.n]
type = "int64"
[tasks.each.tasks.check]
kind = "process"
command = ["true"]
[tasks.each.tasks."was stopped"]
kind = "process"
command = ["true"]
after = ["check"]
[tasks.mail]
kind = "process"
command = ["true"]
after = [{ task = "load", on = "failure" }]
[tasks.tidy]
kind = "process"
command = ["true"]
after = "end"
"#,
    ),
];

/// What a worker says: kind, path, text; the n-th at n seconds.
const LOG: &[(i16, &str, &str)] = &[
    (30, r"\Package", "nightly starts, attempt 1"),
    (30, r"\Package\load", "load starts"),
    (110, r"\Package\load", "try 1 of 3 failed, again in 1s: sh exited with code 1"),
    (200, r"\Package\load", "load failed after 7s"),
    (40, r"\Package\load", "load succeeded after 3.0s"),
    (70, r"\Package\mail", "skipped: it waits for failure of load, which succeeded"),
    (30, r"\Package\each", "each starts"),
    (30, r"\Package\each[1]\check", "check starts"),
    (40, r"\Package\each[1]\check", "check succeeded after 1.0s"),
    (30, r"\Package\each[1]\was stopped", "was stopped starts"),
    (40, r"\Package\each[1]\was stopped", "was stopped succeeded after 250ms"),
    (30, r"\Package\each[2]\check", "check starts"),
    (120, r"\Package\each[2]\check", "sh exited with code 4"),
    (130, r"\Package\each[2]\check", "check failed after 1 of 1 tries"),
    (40, r"\Package\each[2]\check", "check failed after 3.0s"),
    (70, r"\Package\each[2]\was stopped", "skipped: it waits for success of check, which failed"),
    (30, r"\Package\each[3]\check", "check starts"),
];

async fn world() -> (World, ExecutionId) {
    let world = World::empty().await;
    world.deploy(PROJECT).await.unwrap();
    let items = json!([{ "package": "demo/trees/nightly", "parameters": {} }]);
    let accepted = world.accept(enqueue(items)).await.unwrap();
    let id = accepted.dispatches[0].tasks[0].0;
    let session = world.online_worker("rack-1").await;
    world.hold(session, &[id]).await;
    for (index, (kind, path, text)) in LOG.iter().enumerate() {
        let number = index as i64 + 1;
        world
            .sql
            .execute(
                "insert into internal.messages (execution_id, attempt, sequence, kind, source, at, path, text)
                 values ($1, 1, $2::bigint, $3, 40, to_timestamp(1000000 + ($2::bigint)::float8), $4, $5)",
                &[&id.0, &number, kind, path, text],
            )
            .await
            .unwrap();
    }
    (world, id)
}

fn of<'a>(answer: &'a ExecutablesAnswer, path: &str) -> &'a Executable {
    answer.executables.iter().find(|one| one.path == path).unwrap_or_else(|| panic!("{path}: {answer:?}"))
}

#[tokio::test]
async fn every_executable_of_the_package_tells_what_became_of_it() {
    use ExecutableState::*;
    let (world, id) = world().await;
    let answer = world.catalog.executables(id, None).await.unwrap();
    let states: Vec<_> = answer.executables.iter().map(|one| (one.path.as_str(), one.state)).collect();
    assert_eq!(
        states,
        [
            (r"\Package", Running),
            (r"\Package\load", Succeeded),
            (r"\Package\each", Running),
            (r"\Package\each\check", Running),
            (r"\Package\each\was stopped", Succeeded),
            (r"\Package\mail", Skipped),
            (r"\Package\tidy", Waiting),
        ]
    );
    assert_eq!(answer.executables[0].name, "nightly");
    let load = of(&answer, r"\Package\load");
    assert_eq!(
        (load.kind.as_deref(), load.runs, load.retries, load.busy_ms),
        (Some("process"), 1, 1, Some(3_000))
    );
    assert_eq!(load.error, None, "a failed try is no error");
    let check = of(&answer, r"\Package\each\check");
    assert_eq!((check.runs, check.failed, check.busy_ms, check.ended_at), (3, 1, None, None));
    assert_eq!(check.error.as_deref(), Some("sh exited with code 4"));
    assert_eq!(check.error_path.as_deref(), Some(r"\Package\each[2]\check"));
    let mail = of(&answer, r"\Package\mail");
    assert_eq!(mail.skipped.as_deref(), Some("it waits for failure of load, which succeeded"));

    // The worker is lost, and no other takes it: what ran has stopped, and what waited will not run.
    world.set_status(id, Status::Unexpected).await;
    let answer = world.catalog.executables(id, None).await.unwrap();
    assert_eq!(of(&answer, r"\Package\each\check").state, Failed);
    assert_eq!(of(&answer, r"\Package\each").state, Stopped);
    assert_eq!(of(&answer, r"\Package\tidy").state, NotRun);

    // A further attempt begins with nothing told; the one before stays as it was.
    world
        .sql
        .execute("update internal.executions set attempt = 2, status = 2 where id = $1", &[&id.0])
        .await
        .unwrap();
    let now = world.catalog.executables(id, None).await.unwrap();
    assert_eq!((now.attempt, of(&now, r"\Package\load").state), (2, Waiting));
    let before = world.catalog.executables(id, Some(1)).await.unwrap();
    assert_eq!((before.attempt, of(&before, r"\Package\each").state), (1, Stopped));
}

#[tokio::test]
async fn a_version_of_before_tells_what_its_log_has() {
    let (world, id) = world().await;
    world.sql.execute("update internal.packages set tree = null", &[]).await.unwrap();
    let answer = world.catalog.executables(id, None).await.unwrap();
    let paths: Vec<_> = answer.executables.iter().map(|one| (one.path.as_str(), one.name.as_str())).collect();
    assert_eq!(
        paths,
        [
            (r"\Package", "nightly"),
            (r"\Package\load", "load"),
            (r"\Package\mail", "mail"),
            (r"\Package\each", "each"),
            (r"\Package\each\check", "check"),
            (r"\Package\each\was stopped", "was stopped"),
        ]
    );
}

#[tokio::test]
async fn the_views_name_executables_and_what_they_took() {
    let (world, id) = world().await;
    let select = "select string_agg(package_path || ' ' || executable_type, ', ') from catalog.executables where execution_id = $1";
    let named: String = world.sql.query_one(select, &[&id.0]).await.unwrap().get(0);
    assert_eq!(
        named,
        r"\Package package, \Package\load process, \Package\each foreach, \Package\each\check process, \Package\each\was stopped process, \Package\mail process, \Package\tidy process"
    );
    let select = "
        select string_agg(execution_path || ' ' || coalesce(execution_duration::text, '-') || ' '
                          || coalesce(execution_result::text, '-'), ', ' order by statistics_id)
        from catalog.executable_statistics where execution_id = $1 and package_path like '%check'";
    let took: String = world.sql.query_one(select, &[&id.0]).await.unwrap().get(0);
    assert_eq!(
        took,
        r"\Package\each[1]\check 1000 0, \Package\each[2]\check 3000 1, \Package\each[3]\check - -"
    );
    let select = "
        select string_agg(event_name || ' ' || message_source_name || ' ' || package_path, ', ' order by event_message_id)
        from catalog.event_messages where operation_id = $1 and event_message_id in (1, 4, 13)";
    let events: String = world.sql.query_one(select, &[&id.0]).await.unwrap().get(0);
    assert_eq!(
        events,
        r"OnPreExecute nightly \Package, Custom load \Package\load, OnError check \Package\each\check"
    );
}

#[tokio::test]
async fn the_route_answers_the_same() {
    let (world, id) = world().await;
    let server = Server::of(world, 16).await;
    let path = format!("/api/v1/executions/{id}/executables");
    let answer: ExecutablesAnswer = server.get(&path).await.json();
    assert_eq!(answer.executables[3].error_path.as_deref(), Some(r"\Package\each[2]\check"));
    let first: ExecutablesAnswer = server.get(&format!("{path}?attempt=1")).await.json();
    assert_eq!(first, answer);
    let wrong = server.get(&format!("{path}?attempt=one")).await;
    wrong.error(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest);
    let other = ExecutionId(uuid::Uuid::from_u128(7));
    let missing = server.get(&format!("/api/v1/executions/{other}/executables")).await;
    missing.error(StatusCode::NOT_FOUND, ErrorCode::NotFound);
}

/// A package that runs `inner` twice, which runs `leaf`, has a handler, and of which one is named by an expression.
const NESTED: &[(&str, &str)] = &[
    ("project.toml", "name = \"trees\"\n"),
    (
        "packages/nightly.toml",
        r#"
[tasks.first]
kind = "package"
package = "inner"
[tasks.first.on-error.tasks.mail]
kind = "process"
command = ["true"]
[tasks.second]
kind = "package"
package = "{{ @[System::PackageName] }}"
among = ["leaf"]
[tasks.third]
kind = "package"
package = "inner"
"#,
    ),
    ("packages/inner.toml", "[tasks.deep]\nkind = \"package\"\npackage = \"leaf\"\n"),
    ("packages/leaf.toml", "[tasks.work]\nkind = \"process\"\ncommand = [\"true\"]\n"),
];

#[tokio::test]
async fn what_runs_inside_is_there_before_it_starts() {
    let world = World::empty().await;
    world.deploy(NESTED).await.unwrap();
    let items = json!([{ "package": "demo/trees/nightly", "parameters": {} }]);
    let accepted = world.accept(enqueue(items)).await.unwrap();
    let id = accepted.dispatches[0].tasks[0].0;
    let answer = world.catalog.executables(id, None).await.unwrap();
    let shown: Vec<String> =
        answer.executables.iter().map(|one| format!("{} {}", one.path, one.name)).collect();
    let inner = |task: &str| {
        [
            format!(r"\Package\{task} {task}"),
            format!(r"\Package\{task}\Package inner"),
            format!(r"\Package\{task}\Package\deep deep"),
            format!(r"\Package\{task}\Package\deep\Package leaf"),
            format!(r"\Package\{task}\Package\deep\Package\work work"),
        ]
    };
    let handler = [
        r"\Package\first.EventHandlers[OnError] OnError",
        r"\Package\first.EventHandlers[OnError]\mail mail",
        r"\Package\second second",
    ];
    let expected: Vec<String> = [r"\Package nightly".to_owned()]
        .into_iter()
        .chain(inner("first"))
        .chain(handler.map(str::to_owned))
        .chain(inner("third"))
        .collect();
    assert_eq!(shown, expected);
    assert!(answer.executables.iter().all(|one| one.state == ExecutableState::Waiting));
    // Who may read the views only, too.
    let reader = "create role tree_reader; grant usage on schema catalog to tree_reader;
                  grant select on all tables in schema catalog to tree_reader; set role tree_reader";
    world.sql.batch_execute(reader).await.unwrap();
    let select =
        "select string_agg(distinct package_name, ' ' order by package_name) from catalog.executables";
    let names = world.sql.query_one(select, &[]).await.unwrap();
    assert_eq!(names.get::<_, &str>(0), "inner leaf nightly");
    world.sql.batch_execute("reset role; drop owned by tree_reader; drop role tree_reader").await.unwrap();
}
