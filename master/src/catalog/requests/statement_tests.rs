//! Every statement against a fresh catalog, and the plans of those that must not scan.

use scaleout_common::settings::Postgres;
use secrecy::SecretString;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::sql;
use crate::catalog::{Catalog, protocol};

async fn fresh_catalog() -> Catalog {
    let database = scaleout_local::testing::database().await;
    let settings = Postgres {
        ca_file: Default::default(),
        url: SecretString::from(database.url),
        connections_max: 4,
        wait_ms: 5_000,
        statement_timeout_ms: 30_000,
    };
    let catalog = Catalog::connect(&settings).await.unwrap();
    assert_eq!(catalog.migrate().await.unwrap(), 0);
    catalog.check_version().await.unwrap();
    catalog
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let catalog = fresh_catalog().await;
    let client = catalog.request().await.unwrap();
    let mut refused = Vec::new();
    for (file, text) in sql::ALL.iter().chain(protocol::sql::ALL) {
        if let Err(error) = client.prepare(text).await {
            refused.push(format!("{file}: {}", error.as_db_error().map_or("?", |db| db.message())));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// The plan as text, on a connection for statements by id.
async fn plan(catalog: &Catalog, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> String {
    let client = catalog.by_id().await.unwrap();
    let rows = client.query(&format!("explain {statement}"), parameters).await.unwrap();
    rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n")
}

fn assert_uses_the_key(plan: &str) {
    assert!(!plan.contains("Seq Scan on executions"), "{plan}");
    assert!(plan.contains("Index Scan") && plan.contains("_pkey"), "{plan}");
}

/// Many dispatch rows and executions that nobody has analyzed, all pending in one pool: what must not be scanned.
async fn backlog(catalog: &Catalog) -> Uuid {
    let client = catalog.request().await.unwrap();
    let insert = "
        insert into internal.executions (id, batch_id, package_id, retry_delay_ms, retries, priority, status, pool)
        select (substr(internal.first_id_at(clock_timestamp())::text, 1, 13) || '-7000-8000-'
                   || lpad(to_hex(n), 12, '0'))::uuid, gen_random_uuid(), 1, 0, 0, 1, 5, 'default'
        from generate_series(1, 30000) as n;
        insert into internal.dispatches (master_id, pool, priority, ids, attempts, confirmed_at)
        select gen_random_uuid(), 'default', 1, array[id], '{1}', clock_timestamp() from internal.executions order by id;
        insert into internal.due (due_at, execution_id)
        select clock_timestamp() + interval '1 hour', id from internal.executions;";
    client.batch_execute(insert).await.unwrap();
    client.query_one("select id from internal.executions order by id desc limit 1", &[]).await.unwrap().get(0)
}

/// Each table by an index, and no more than bounded parts of what churns.
fn assert_never_scans(plan: &str) {
    for table in ["executions", "dispatches", "due"] {
        assert!(!plan.contains(&format!("Seq Scan on {table}")), "{table}:\n{plan}");
    }
    assert!(!plan.contains("Hash Join") || !plan.contains("executions"), "{plan}");
}

#[tokio::test]
async fn explain_and_status_walk_indexes_through_a_backlog() {
    let catalog = fresh_catalog().await;
    let id = backlog(&catalog).await;
    let execution = plan(&catalog, sql::EXPLAIN_EXECUTION, &[&id]).await;
    assert_never_scans(&execution);
    assert!(execution.contains("_pkey") && execution.contains("due_execution"), "{execution}");

    let (pool, priority, attempt) = ("default", 1_i16, 1_i32);
    let (rows, ids, after) = (2_000_i64, 10_001_i64, jiff::Timestamp::UNIX_EPOCH);
    let parameters: [&(dyn ToSql + Sync); 7] = [&id, &attempt, &pool, &priority, &after, &rows, &ids];
    let place = plan(&catalog, sql::EXPLAIN_PLACE, &parameters).await;
    assert_never_scans(&place);
    assert_eq!(place.matches("using dispatches_place").count(), 3, "{place}");

    let oldest = plan(&catalog, sql::SELECT_OLDEST_PENDING, &[&2_000_i64, &1_000_i64]).await;
    assert_never_scans(&oldest);
    let glance = plan(&catalog, sql::GLANCE, &[&10_000_i64, &10.0_f64]).await;
    assert_never_scans(&glance);
    assert!(glance.contains("using dispatches_unconfirmed"), "{glance}");
    let pools = vec!["default".to_owned(), "etl".to_owned()];
    let oldest = plan(&catalog, sql::OLDEST_BY_PLACE, &[&pools, &10_000_i64]).await;
    assert_never_scans(&oldest);
    assert_eq!(oldest.matches("using dispatches_place").count(), 2, "{oldest}");
    let unended = plan(&catalog, sql::SELECT_UNENDED, &[&vec![1_i64], &10_000_i64]).await;
    assert_uses_the_key(&unended);
    for statement in [sql::POOL_COUNTS, sql::COUNT_WORKERS] {
        let counts = plan(&catalog, statement, &[]).await;
        assert!(!counts.contains("executions"), "{counts}");
    }
}

/// A row of a thousand ids lies outside its table's pages: what asks for it again for each of its ids reads a thousand
/// times as much.
#[tokio::test]
async fn what_has_ended_is_looked_through_once_for_each_row() {
    let catalog = fresh_catalog().await;
    let client = catalog.by_id().await.unwrap();
    let insert = "insert into internal.dispatches (master_id, pool, priority, ids, attempts)
                  select gen_random_uuid(), 'default', 1, array_agg(gen_random_uuid()), array_agg(1)
                  from generate_series(0, 29999) as n group by n / 1000";
    client.batch_execute(insert).await.unwrap();
    let explain = format!("explain (analyze, buffers, format json) {}", sql::SELECT_OLDEST_PENDING);
    let row = client.query_one(&explain, &[&2_000_i64, &1_000_i64]).await.unwrap();
    let plan = &row.get::<_, serde_json::Value>(0)[0]["Plan"];
    let pages = ["Shared Hit Blocks", "Shared Read Blocks"].map(|key| plan[key].as_u64().unwrap());
    assert!(pages.iter().sum::<u64>() < 5_000, "{pages:?}");
}

#[tokio::test]
async fn lists_and_cancels_find_executions_by_their_key() {
    let catalog = fresh_catalog().await;
    let (first, last) = (Uuid::now_v7(), Uuid::now_v7());
    let ids = vec![first, last];
    let batch = Uuid::new_v4();

    let canceled = plan(&catalog, sql::CANCEL_EXECUTIONS, &[&ids, &first, &last]).await;
    assert_uses_the_key(&canceled);
    // Not a join with the ids: see the statement.
    assert!(canceled.contains("Index Cond: ((id = ANY"), "{canceled}");
    assert_uses_the_key(&plan(&catalog, sql::CANCEL_BATCH, &[&batch, &first, &last]).await);
    assert_uses_the_key(&plan(&catalog, sql::COUNT_BATCH, &[&batch, &first, &last]).await);
    // The bounds leave one partition.
    assert!(canceled.matches("executions_2").count() <= 6, "{canceled}");

    let nothing: Option<Vec<i16>> = None;
    let none: Option<Uuid> = None;
    let no_ids: Option<Vec<i64>> = None;
    let no_workers: Option<Vec<Uuid>> = None;
    for looked_max in [None, Some(100_000_i64)] {
        let parameters: [&(dyn ToSql + Sync); 8] =
            [&Uuid::nil(), &Uuid::max(), &nothing, &none, &no_ids, &no_workers, &50_i64, &looked_max];
        let page = plan(&catalog, sql::SELECT_EXECUTIONS, &parameters).await;
        assert!(page.contains("Index Scan Backward"), "{page}");
        assert!(!page.contains("Seq Scan on executions"), "{page}");
        // In the order of the key: neither the page nor what is looked through is sorted first.
        assert!(page.matches("Sort Key").count() <= 1, "{page}");
    }
    let parameters: [&(dyn ToSql + Sync); 3] = [&Uuid::nil(), &Uuid::max(), &100_000_i64];
    let looked_to = plan(&catalog, sql::SELECT_LOOKED_TO, &parameters).await;
    assert!(looked_to.contains("Backward") && !looked_to.contains("Sort"), "{looked_to}");
}

#[tokio::test]
async fn who_follows_a_log_finds_its_newest_message_and_what_is_next_by_the_key() {
    let catalog = fresh_catalog().await;
    let ids = vec![Uuid::now_v7(), Uuid::now_v7()];
    let followed = plan(&catalog, sql::SELECT_FOLLOWED, &[&ids]).await;
    assert_uses_the_key(&followed);
    assert!(
        followed.contains("Index Scan Backward") || followed.contains("Only Scan Backward"),
        "{followed}"
    );
    assert!(!followed.contains("Seq Scan on messages"), "{followed}");
    let (attempt, sequence, messages, bytes) = (1_i32, 7_i64, 512_i64, 1_024_i64);
    let parameters: [&(dyn ToSql + Sync); 5] = [&ids[0], &attempt, &sequence, &messages, &bytes];
    let piece = plan(&catalog, sql::SELECT_LOG, &parameters).await;
    assert!(piece.contains("_pkey") && !piece.contains("Seq Scan on messages"), "{piece}");
    assert!(!piece.contains("Sort Key"), "the piece is sorted before it is cut:\n{piece}");
}
