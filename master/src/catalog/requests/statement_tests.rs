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

    let nothing: Option<i16> = None;
    let none: Option<Uuid> = None;
    let no_ids: Option<Vec<i64>> = None;
    let no_workers: Option<Vec<Uuid>> = None;
    let parameters: [&(dyn ToSql + Sync); 7] =
        [&Uuid::nil(), &Uuid::max(), &nothing, &none, &no_ids, &no_workers, &50_i64];
    let page = plan(&catalog, sql::SELECT_EXECUTIONS, &parameters).await;
    assert!(page.contains("Index Scan Backward"), "{page}");
    assert!(!page.contains("Seq Scan on executions"), "{page}");
}
