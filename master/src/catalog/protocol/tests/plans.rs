//! The plans of the hot statements on a partition that nobody has analyzed, and that their updates are HOT.

use std::time::{Duration, Instant};

use scaleout_common::ids::ExecutionId;
use scaleout_common::wire::OutcomeKind;
use serde_json::Value;
use uuid::Uuid;

use super::super::sql;
use super::world::{World, claims, outcomes};
use crate::catalog::requests::Cancellation;

const ROWS: i32 = 50_000;
const PARTITIONS: i32 = 95;

/// How long a condition may take to become true.
const PATIENCE: Duration = Duration::from_secs(60);

/// A message of claims or outcomes, and how many of them the updates take.
const BATCH: usize = 400;

/// As many rows as a busy day's beginning, in partitions as of a quarter, without statistics.
async fn large() -> (World, Vec<ExecutionId>) {
    // One connection for statements by id, so that the test can flush its statistics.
    let world = World::with_connections(2).await;
    let day = "(clock_timestamp() at time zone 'UTC')::date - 1";
    world.sql.batch_execute(&format!("select internal.make_partitions({day}, {PARTITIONS})")).await.unwrap();
    let today = partition(&world).await;
    world
        .sql
        .batch_execute(&format!("alter table internal.{today} set (autovacuum_enabled = false)"))
        .await
        .unwrap();
    let insert = format!(
        "insert into internal.executions
             (id, batch_id, package_id, retry_delay_ms, retries, priority, status, pool)
         select (substr(internal.first_id_at(clock_timestamp())::text, 1, 13)
                     || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                '{}', {}, 0, 0, 1, 5, 'default'
         from generate_series(1, {ROWS}) as n",
        world.batch, world.package
    );
    world.sql.batch_execute(&insert).await.unwrap();
    let analyzed = "select count(*) from pg_stats where tablename like 'executions%'";
    assert_eq!(world.number(analyzed).await, 0, "the partition shall be fresh");
    let rows = world.sql.query("select id from internal.executions order by id", &[]).await.unwrap();
    (world, rows.iter().map(|row| ExecutionId(row.get(0))).collect())
}

async fn partition(world: &World) -> String {
    world.text("select 'executions_' || to_char(clock_timestamp() at time zone 'UTC', 'YYYYMMDD')").await
}

/// The custom plan of `statement`, executed with `arguments`, on a connection for statements by id.
async fn plan(world: &World, statement: &str, arguments: &str) -> Value {
    let client = world.catalog.by_id().await.unwrap();
    client.batch_execute(&format!("prepare hot as {statement}")).await.unwrap();
    let arguments = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let explain = format!("explain (format json) execute hot {arguments}");
    let row = client.query_one(&explain, &[]).await.unwrap();
    client.batch_execute("deallocate hot").await.unwrap();
    row.get::<_, Value>(0)[0]["Plan"].clone()
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["Plans"].as_array().into_iter().flatten()
}

fn all(node: &Value) -> Vec<&Value> {
    let mut nodes = vec![node];
    nodes.extend(children(node).flat_map(all));
    nodes
}

/// The plan without its numbers and its hundreds of ids.
fn shape(node: &Value, depth: usize) -> String {
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    let condition: String = text("Index Cond").chars().take(30).collect();
    let (kind, relation) = (text("Node Type"), text("Relation Name"));
    let line = format!("{:depth$}{kind} {relation} {condition}\n", "", depth = 2 * depth);
    children(node).fold(line, |lines, child| lines + &shape(child, depth + 1))
}

/// The outer side of a loop that is made of expressions alone: its inner side is read once.
fn is_one_row(node: &Value) -> bool {
    let of = |node: &Value, relationship| node["Parent Relationship"] == relationship;
    of(node, "Outer") && node["Node Type"] == "Result" && !children(node).any(|child| of(child, "Outer"))
}

/// Every row is found by the key of the one partition, and the claims are not read once for each row.
fn assert_by_key(plan: &Value, partition: &str) {
    let shown = || shape(plan, 0);
    let mut scans = 0;
    for node in all(plan) {
        let kind = node["Node Type"].as_str().unwrap();
        let relation = node["Relation Name"].as_str().unwrap_or_default();
        if kind != "ModifyTable" && relation.starts_with("executions") {
            assert_eq!(relation, partition, "{}", shown());
            assert_eq!(
                (kind, node["Index Name"].as_str().unwrap()),
                ("Index Scan", &*format!("{partition}_pkey"))
            );
            assert!(node["Index Cond"].as_str().unwrap().starts_with("(id = "), "{}", shown());
            scans += 1;
        }
        assert_ne!(kind, "Seq Scan", "{}", shown());
        if kind == "Nested Loop" && !children(node).any(is_one_row) {
            let inner = children(node).find(|child| child["Parent Relationship"] == "Inner").unwrap();
            for repeated in all(inner) {
                let kind = repeated["Node Type"].as_str().unwrap();
                let whole =
                    repeated["Index Cond"].as_str().is_some_and(|condition| condition.contains("ANY"));
                assert!(!["Function Scan", "CTE Scan"].contains(&kind) && !whole, "{}", shown());
            }
        }
    }
    assert_eq!(scans, 1, "{}", shown());
}

/// The arguments of a full message, each as one element for each of its executions.
struct Arguments {
    ids: String,
    ones: String,
    workers: String,
    nulls: String,
}

impl Arguments {
    fn of(ids: &[ExecutionId]) -> Self {
        let picked: Vec<_> = ids.iter().step_by(ids.len() / BATCH).take(BATCH).collect();
        let repeat = |element: &str| format!("'{{{}}}'", vec![element; BATCH].join(","));
        let ids = picked.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        Self {
            ids: format!("'{{{ids}}}'"),
            ones: repeat("1"),
            workers: repeat(&Uuid::new_v4().to_string()),
            nulls: repeat("null"),
        }
    }
}

#[tokio::test]
async fn a_grant_walks_the_key_of_one_partition() {
    let (world, ids) = large().await;
    let Arguments { ids, ones, .. } = Arguments::of(&ids);
    let arguments = format!("{ids}, {ones}, {ones}, '{}', 1", Uuid::new_v4());
    assert_by_key(&plan(&world, sql::GRANT, &arguments).await, &partition(&world).await);
}

#[tokio::test]
async fn the_look_at_what_was_claimed_walks_the_key_of_one_partition() {
    let (world, ids) = large().await;
    let arguments = format!("{}, '{{default}}'", Arguments::of(&ids).ids);
    assert_by_key(&plan(&world, sql::CLAIMED, &arguments).await, &partition(&world).await);
}

#[tokio::test]
async fn outcomes_walk_the_key_of_one_partition() {
    let (world, ids) = large().await;
    let Arguments { ids, ones, workers, nulls } = Arguments::of(&ids);
    let arguments = format!("{ids}, {ones}, {workers}, {ones}, {ones}, {nulls}, {nulls}, 3600000, 2, 15000");
    assert_by_key(&plan(&world, sql::APPLY_OUTCOMES, &arguments).await, &partition(&world).await);
}

/// Executions are looked up one by one, however many there are, where what needs them is found in a small table.
#[tokio::test]
async fn what_is_overdue_or_has_served_is_found_by_its_key() {
    let (world, ids) = large().await;
    let session = world.session().await;
    for (n, part) in ids[..4 * BATCH].chunks(BATCH).enumerate() {
        world.grant(&claims(session, (n * BATCH) as u64 + 1, part)).await;
    }
    let dispatched = "insert into internal.dispatches (master_id, priority, pool, ids, attempts)
                      select gen_random_uuid(), 1, 'default', array_agg(id), array_agg(attempt)
                      from internal.executions group by id";
    world.sql.batch_execute(dispatched).await.unwrap();
    for statement in [sql::STOP_OVERDUE, sql::FAIL_OVERDUE, sql::SWEEP_GRANTS, sql::SWEEP_DISPATCHES] {
        let arguments = if statement.contains("$1") { "10" } else { "" };
        let plan = plan(&world, statement, arguments).await;
        let scans: Vec<_> = all(&plan)
            .into_iter()
            .filter(|node| {
                node["Node Type"] != "ModifyTable"
                    && node["Relation Name"].as_str().is_some_and(|name| name.starts_with("executions"))
            })
            .collect();
        assert!(scans.len() > 1, "{}", shape(&plan, 0));
        for scan in scans {
            let condition = scan["Index Cond"].as_str().unwrap_or_default();
            assert!(condition.starts_with("(id = "), "{}", shape(&plan, 0));
        }
    }
}

/// Small requests come by the thousand, and each leaves a dispatch and a batch.
#[tokio::test]
async fn what_each_small_request_leaves_is_found_by_its_key() {
    let world = World::new().await;
    let many = format!(
        "insert into internal.dispatches (master_id, priority, pool, ids, attempts)
         select gen_random_uuid(), 1, 'default', array[gen_random_uuid()], '{{1}}' from generate_series(1, 20000);
         insert into internal.batches (id, created_at, caller, executions, request_hash, first_id, last_id)
         select gen_random_uuid(), clock_timestamp(), 'tester', 1, '', '{0}', '{0}' from generate_series(1, 20000);
         insert into internal.batch_packages
         select id, {1}, '{{}}', null from internal.batches where id <> '{0}'",
        world.batch, world.package
    );
    world.sql.batch_execute(&many).await.unwrap();
    let batches = format!("array['{}']::uuid[], array[{}]::bigint[]", world.batch, world.package);
    for (statement, arguments, key) in [
        (sql::CONFIRM_DISPATCHES, "array[1, 2, 3]::bigint[]", "dispatches_pkey"),
        (sql::VALUES_OF_GRANTS, &batches, "batch_packages_pkey"),
    ] {
        let plan = plan(&world, statement, arguments).await;
        let scans = all(&plan).into_iter().filter(|node| node["Index Name"] == key).count();
        assert_eq!(scans, 1, "{}", shape(&plan, 0));
        assert!(!all(&plan).iter().any(|node| node["Node Type"] == "Seq Scan"), "{}", shape(&plan, 0));
    }
}

/// Waits until the versions that updates so far have left behind may be pruned. A transaction in any database of
/// the server holds that up, and other tests have theirs.
async fn until_prunable(world: &World) {
    let began = Instant::now();
    let now = world.text("select pg_current_xact_id()::text").await;
    let query = format!("select (pg_snapshot_xmin(pg_current_snapshot()) > '{now}'::xid8)::int::bigint");
    while world.number(&query).await == 0 {
        assert!(began.elapsed() < PATIENCE, "a transaction stays open for too long");
    }
}

#[tokio::test]
async fn an_executions_updates_stay_in_its_page() {
    let (world, ids) = large().await;
    let session = world.session().await;
    let ids = &ids[..20_000];
    let parts = || ids.chunks(BATCH).enumerate();
    for (n, part) in parts() {
        let message = claims(session, (n * BATCH) as u64 + 1, part);
        assert_eq!(world.grant(&message).await.granted, part.len() as u64);
    }
    until_prunable(&world).await;
    for (_, part) in parts() {
        world
            .catalog
            .cancel(&Cancellation::Executions(part.to_vec()), &super::world::tester())
            .await
            .unwrap();
    }
    until_prunable(&world).await;
    for (_, part) in parts() {
        let report = outcomes(session, OutcomeKind::Succeeded, part);
        assert_eq!(world.catalog.apply_outcomes(&[report]).await.unwrap().matched, part.len() as u64);
    }
    let client = world.catalog.by_id().await.unwrap();
    client.batch_execute("select pg_stat_force_next_flush()").await.unwrap();
    let query = "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = $1";
    let row = client.query_one(query, &[&partition(&world).await]).await.unwrap();
    let (updates, hot): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!(updates, 3 * ids.len() as i64);
    assert!(hot * 10 >= updates * 9, "{hot} of {updates} updates were HOT");
}
