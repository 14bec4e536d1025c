//! Retention: the leading master removes what is past its time, and `catalog purge` does it by hand, with masters
//! running or not.

use scaleout_tests::harness::{Cluster, MOMENT, until};
use serde_json::Value;

use crate::note;

/// Masters that remove nothing by themselves.
const BY_HAND: [(&str, &str); 2] = [("retention.executions_days", "0"), ("retention.messages_days", "0")];

/// Runs one execution and gives its id.
async fn run_one(cluster: &Cluster) -> String {
    let set = format!("file={}", cluster.path("effects"));
    let id = cluster.enqueue_one(&["t/note/note", "--set", &set]).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ok();
    cluster.logs_with(&id, "note succeeded").await;
    id
}

/// A copy of an execution, its batch and its log, as if accepted `days` ago at noon; ended then, too, if `status` is
/// terminal. Gives its id.
async fn copy(cluster: &Cluster, id: &str, days: i32, status: i16) -> String {
    let statement = format!(
        "create temporary table old as
             select (substr(internal.first_id_at(t.at)::text, 1, 13) || '-7' || substr(gen_random_uuid()::text, 16))::uuid
                        as id, gen_random_uuid() as batch, t.at, t.day
             from (select (d.day + time '12:00') at time zone 'UTC' as at, d.day
                   from (select (clock_timestamp() at time zone 'UTC')::date - {days} as day) as d) as t;
         select internal.make_partitions(day, 1) from old;
         insert into internal.batches
             select o.batch, o.at, b.caller, 1, b.request_hash, o.id, o.id
             from internal.batches b, old o
             where b.id = (select batch_id from internal.executions where id = '{id}');
         insert into internal.executions
             select (jsonb_populate_record(e, jsonb_build_object('id', o.id, 'batch_id', o.batch, 'status', {status},
                         'ended_at', case when {status} in (3, 4, 6, 7) then o.at end))).*
             from internal.executions e, old o where e.id = '{id}';
         insert into internal.messages
             select (jsonb_populate_record(m, jsonb_build_object('execution_id', o.id))).*
             from internal.messages m, old o where m.execution_id = '{id}'"
    );
    cluster.catalog.batch_execute(&statement).await.unwrap();
    let id: String = cluster.catalog.query_one("select id::text from old", &[]).await.unwrap().get(0);
    cluster.catalog.batch_execute("drop table old").await.unwrap();
    id
}

/// Days of the partitions of a table that a purge names.
fn tables(purged: &Value) -> Vec<(&str, &str)> {
    let rows = purged["partitions"].as_array().unwrap();
    rows.iter().map(|row| (row["table"].as_str().unwrap(), row["day"].as_str().unwrap())).collect()
}

async fn day(cluster: &Cluster, days: i32) -> String {
    let query = format!("select ((clock_timestamp() at time zone 'UTC')::date - {days})::text");
    cluster.catalog.query_one(&query, &[]).await.unwrap().get(0)
}

async fn succeeded(cluster: &Cluster) -> u64 {
    let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
    status["counts"]["succeeded"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_by_hand_shows_asks_removes_and_says_what_stays() {
    let mut cluster = Cluster::new(&BY_HAND).await;
    cluster.start_master(&[]).await;
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let fresh = run_one(&cluster).await;
    let gone = copy(&cluster, &fresh, 100, 7).await;
    let running = copy(&cluster, &fresh, 95, 2).await;
    let young = copy(&cluster, &fresh, 40, 7).await;
    assert_eq!(succeeded(&cluster).await, 3);

    for (age, says) in [("90", "such as 90d"), ("soon", "such as 90d"), ("1h", "at least 1d")] {
        cluster.scaleout(&["catalog", "purge", "--older-than", age]).await.refused(2, &[says]);
    }
    let purge = ["catalog", "purge", "--older-than", "90d"];
    let longer = [&purge[..], &["--messages-older-than", "91d", "--yes"]].concat();
    cluster.scaleout(&longer).await.refused(2, &["--messages-older-than", "--older-than"]);
    cluster.scaleout(&purge).await.refused(2, &["nobody can be asked", "--dry-run", "--yes"]);

    let purge = [&purge[..], &["--messages-older-than", "30d"]].concat();
    let shown = cluster.scaleout(&[&purge[..], &["--dry-run"]].concat()).await.ok().stdout;
    for says in ["4 partitions would go", &day(&cluster, 100).await, &format!("{running} (running)")] {
        assert!(shown.contains(says), "{says} is not in\n{shown}");
    }
    cluster.show(&gone).await;

    let purged = cluster.scaleout(&[&purge[..], &["--yes", "--format", "json"]].concat()).await.ok().json();
    let (old, middle) = (day(&cluster, 100).await, day(&cluster, 40).await);
    let expected =
        [("messages", old.as_str()), ("attempts", &old), ("executions", &old), ("messages", &middle)];
    assert_eq!(tables(&purged), expected, "{purged}");
    assert_eq!(purged["staying"][0]["first"][0]["id"], running.as_str());
    assert_eq!(purged["batches"], 1);
    cluster.scaleout(&["execution", "show", &gone]).await.refused(5, &[&gone]);
    cluster.scaleout(&["execution", "show", &young]).await.ok();
    assert_eq!(cluster.logs(&young).await, "");
    assert_eq!(succeeded(&cluster).await, 2, "the counts know of it");
    run_one(&cluster).await;

    // Offline: the same with no master there. What was running has ended long ago.
    let ended =
        "update internal.executions set status = 7, ended_at = internal.accepted_at(id) where status = 2";
    cluster.catalog.batch_execute(ended).await.unwrap();
    cluster.masters[0].service.kill9();
    let purged = cluster.scaleout(&[&purge[..], &["--yes", "--format", "json"]].concat()).await.ok().json();
    assert_eq!(tables(&purged).len(), 3, "{purged}");
    assert_eq!(purged["staying"], serde_json::json!([]));
    cluster.scaleout(&[&purge[..], &["--yes"]].concat()).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leading_master_removes_what_is_past_its_time() {
    let mut cluster = Cluster::new(&[]).await;
    let first = cluster.start_master(&BY_HAND).await;
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    note::deploy(&cluster).await;
    let fresh = run_one(&cluster).await;
    let gone = copy(&cluster, &fresh, 100, 4).await;
    let young = copy(&cluster, &fresh, 80, 4).await;
    // The second leads when the first is gone, with the defaults: 90 and 30 days.
    let second = cluster.start_master(&[]).await;
    cluster.masters[first].service.kill9();
    until("four partitions are dropped", MOMENT, async || {
        let log = cluster.masters[second].service.log();
        let dropped = log.matches("a partition past retention is dropped").count();
        if dropped == 4 { Ok(()) } else { Err(log) }
    })
    .await;
    let left = "select string_agg(id::text, ' ' order by id) from internal.executions";
    let left: String = cluster.catalog.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, format!("{young} {fresh}"), "{gone} is gone");
    let logs = "select count(distinct execution_id) from internal.messages";
    assert_eq!(cluster.catalog.query_one(logs, &[]).await.unwrap().get::<_, i64>(0), 1);
}
