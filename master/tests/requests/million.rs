//! A million pending executions: what people ask stays fast. By hand, as it takes a minute:
//! `deploy/with-servers.sh cargo test -p scaleout-master --test requests -- --ignored a_million`

use std::time::{Duration, Instant};

use scaleout_common::api::LIST_LOOKED_MAX;
use scaleout_common::ids::ExecutionId;
use scaleout_common::names::PoolName;
use scaleout_common::status::Status;
use scaleout_master::catalog::requests::{ExecutionFilter, MasterView, PoolView};

use crate::world::World;

const PENDING: u32 = 1_000_000;
const ASKED: usize = 60;
const P95_MAX: Duration = Duration::from_millis(100);
/// Of a list that looks through as much as one may.
const LIST_MAX: Duration = Duration::from_secs(1);
const DELETE_MAX: Duration = Duration::from_secs(15);

/// `each`: ids of one dispatch row. As accepted by requests one after another, within the last minutes.
async fn pending(world: &World, each: u32) -> Vec<ExecutionId> {
    world.accept_noops(1).await;
    let statement = format!(
        "with minted as (
             select n, (substr(internal.first_id_at(clock_timestamp() - ({PENDING} - n) * interval '100 microseconds')
                    ::text, 1, 13) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id
             from generate_series(1, {PENDING}) as n
         ), inserted as (
             insert into internal.executions
                 (id, batch_id, package_id, retry_delay_ms, retries, priority, status, pool)
             select m.id, e.batch_id, e.package_id, 0, 0, 1, 5, 'default' from minted m, internal.executions e
         )
         insert into internal.dispatches (master_id, pool, priority, created_at, confirmed_at, ids, attempts)
         select gen_random_uuid(), 'default', 1, internal.accepted_at(max(id::text)::uuid), clock_timestamp(),
                array_agg(id order by id), array_agg(1)
         from minted group by (n - 1) / {each} order by min(n)"
    );
    world.sql.batch_execute(&statement).await.unwrap();
    let some = format!("select id from internal.executions order by id offset 1 limit {PENDING}");
    let some =
        format!("select id from ({some}) as all_of_them where hashtext(id::text) % 20011 = 0 limit {ASKED}");
    let rows = world.sql.query(&some, &[]).await.unwrap();
    rows.iter().map(|row| ExecutionId(row.get(0))).collect()
}

fn p95(what: &str, mut took: Vec<Duration>) -> Duration {
    took.sort();
    let (middle, p95, longest) = (took[took.len() / 2], took[took.len() * 95 / 100], took[took.len() - 1]);
    eprintln!("{what}: p50 {middle:?}, p95 {p95:?}, longest {longest:?} of {}", took.len());
    p95
}

async fn measure(each: u32) {
    let world = World::with_project().await;
    world.online_worker("rack-1").await;
    let ids = pending(&world, each).await;
    assert!(ids.len() > ASKED / 2, "{}", ids.len());
    let (mut status, mut explain) = (Vec::new(), Vec::new());
    let view = MasterView { master: world.master, broker_problem: None, broker_alarm: None };
    for id in ids {
        let began = Instant::now();
        let found = world.catalog.status().await.unwrap();
        status.push(began.elapsed());
        assert!(found.oldest_pending.is_some());
        let began = Instant::now();
        let of_pool = |_: &PoolName, _| PoolView::default();
        let explained = world.catalog.explain(id, &view, of_pool).await.unwrap();
        explain.push(began.elapsed());
        assert_eq!(explained.reason["kind"], "in-line", "{explained:?}");
        assert!(explained.reason["ahead"].is_object(), "{explained:?}");
    }
    lists(&world).await;
    delete(&world).await;
    let status = p95(&format!("status, {each} ids a row"), status);
    let explain = p95(&format!("explain, {each} ids a row"), explain);
    assert!(status.max(explain) <= P95_MAX, "{status:?} {explain:?}");
}

/// All that waits is looked through, for a project of which nothing does.
async fn delete(world: &World) {
    world.deploy(&[("project.toml", "name = \"other\"\n"), ("packages/noop.toml", "")]).await.unwrap();
    let began = Instant::now();
    world.catalog.delete_project(&"demo/other".parse().unwrap(), &world.caller).await.unwrap();
    assert!(p95("deleting an unused project", vec![began.elapsed()]) <= DELETE_MAX);
}

/// What is rare is looked for in answers that each end in time.
async fn lists(world: &World) {
    let rare = ExecutionFilter {
        statuses: vec![Status::Unexpected],
        limit: 50,
        looked_max: Some(LIST_LOOKED_MAX),
        ..Default::default()
    };
    let (mut took, mut before) = (Vec::new(), None);
    loop {
        let began = Instant::now();
        let page = world.catalog.executions(&ExecutionFilter { before, ..rare.clone() }).await.unwrap();
        took.push(began.elapsed());
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert!(took.len() > 9, "{}", took.len());
    assert!(p95("a list of what is rare", took) <= LIST_MAX);
}

#[tokio::test]
#[ignore = "a million rows: by hand"]
async fn a_million_pending_in_large_batches() {
    measure(1_000).await;
}

#[tokio::test]
#[ignore = "a million rows: by hand"]
async fn a_million_pending_one_by_one() {
    measure(1).await;
}
