//! The sql task on a real PostgreSQL.

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_local::testing::{self, TestDatabase};
use scaleout_worker::runtime::StopCause;
use tokio_postgres::{Client, NoTls};

use super::world::{DEADLINE, World};

pub(super) async fn world() -> (World, TestDatabase, Client) {
    let database = testing::database().await;
    let (client, connection) = tokio_postgres::connect(&database.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut world = World::new().await;
    world.settings(
        "[parameters.url]\ntype = \"string\"\nsensitive = true\nrequired = true\n\
         [connections.warehouse]\nkind = \"postgres\"\nurl = \"{{ @[$Project::url] }}\"\n",
    );
    world.project_values = serde_json::json!({ "url": database.url });
    (world, database, client)
}

fn statement(text: &str, more: &str) -> String {
    format!("[tasks.query]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = '''{text}'''\n{more}\n")
}

#[tokio::test]
async fn a_text_of_several_statements_runs_and_counts() {
    let (world, _, client) = world().await;
    let text =
        "create table t (n int); insert into t select generate_series(1, 7); delete from t where n > 5";
    let went = world.run(&statement(text, "")).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["3 statements, rows: 0, 7, 2"]);
    assert_eq!(client.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0), 5);
}

#[tokio::test]
async fn arguments_are_bound_as_the_types_the_statement_asks_for() {
    let (mut world, _, client) = world().await;
    client
        .batch_execute(
            "create type mood as enum ('good', 'bad');
             create table t (b bool, i2 int2, i8 int8, f float4, n numeric, s text, d date, at timestamptz,
                             naive timestamp, m mood, j jsonb, u uuid, nothing int)",
        )
        .await
        .unwrap();
    world.values = serde_json::json!({
        "b": true, "i": 7, "f": 1.5, "n": "12.50", "s": "it's; -- \\ {{", "d": "2024-02-29",
        "at": "2024-02-29T12:00:00+02:00", "m": "good", "j": "{\"a\": 1}", "u": "01890a5d-ac96-774b-bcce-b302099a8057",
    });
    let types = [
        ("b", "bool"),
        ("i", "int64"),
        ("f", "float64"),
        ("n", "decimal"),
        ("s", "string"),
        ("d", "date"),
        ("at", "timestamp"),
        ("m", "string"),
        ("j", "string"),
        ("u", "string"),
        ("nothing", "int64"),
    ];
    let parameters: String =
        types.iter().map(|(name, kind)| format!("[parameters.{name}]\ntype = \"{kind}\"\n")).collect();
    let text = "insert into t values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let arguments = "arguments = [\"@b\", \"@i\", \"@i\", \"@f\", \"@n\", \"@s\", \"@d\", \"@at\", \"@at\", \"@m\", \"@j\", \"@u\", \"@nothing\"]";
    let went = world.run(&format!("{parameters}{}", statement(text, arguments))).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["1 row"]);
    let row = client
        .query_one(
            "select b and i2 = 7 and i8 = 7 and f = 1.5 and n = 12.50 and s = 'it''s; -- \\ {{' and d = '2024-02-29'
                    and at = '2024-02-29 10:00Z' and naive = '2024-02-29 10:00' and m = 'good' and j->>'a' = '1'
                    and u is not null and nothing is null
             from t",
            &[],
        )
        .await
        .unwrap();
    assert!(row.get::<_, bool>(0));
}

#[tokio::test]
async fn arguments_may_be_expressions() {
    let (world, _, _) = world().await;
    let text = "select 1 where $1::int8 = 8 and $2::timestamp is not null and $3::bool and $4::uuid is not null
                and $5::text = '1-query' and $6::numeric = 1.5 and $7::date = '2024-02-29' and $8::int is null";
    let arguments = r#"arguments = [
        "@[System::Attempt] + 7", "GETDATE()", "@[System::Attempt] == 1",
        '(DT_GUID)"{01890a5d-ac96-774b-bcce-b302099a8057}"',
        '(DT_WSTR,5)@[System::Attempt] + "-" + @[System::TaskName]', "3 / 2.0",
        '(DT_DBDATE)DATEADD("day", 1, (DT_DBDATE)"2024-02-28")', "NULL(DT_I4)"]"#;
    let went = world.run(&statement(text, arguments)).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["1 row"]);
    let went =
        world.run(&statement("select $1::int", "arguments = [\"1 / (@[System::Attempt] - 1)\"]")).await;
    assert!(
        went.error().contains("cannot evaluate the argument $1: the right side of / is zero"),
        "{}",
        went.error()
    );
}

#[tokio::test]
async fn errors_say_code_and_place_and_never_the_password() {
    let (world, database, _) = world().await;
    for (text, arguments, expected) in [
        (
            "select 1,\n  nothing from nowhere",
            "",
            "ERROR 42P01: relation \"nowhere\" does not exist (line 2, column 16 of the statement)",
        ),
        (
            "select $1::int",
            "arguments = [\"@[System::TaskName]\"]",
            "ERROR 22P02: invalid input syntax for type integer: \"query\"",
        ),
        (
            "select $1::int, $2::int",
            "arguments = [\"@[System::Attempt]\"]",
            "the statement takes 2 arguments ($1, $2, …), the task gives 1",
        ),
        ("select $1::int; select 2", "arguments = [\"@[System::Attempt]\"]", "make it several tasks"),
    ] {
        let went = world.run(&statement(text, arguments)).await;
        assert_eq!(went.kind(), OutcomeKind::Failed);
        assert!(went.error().contains(expected), "{text}: {}", went.error());
        assert!(!format!("{went:?}").contains(&database.url));
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    let (mut world, _, _) = world().await;
    world.project_values = serde_json::json!({ "url": "postgres://me:s3cret-word@127.0.0.1:1/db" });
    let went = world.run(&statement("select 1", "")).await;
    assert!(went.error().contains("cannot connect warehouse (me@127.0.0.1:1/db)"), "{}", went.error());
    world.project_values = serde_json::json!({ "url": "not a url s3cret-word" });
    let bad = world.run(&statement("select 1", "")).await;
    assert!(bad.error().contains("the URL of connection warehouse is not valid"), "{}", bad.error());
    assert!(!format!("{went:?}{bad:?}").contains("s3cret"), "{went:?}{bad:?}");
}

#[tokio::test]
async fn notices_are_logged() {
    let (world, _, _) = world().await;
    let went = world
        .run(&statement("do $$ begin raise notice 'half way'; raise warning 'careful'; end $$", ""))
        .await;
    went.succeeded();
    assert!(went.texts(MessageType::Information).contains(&"NOTICE: half way"), "{went:#?}");
    assert_eq!(went.texts(MessageType::Warning), ["WARNING: careful"]);
}

#[tokio::test]
async fn a_stop_cancels_the_statement_on_the_server() {
    let (world, _, client) = world().await;
    let running = world.start(&statement("select pg_sleep(1000)", ""));
    wait_for_sleepers(&client, 1).await;
    running.stopper.stop(StopCause::Told);
    assert_eq!(running.end().await.kind(), OutcomeKind::Stopped);
    wait_for_sleepers(&client, 0).await;
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_cancelled() {
    let (world, _, client) = world().await;
    let went = world.run(&statement("select pg_sleep(1000)", "timeout = \"500ms\"")).await;
    assert_eq!(went.error(), "\\Package\\query: timed out after 500ms");
    wait_for_sleepers(&client, 0).await;
}

/// Waits until that many other sessions of this database run `pg_sleep`.
pub(super) async fn wait_for_sleepers(client: &Client, expected: i64) {
    let query =
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let wait = async {
        while client.query_one(query, &[]).await.unwrap().get::<_, i64>(0) != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.expect("the sleepers come and go");
}

#[tokio::test]
async fn no_statement_begins_once_the_session_is_over() {
    let (world, _, client) = world().await;
    client.batch_execute("create table t (n int)").await.unwrap();
    client.batch_execute("begin; lock table t").await.unwrap();
    let later = statement("insert into t values (2)", "after = [\"first\"]");
    let text = format!("{}{later}", statement("insert into t values (1)", "").replace("query", "first"));
    let running = world.start(&text);
    let waits = "select count(*) from pg_locks where not granted and relation = 't'::regclass";
    let waiting = async {
        while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("the first statement waits");
    world.guard.stop().await;
    client.batch_execute("commit").await.unwrap();
    assert!(running.end().await.ended.is_none());
    let ran = client.query_one("select array_agg(n) from t", &[]).await.unwrap();
    assert_eq!(ran.get::<_, Vec<i32>>(0), [1], "only what had begun before");
}

#[tokio::test]
async fn a_connection_sees_the_packages_variables_whatever_its_task_calls_its_own() {
    let (world, database, _) = world().await;
    let text = format!(
        "[variables.place]\ntype = \"string\"\nvalue = '{}'\n\
         [connections.own]\nkind = \"postgres\"\nurl = \"{{{{ @place }}}}\"\n\
         [tasks.query]\nkind = \"sql\"\nconnection = \"own\"\nstatement = \"select $1::text\"\narguments = [\"@place\"]\n\
         [tasks.query.variables.place]\ntype = \"string\"\nvalue = \"no URL\"\n",
        database.url
    );
    world.run(&text).await.succeeded();
}

#[tokio::test]
async fn the_only_row_goes_into_variables_and_nothing_is_lost_on_the_way() {
    let (world, _, _) = world().await;
    let text = r#"
        [variables]
        yes = { type = "bool" }
        n = { type = "int64" }
        f = { type = "float64" }
        d = { type = "decimal" }
        e = { type = "decimal" }
        s = { type = "string", value = "before" }
        day = { type = "date" }
        at = { type = "timestamp" }
        nothing = { type = "int64", value = 1 }
        [tasks.query]
        kind = "sql"
        connection = "warehouse"
        statement = """
            select true, (-7)::int2, 1.5::float4, -1234567890.000120::numeric(20,6), 100000::numeric, 'it''s'::varchar(9),
                   '1999-12-31'::date, '2024-02-29T12:00:00.25+02:00'::timestamptz, null::int4 where $1 = 5"""
        arguments = [5]
        into = ["yes", "n", "f", "d", "e", "s", "day", "at", "nothing"]
        [tasks.show]
        kind = "process"
        command = ["echo", "{{ @yes }} {{ @n }} {{ @f }} {{ @d }} {{ @e }} {{ @s }} {{ @day }} {{ @at }}"]
        after = ["query"]
        [tasks.null]
        kind = "process"
        command = ["echo", "{{ @nothing }}"]
        after = ["show"]
        fail-parent = false
    "#;
    let went = world.run(text).await;
    went.succeeded();
    let expected = "true -7 1.5 -1234567890.000120 100000 it's 1999-12-31 2024-02-29T10:00:00.25Z";
    assert_eq!(went.stdout(), [expected]);
    assert!(went.texts(MessageType::Error)[0].contains("@nothing is NULL"));
}

#[tokio::test]
async fn a_row_that_is_missing_double_or_of_another_type_fails_the_task_and_changes_nothing() {
    let (world, _, client) = world().await;
    client.batch_execute("create table t (n int8); insert into t values (1), (2)").await.unwrap();
    let variables = "[variables]\nn = { type = \"int64\", value = 7 }\ns = { type = \"string\" }\n";
    for (text, into, expected) in [
        ("select n from t where n > 2", "n", "the statement gave no row; `into` takes exactly one"),
        ("delete from t returning n", "n", "the statement gave more than one row; `into` takes exactly one"),
        ("delete from t", "n", "the statement gives 0 columns, `into` names 1 variables"),
        (
            "with d as (delete from t returning n) select sum(n) as total from d",
            "n",
            "column total is of type numeric, and variable n is an int64: cast it in the statement (total::int8)",
        ),
        (
            "select n from t where n = 1",
            "s",
            "column n is of type int8, and variable s is a string: cast it in the statement (n::text)",
        ),
        ("select 1 / 0", "n", "ERROR 22012: division by zero"),
        ("select 'infinity'::date", "d", "column date holds what no date can"),
    ] {
        let more = "d = { type = \"date\" }\n";
        let query = statement(text, &format!("into = [\"{into}\"]"));
        let went = world.run(&format!("{variables}{more}{query}")).await;
        assert_eq!(went.kind(), OutcomeKind::Failed, "{text}");
        assert!(went.error().contains(expected), "{text}: {}", went.error());
        let left: i64 = client.query_one("select count(*) from t", &[]).await.unwrap().get(0);
        assert_eq!(left, 2, "{text}");
    }
    let went = world
        .run(&format!("{variables}{}", statement("delete from t where n = 1 returning n", "into = [\"n\"]")))
        .await;
    went.succeeded();
    assert_eq!(
        client.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0),
        1,
        "it is committed"
    );
}
