//! The catalog's version, its partitions, and what ids say of time.

use crate::catalog::{Catalog, CatalogError};

use super::world::{World, connect, settings};

async fn empty() -> (Catalog, String) {
    let database = scaleout_local::testing::database().await;
    (Catalog::connect(&settings(&database.url, 8)).await.unwrap(), database.url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_masters_may_migrate_at_once() {
    let (one, url) = empty().await;
    let two = Catalog::connect(&settings(&url, 8)).await.unwrap();
    let (first, second) = tokio::join!(one.migrate(), two.migrate());
    let mut found = [first.unwrap(), second.unwrap()];
    found.sort_unstable();
    assert_eq!(found[0], 0, "one of them found it empty");
    assert!(found[1] > 0, "the other one found it done");
    one.check().await.unwrap();
    two.check().await.unwrap();
}

#[tokio::test]
async fn another_version_is_refused_with_what_to_do() {
    let (catalog, url) = empty().await;
    let older = catalog.check().await.unwrap_err();
    assert!(matches!(older, CatalogError::Older { found: 0, .. }), "{older}");
    assert!(older.to_string().contains("`scaleout catalog migrate`"), "{older}");
    assert!(!older.is_transient());

    catalog.migrate().await.unwrap();
    catalog.check().await.unwrap();
    let sql = connect(&url).await;
    let newer = "insert into scaleout_migrations (version, name, applied_on, checksum)
                 select 9999, name, applied_on, checksum from scaleout_migrations limit 1";
    sql.batch_execute(newer).await.unwrap();
    for refused in [catalog.check().await.unwrap_err(), catalog.migrate().await.unwrap_err()] {
        assert!(matches!(refused, CatalogError::Newer { found: 9999, .. }), "{refused}");
        assert!(refused.to_string().contains("run a newer build of scaleout"), "{refused}");
    }

    // During a rolling upgrade the version before goes on, where the newer catalog says that it may.
    let may = "insert into internal.compatibility (version, works_from)
               select 9999, max(version) from internal.compatibility";
    sql.batch_execute(may).await.unwrap();
    catalog.check().await.unwrap();
    assert_eq!(catalog.migrate().await.unwrap(), 9999, "there is nothing to do for the older build");
    sql.batch_execute("update internal.compatibility set works_from = 9999 where version = 9999")
        .await
        .unwrap();
    let refused = catalog.check().await.unwrap_err();
    assert!(matches!(refused, CatalogError::Newer { found: 9999, .. }), "{refused}");

    sql.batch_execute("delete from scaleout_migrations").await.unwrap();
    let older = catalog.check().await.unwrap_err();
    assert!(matches!(older, CatalogError::Older { found: 0, .. }), "{older}");
}

#[tokio::test]
async fn an_id_tells_its_time() {
    let world = World::new().await;
    // To the millisecond, which is what an id holds.
    let lost = "select count(*) from (
                    select timestamptz '2026-01-01' + n * interval '977 minutes 13.377 seconds' as t
                    from generate_series(0, 5000) as n
                ) as times where internal.accepted_at(internal.first_id_at(t)) <> t";
    assert_eq!(world.number(lost).await, 0);
    let far = "select count(*) from generate_series(0, 5000) as n,
                      lateral (select timestamptz '2026-01-01' + n * interval '12.345678 seconds' as t) as times
               where abs(extract(epoch from internal.accepted_at(internal.first_id_at(t)) - t)) > 0.001";
    assert_eq!(world.number(far).await, 0);
    let wrong = "select count(*) from generate_series(0, 5000) as n
                 where internal.first_id_at(timestamptz '2026-01-01' + n * interval '1 millisecond')
                       >= internal.first_id_at(timestamptz '2026-01-01' + (n + 1) * interval '1 millisecond')";
    assert_eq!(world.number(wrong).await, 0, "ids rise with time");
    // The ids that masters mint.
    let id = uuid::Uuid::now_v7();
    let (seconds, nanoseconds) = id.get_timestamp().unwrap().to_unix();
    let minted = "select (extract(epoch from internal.accepted_at($1)) * 1000)::bigint,
                         internal.first_id_at(internal.accepted_at($1)) <= $1";
    let row = world.sql.query_one(minted, &[&id]).await.unwrap();
    let milliseconds = seconds as i64 * 1_000 + i64::from(nanoseconds / 1_000_000);
    assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (milliseconds, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn partitions_are_made_once_however_many_ask() {
    let world = World::new().await;
    // The migration made them for today and the days ahead already.
    assert_eq!(world.catalog.make_partitions().await.unwrap(), 0);
    let far = "select internal.make_partitions(date '2031-01-30', 5)";
    let mut callers = Vec::new();
    for _ in 0..4 {
        let sql = connect(&world.url).await;
        callers.push(tokio::spawn(async move { sql.query_one(far, &[]).await.unwrap().get::<_, i32>(0) }));
    }
    let mut made = 0;
    for caller in callers {
        made += caller.await.unwrap();
    }
    assert_eq!(made, 15, "five days of three tables, by all callers together");
    let names = "select string_agg(relname, ' ' order by relname) from pg_class
                 where relname ~ '^executions_2031' and relkind = 'r' and reloptions::text like '%fillfactor=%'";
    let expected =
        "executions_20310130 executions_20310131 executions_20310201 executions_20310202 executions_20310203";
    assert_eq!(world.text(names).await, expected);
    // No day between them is without a partition.
    let lost = "select count(*) from generate_series(timestamptz '2031-01-30 00:00Z', '2031-02-03 23:59:59.999Z',
                                                     interval '6 hours') as t
                where (select count(*) from pg_class c where c.relname = 'executions_'
                       || to_char(internal.accepted_at(internal.first_id_at(t)) at time zone 'UTC', 'YYYYMMDD')) <> 1";
    assert_eq!(world.number(lost).await, 0);
}
