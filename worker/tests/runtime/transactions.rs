//! Transactions over several tasks, on a real PostgreSQL.

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;
use tokio_postgres::Client;

use super::sql::{wait_for_sleepers, world};
use super::world::{DEADLINE, task};

/// An sql task at `path`.
fn sql(path: &str, statement: &str, more: &str) -> String {
    let path = path.replace('/', ".tasks.");
    format!(
        "[tasks.{path}]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = '''{statement}'''\n{more}\n"
    )
}

fn container(path: &str, more: &str) -> String {
    let path = path.replace('/', ".tasks.");
    format!("[tasks.{path}]\nkind = \"sequence\"\n{more}\n")
}

fn put(path: &str, number: i32, more: &str) -> String {
    sql(path, &format!("insert into t values ({number})"), more)
}

const REQUIRED: &str = "transaction = \"required\"";
const NOTHING: [i32; 0] = [];
const NOT: &str = "transaction = \"not-supported\"";

async fn make(client: &Client) {
    client.batch_execute("create table t (n int primary key deferrable initially deferred)").await.unwrap();
}

/// What is committed.
async fn kept(client: &Client) -> Vec<i32> {
    let row = client.query_one("select coalesce(array_agg(n order by n), '{}') from t", &[]).await.unwrap();
    row.get(0)
}

#[tokio::test]
async fn what_an_event_handler_writes_outlives_the_rollback_and_needs_no_turn() {
    let (world, _, client) = world().await;
    client.batch_execute("create table t (n int)").await.unwrap();
    // `inner` has the turn of the transaction while its task waits for the handler of the package.
    let text = [
        "transaction = \"required\"\nmax-concurrent = 1\n[on-error.tasks.note]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = \"insert into t values (9)\"\n".to_owned(),
        put("a", 1, ""),
        container("inner", "after = [\"a\"]\ntransaction = \"required\""),
        put("inner/b", 2, ""),
        sql("inner/bad", "select 1/0", "after = [\"b\"]"),
    ]
    .concat();
    let went = world.run(&text).await;
    assert_eq!(went.kind(), OutcomeKind::Failed, "{went:?}");
    assert_eq!(kept(&client).await, [9]);
}

#[tokio::test]
async fn what_is_inside_is_committed_together_on_one_connection() {
    let (world, _, client) = world().await;
    client.batch_execute("create table t (n int, id xid default pg_current_xact_id()::xid)").await.unwrap();
    let text = [
        container("all", REQUIRED),
        put("all/a", 1, ""),
        container("all/inner", "after = [\"a\"]\ntransaction = \"required\""),
        put("all/inner/b", 2, ""),
        put("all/c", 3, "after = [\"inner\"]\ntransaction = \"required\""),
    ]
    .concat();
    let went = world.run(&text).await;
    went.succeeded();
    assert_eq!(kept(&client).await, [1, 2, 3]);
    let told = went.texts(MessageType::Information);
    assert_eq!(told, ["1 row", "1 row", "1 row", "the transaction is committed"]);
    let transactions = client.query_one("select count(distinct id::text) from t", &[]).await.unwrap();
    assert_eq!(transactions.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn a_failure_rolls_all_back_but_what_stays_out() {
    let (world, _, client) = world().await;
    make(&client).await;
    let text = [
        container("all", REQUIRED),
        put("all/a", 1, ""),
        put("all/out", 2, &format!("after = [\"a\"]\n{NOT}")),
        sql("all/fail", "select 1 / 0", "after = [\"out\"]"),
    ]
    .concat();
    let went = world.run(&text).await;
    assert_eq!(went.error(), r"\Package\all\fail: ERROR 22012: division by zero");
    assert_eq!(went.texts(MessageType::Information), ["1 row", "1 row", "the transaction is rolled back"]);
    assert_eq!(kept(&client).await, [2]);
}

#[tokio::test]
async fn a_package_may_be_one_transaction() {
    let (world, _, client) = world().await;
    make(&client).await;
    let text = format!("{REQUIRED}\n{}{}", put("a", 1, ""), put("b", 2, "after = [\"a\"]"));
    world.run(&text).await.succeeded();
    assert_eq!(kept(&client).await, [1, 2]);
    let text = format!("{REQUIRED}\n{}{}", put("a", 3, ""), sql("b", "select 1 / 0", "after = [\"a\"]"));
    assert_eq!(world.run(&text).await.kind(), OutcomeKind::Failed);
    assert_eq!(kept(&client).await, [1, 2]);
    // The constraint is looked at when it is committed.
    let went = world.run(&format!("{REQUIRED}\n{}", put("a", 1, ""))).await;
    let expected = "\\Package: cannot commit the transaction: ERROR 23505: duplicate key";
    assert!(went.error().starts_with(expected), "{}", went.error());
    assert!(went.texts(MessageType::Error)[0].starts_with("cannot commit"), "{went:#?}");
}

#[tokio::test]
async fn a_commit_that_fails_fails_the_container() {
    let (world, _, client) = world().await;
    make(&client).await;
    let text = [
        container("all", REQUIRED),
        put("all/a", 1, ""),
        put("all/b", 1, "after = [\"a\"]"),
        put("instead", 2, "after = [{ task = \"all\", on = \"failure\" }]"),
    ]
    .concat();
    let went = world.run(&text).await;
    let expected = r"\Package\all: cannot commit the transaction: ERROR 23505: duplicate key value";
    assert!(went.error().starts_with(expected), "{}", went.error());
    assert_eq!(kept(&client).await, [2]);
}

#[tokio::test]
async fn a_statement_that_fails_is_taken_back_alone() {
    let (world, _, client) = world().await;
    make(&client).await;
    let text = [
        container("all", REQUIRED),
        put("all/a", 1, ""),
        sql("all/b", "insert into t values (2); select 1 / 0", "after = [\"a\"]\nfail-parent = false"),
        put("all/c", 3, "after = [{ task = \"b\", on = \"failure\" }]"),
        "[variables.n]\ntype = \"int64\"\n".to_owned(),
        sql(
            "all/d",
            "with i as (insert into t values (4), (5) returning n) select n from i",
            "after = [\"c\"]\nfail-parent = false\ninto = [\"n\"]",
        ),
        sql(
            "all/e",
            "select count(*) from t",
            "after = [{ task = \"d\", on = \"failure\" }]\ninto = [\"n\"]",
        ),
        sql("all/f", "insert into t select 10 + $1", "after = [\"e\"]\narguments = [\"@n\"]"),
    ]
    .concat();
    world.run(&text).await.succeeded();
    assert_eq!(kept(&client).await, [1, 3, 12], "the count saw what was not committed yet");
}

#[tokio::test]
async fn a_try_that_fails_leaves_nothing_for_the_next_one() {
    let (world, _, client) = world().await;
    make(&client).await;
    client.batch_execute("create sequence tries; create table log (n int)").await.unwrap();
    let work = |around: &str| {
        [
            put(&format!("{around}/a"), 1, ""),
            // Numbers of a sequence are not taken back.
            sql(&format!("{around}/b"), "select 1 / (nextval('tries') - 1)", "after = [\"a\"]"),
        ]
        .concat()
    };
    let begins = container("all", &format!("{REQUIRED}\nretries = 1"));
    world.run(&format!("{begins}{}", work("all"))).await.succeeded();
    assert_eq!(kept(&client).await, [1], "each try is a transaction");
    client.batch_execute("delete from t; alter sequence tries restart").await.unwrap();
    let joins = [
        container("all", REQUIRED),
        put("all/first", 7, ""),
        container("all/inner", "retries = 1\nafter = [\"first\"]"),
        work("all/inner"),
    ]
    .concat();
    world.run(&joins).await.succeeded();
    assert_eq!(kept(&client).await, [1, 7], "each try is a savepoint");
}

#[tokio::test]
async fn a_container_inside_that_requires_one_keeps_all_or_nothing() {
    let (world, _, client) = world().await;
    make(&client).await;
    for (more, expected) in [(REQUIRED, vec![1, 4]), ("", vec![1, 2, 4])] {
        client.batch_execute("truncate t").await.unwrap();
        let text = [
            container("all", REQUIRED),
            put("all/a", 1, ""),
            container("all/inner", &format!("after = [\"a\"]\nfail-parent = false\n{more}")),
            put("all/inner/b", 2, ""),
            sql("all/inner/c", "select 1 / 0", "after = [\"b\"]"),
            put("all/d", 4, "after = [{ task = \"inner\", on = \"completion\" }]"),
        ]
        .concat();
        world.run(&text).await.succeeded();
        assert_eq!(kept(&client).await, expected, "{more}");
    }
}

#[tokio::test]
async fn what_runs_side_by_side_takes_turns() {
    let (mut world, _, client) = world().await;
    make(&client).await;
    client.batch_execute("create sequence tries").await.unwrap();
    // With one slot, whoever waited for a turn with it would wait for ever.
    for slots in [4, 1] {
        client.batch_execute("truncate t").await.unwrap();
        world.limits.tasks_max = slots;
        let mut text = container("all", REQUIRED);
        for number in 0..6 {
            text.push_str(&put(&format!("all/a{number}"), number, ""));
            text.push_str(&container(&format!("all/c{number}"), "retries = 9"));
            text.push_str(&put(&format!("all/c{number}/x"), 10 + number, ""));
            // Every other one fails: what its container did is taken back, and nothing of those beside it.
            let half = format!("insert into t select {} + 0 / (nextval('tries') % 2)", 20 + number);
            text.push_str(&sql(&format!("all/c{number}/y"), &half, "after = [\"x\"]"));
            text.push_str(&sql(&format!("all/f{number}"), "select 1 / 0", "fail-parent = false"));
        }
        world.run(&text).await.succeeded();
        let all: Vec<i32> = [0..6, 10..16, 20..26].into_iter().flatten().collect();
        assert_eq!(kept(&client).await, all, "{slots} slots");
    }
}

#[tokio::test]
async fn a_stop_and_a_timeout_roll_back() {
    let (world, _, client) = world().await;
    make(&client).await;
    let text = |more: &str| {
        [
            container("all", &format!("{REQUIRED}\n{more}")),
            put("all/a", 1, ""),
            sql("all/b", "select pg_sleep(1000)", "after = [\"a\"]"),
        ]
        .concat()
    };
    let running = world.start(&text(""));
    wait_for_sleepers(&client, 1).await;
    running.stopper.stop(StopCause::Told);
    let went = running.end().await;
    assert_eq!(went.kind(), OutcomeKind::Stopped);
    assert!(went.texts(MessageType::Information).contains(&"the transaction is rolled back"), "{went:#?}");
    wait_for_sleepers(&client, 0).await;
    assert_eq!(kept(&client).await, NOTHING);
    let went = world.run(&text("timeout = \"500ms\"")).await;
    assert_eq!(went.error(), r"\Package\all: timed out after 500ms");
    assert_eq!(kept(&client).await, NOTHING);
}

#[tokio::test]
async fn a_statement_inside_that_runs_too_long_is_taken_back_alone() {
    let (world, _, client) = world().await;
    make(&client).await;
    let text = [
        container("all", REQUIRED),
        put("all/a", 1, ""),
        sql(
            "all/b",
            "insert into t values (2); select pg_sleep(1000)",
            "after = [\"a\"]\ntimeout = \"500ms\"\nfail-parent = false",
        ),
        put("all/c", 3, "after = [{ task = \"b\", on = \"failure\" }]"),
    ]
    .concat();
    world.run(&text).await.succeeded();
    assert_eq!(kept(&client).await, [1, 3]);
}

#[tokio::test]
async fn one_statement_may_be_a_transaction_and_isolation_is_as_it_says() {
    let (world, _, client) = world().await;
    make(&client).await;
    let variables = "[variables.level]\ntype = \"string\"\n";
    for (isolation, expected) in [
        ("", "read committed"),
        ("isolation = \"repeatable-read\"", "repeatable read"),
        ("isolation = \"serializable\"", "serializable"),
    ] {
        let ask = "select current_setting('transaction_isolation')";
        let more = format!("{REQUIRED}\n{isolation}\ninto = [\"level\"]");
        let show = task("show", "echo {{ @level }}", "after = [\"a\"]");
        let went = world.run(&format!("{variables}{}{show}", sql("a", ask, &more))).await;
        went.succeeded();
        assert_eq!(went.stdout(), [expected]);
    }
    let fails = sql("a", "insert into t values (1); select 1 / 0", REQUIRED);
    assert_eq!(world.run(&fails).await.kind(), OutcomeKind::Failed);
    assert_eq!(kept(&client).await, NOTHING);
    world.run(&put("a", 1, REQUIRED)).await.succeeded();
    assert_eq!(kept(&client).await, [1]);
}

#[tokio::test]
async fn a_lost_connection_loses_the_transaction_and_the_next_try_has_another() {
    let (world, _, client) = world().await;
    make(&client).await;
    client.batch_execute("create sequence tries").await.unwrap();
    let kill = "do $$ begin if nextval('tries') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if; end $$";
    let text = |more: &str, next: &str| {
        [
            container("all", &format!("{REQUIRED}\n{more}")),
            put("all/a", 1, ""),
            sql("all/b", kill, "after = [\"a\"]\nfail-parent = false"),
            put("all/c", 2, next),
        ]
        .concat()
    };
    let went = world.run(&text("", "after = [{ task = \"b\", on = \"completion\" }]")).await;
    assert!(went.error().starts_with(r"\Package\all\c: the transaction is lost"), "{}", went.error());
    assert!(went.texts(MessageType::Error)[0].contains("57P01"), "{went:#?}");
    assert_eq!(kept(&client).await, NOTHING);
    // Nothing inside fails after it: the commit does.
    client.batch_execute("alter sequence tries restart").await.unwrap();
    let went = world.run(&text("", "after = [\"b\"]")).await;
    assert!(went.error().starts_with(r"\Package\all: the transaction is lost"), "{}", went.error());
    assert_eq!(kept(&client).await, NOTHING);
    client.batch_execute("alter sequence tries restart").await.unwrap();
    world.run(&text("retries = 1", "after = [\"b\"]")).await.succeeded();
    assert_eq!(kept(&client).await, [1, 2]);
}

#[tokio::test]
async fn a_connection_lost_between_two_statements_is_noticed() {
    let (world, _, client) = world().await;
    make(&client).await;
    let script = "echo ready now; while [ ! -e go ]; do sleep 0.05; done";
    let text =
        [container("all", REQUIRED), put("all/a", 1, ""), task("all.tasks.wait", script, "after = [\"a\"]")]
            .concat();
    let mut running = world.start(&text);
    running.word("ready").await;
    let kill = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where datname = current_database() and state = 'idle in transaction'";
    assert_eq!(client.query_one(kill, &[]).await.unwrap().get::<_, i64>(0), 1);
    world.file("go", "", 0o644);
    let went = running.end().await;
    assert!(went.error().starts_with(r"\Package\all: "), "{}", went.error());
    assert_eq!(kept(&client).await, NOTHING);
}

#[tokio::test]
async fn a_statement_that_ends_the_transaction_itself_is_refused_the_rest() {
    let (world, _, client) = world().await;
    make(&client).await;
    for statement in ["commit", "rollback", "commit; begin"] {
        let text = [container("all", REQUIRED), sql("all/a", statement, "")].concat();
        let went = world.run(&text).await;
        let expected = "the statement ended the transaction itself: leave out its commit or rollback";
        assert!(went.error().contains(expected), "{statement}: {}", went.error());
    }
}

#[tokio::test]
async fn who_cannot_be_put_in_order_is_told_to_try_again() {
    let (world, _, client) = world().await;
    make(&client).await;
    client.batch_execute("insert into t values (1)").await.unwrap();
    let other = "select n from t";
    let text = |more: &str| {
        [
            container("all", &format!("{REQUIRED}\nisolation = \"repeatable-read\"\n{more}")),
            sql("all/look", other, ""),
            sql("all/beside", "update t set n = n + 1", &format!("after = [\"look\"]\n{NOT}")),
            sql("all/change", "update t set n = n + 10", "after = [\"beside\"]"),
        ]
        .concat()
    };
    let went = world.run(&text("")).await;
    let (code, help) = ("ERROR 40001: could not serialize", "give `retries` to what begins it");
    assert!(went.error().contains(code) && went.error().contains(help), "{}", went.error());
    assert_eq!(kept(&client).await, [2]);
}

#[tokio::test]
async fn a_loop_is_one_transaction_and_its_query_sees_it() {
    let (world, _, client) = world().await;
    make(&client).await;
    let query = "rows = { connection = \"warehouse\", statement = \"select n::int8 from t order by n\" }";
    let text = |last: &str| {
        [
            container("all", REQUIRED),
            sql("all/fill", "insert into t select generate_series(1, 250)", ""),
            format!(
                "[tasks.all.tasks.each]\nkind = \"foreach\"\n{query}\ninto = [\"n\"]\nafter = [\"fill\"]\n\
                 [tasks.all.tasks.each.variables.n]\ntype = \"int64\"\n"
            ),
            sql("all/each/move", "update t set n = n + 1000 where n = $1", "arguments = [\"@n\"]"),
            sql("all/each/fail", "select 1 / 0", "fail-parent = false"),
            sql("all/last", last, "after = [\"each\"]"),
        ]
        .concat()
    };
    world.run(&text("select 1")).await.succeeded();
    assert_eq!(kept(&client).await, (1001..=1250).collect::<Vec<i32>>());
    assert_eq!(world.run(&text("select 1 / 0")).await.kind(), OutcomeKind::Failed);
    assert_eq!(kept(&client).await.len(), 250, "all of it is taken back");
}

/// Rows are fetched between what the iterations do, each of which has the turn for as long as it runs.
#[tokio::test]
async fn iterations_at_the_same_time_take_turns_with_the_query_of_their_loop() {
    let (mut world, _, client) = world().await;
    make(&client).await;
    // One try in six fails, whoever's turn it is: by a sequence, the same iteration could have the failing one ten times.
    let query = "rows = { connection = \"warehouse\", statement = \"select n::int8 from generate_series(1, 250) n\" }";
    for (slots, more) in [(4, ""), (1, ""), (1, "retries = 1")] {
        client.batch_execute("truncate t").await.unwrap();
        world.limits.tasks_max = slots;
        let text = [
            container("all", REQUIRED),
            format!(
                "[tasks.all.tasks.each]\nkind = \"foreach\"\n{query}\ninto = [\"n\"]\nparallel = 8\n{more}\n\
                 [tasks.all.tasks.each.variables.n]\ntype = \"int64\"\n"
            ),
            container("all/each/one", "retries = 9"),
            sql("all/each/one/a", "insert into t values ($1)", "arguments = [\"@n\"]"),
            sql("all/each/one/b", "select 1 / (random() * 3)::int", "after = [\"a\"]"),
        ]
        .concat();
        world.start(&text).drain().await;
        assert_eq!(kept(&client).await, (1..=250).collect::<Vec<i32>>(), "{slots} slots, {more}");
    }
}

#[tokio::test]
async fn rows_for_a_variable_come_from_the_transaction() {
    let (world, _, client) = world().await;
    make(&client).await;
    let text = [
        "[variables.t]\ntype = \"table\"\ncolumns = { n = \"int64\" }\n".to_owned(),
        container("all", REQUIRED),
        sql("all/fill", "insert into t select generate_series(1, 3)", ""),
        sql("all/wrong", "select n::text as n from t", "rows = \"t\"\nafter = [\"fill\"]\nfail-parent = false"),
        sql("all/take", "delete from t returning n", "rows = \"t\"\nafter = [{ task = \"wrong\", on = \"failure\" }]"),
        "[tasks.all.tasks.each]\nkind = \"foreach\"\nrows = \"t\"\ninto = [\"n\"]\nparallel = 3\nafter = [\"take\"]\n\
         [tasks.all.tasks.each.variables.n]\ntype = \"int64\"\n"
            .to_owned(),
        sql("all/each/put", "insert into t values ($1 + 10)", "arguments = [\"@n\"]"),
    ]
    .concat();
    world.run(&text).await.succeeded();
    assert_eq!(kept(&client).await, [11, 12, 13]);
}

#[tokio::test]
async fn nothing_is_committed_once_the_session_is_over() {
    let (world, _, client) = world().await;
    make(&client).await;
    client.batch_execute("create table gate ()").await.unwrap();
    client.batch_execute("begin; lock table gate").await.unwrap();
    let text =
        [container("all", REQUIRED), put("all/a", 1, ""), sql("all/b", "lock table gate", "after = [\"a\"]")];
    let running = world.start(&text.concat());
    let waits = "select count(*) from pg_locks where not granted and relation = 'gate'::regclass";
    let waiting = async {
        while client.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("the last statement waits");
    world.guard.stop().await;
    client.batch_execute("commit").await.unwrap();
    assert!(running.end().await.ended.is_none());
    assert_eq!(kept(&client).await, NOTHING);
}
