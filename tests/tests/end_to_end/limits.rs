//! Concurrency limits on real workers: never more at once than they allow, nobody stuck, and everybody told why it
//! waits.

use std::collections::HashSet;

use scaleout_tests::harness::{Cluster, Effect, MOMENT, WHILE, cluster, effects, until};
use serde_json::Value;

use crate::note;

const LIMIT: i64 = 3;

/// Writes down whenever more executions hold a slot than `LIMIT` allows, seen by every statement that moves one. Those
/// that run beside each other may not see each other; the next one sees both.
const WATCH: &str = "
    create table public.too_many (n bigint);
    create function public.watch() returns trigger language plpgsql as $$
    begin
        insert into public.too_many
        select count(*) from internal.executions where status in (2, 5, 8) having count(*) > 3;
        return null;
    end $$;
    create trigger watch after update on internal.executions for each statement execute function public.watch();";

async fn number(cluster: &Cluster, query: &str) -> i64 {
    cluster.catalog.query_one(query, &[]).await.unwrap().get(0)
}

async fn enqueue(cluster: &Cluster, seconds: &str, more: &[&str]) -> String {
    let (file, seconds) = (format!("file={}", cluster.path("effects")), format!("seconds={seconds}"));
    cluster.enqueue(&[&["t/note/note", "--set", &file, "--set", &seconds], more].concat()).await
}

async fn explained(cluster: &Cluster, id: &str) -> Value {
    cluster.scaleout(&["execution", "explain", id, "--format", "json"]).await.ok().json()
}

/// How many processes that came to their end ran at once at most, by their own lines.
fn at_once(all: &[Effect]) -> usize {
    let key = |effect: &Effect| (effect.execution.clone(), effect.attempt);
    let ended: HashSet<_> = all.iter().filter(|effect| effect.event == "end").map(key).collect();
    let (mut now, mut most) = (0_usize, 0);
    for effect in all.iter().filter(|effect| ended.contains(&key(effect))) {
        now = if effect.event == "start" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    most
}

/// The limit as `limit list` has it.
async fn limit(cluster: &Cluster, name: &str) -> Value {
    let all = cluster.scaleout(&["limit", "list", "--format", "json"]).await.ok().json_lines();
    all.into_iter().find(|limit| limit["name"] == name).unwrap_or_default()
}

async fn applied(cluster: &Cluster, name: &str) {
    until("the limit is applied", MOMENT, async || match limit(cluster, name).await {
        limit if limit["applying"] == false => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_over_four_workers_never_run_more_than_three_at_once_though_one_is_killed() {
    let mut cluster = cluster(2, 4, &[("worker.capacity", "8")]).await;
    note::deploy(&cluster).await;
    cluster.scaleout(&["limit", "set", "t/note/note", &LIMIT.to_string()]).await.ok();
    applied(&cluster, "t/note/note").await;
    cluster.catalog.batch_execute(WATCH).await.unwrap();
    let batch = enqueue(&cluster, "1", &["--count", "50"]).await;
    let running = until("three run", MOMENT, async || {
        let all = cluster.executions(&batch).await;
        let running: Vec<_> = all.into_iter().filter(|execution| execution.status() == "running").collect();
        if running.len() == LIMIT as usize { Ok(running) } else { Err(format!("{}", running.len())) }
    })
    .await;
    let name = running[0].text("worker").to_owned();
    let victim = cluster.workers.iter().position(|worker| worker.name == name).unwrap();
    cluster.workers[victim].service.kill9();

    let waiting = cluster.executions(&batch).await;
    let last = waiting.iter().filter(|one| one.status() == "created").map(|one| one.id()).max().unwrap();
    let why = explained(&cluster, last).await;
    assert_eq!(why["reason"]["kind"], "limit-reached", "{why}");
    assert_eq!(why["reason"]["limit"]["at_most"], LIMIT, "{why}");
    let by: Vec<&str> = why["reason"]["limit"]["by"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["execution"].as_str().unwrap())
        .collect();
    assert!(!by.is_empty() && !by.contains(&last), "{why}");
    let said = why["why"].as_str().unwrap();
    assert!(said.contains("the limit t/note/note of 3 is reached, by ") && said.contains(by[0]), "{said}");
    let shown = cluster.scaleout(&["status"]).await.ok().stdout;
    assert!(shown.contains("t/note/note"), "{shown}");

    let (waited, counts) = cluster.wait_batch(&batch).await;
    assert_eq!(counts.get("succeeded"), Some(&50), "{waited}");
    assert_eq!(number(&cluster, "select count(*) from public.too_many").await, 0, "more than three at once");
    let all = effects(&cluster.folder().join("effects"));
    assert_eq!(all.iter().filter(|one| one.event == "end").count(), 50, "each has ended once");
    // Two at least: what was killed noted no end, and so is not counted.
    assert!((2..=LIMIT as usize).contains(&at_once(&all)), "by the processes' own lines: {}", at_once(&all));
    let limit = limit(&cluster, "t/note/note").await;
    assert_eq!((&limit["held"], &limit["waiting"]), (&0.into(), &0.into()), "{limit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_limits_across_packages_and_a_limit_that_goes_lets_all_go() {
    let cluster = cluster(1, 1, &[("worker.capacity", "8")]).await;
    note::deploy(&cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let keyed = ["enqueue", "t/note/note", "--set", &set, "--limit-key", "warehouse"];
    cluster
        .scaleout(&keyed)
        .await
        .refused(5, &["there is no limit warehouse", "scaleout limit set warehouse N"]);
    assert_eq!(cluster.executions_count().await, 0);

    cluster.scaleout(&["limit", "set", "warehouse", "0"]).await.ok();
    applied(&cluster, "warehouse").await;
    let held = enqueue(&cluster, "0", &["--count", "3", "--limit-key", "warehouse"]).await;
    let sleeping = cluster.enqueue(&["t/note/first-sleeps", "--set", &set, "--limit-key", "warehouse"]).await;
    let free = enqueue(&cluster, "0", &["--count", "2"]).await;
    cluster.wait_batch(&free).await.0.ok();
    let all = cluster.executions(&held).await;
    assert!(all.iter().all(|execution| execution.status() == "created"), "{all:?}");
    let why = explained(&cluster, all[0].id()).await;
    assert!(why["why"].as_str().unwrap().contains("the limit warehouse is 0: none starts"), "{why}");
    assert_eq!(cluster.show(all[0].id()).await.text("limit_key"), "warehouse");
    let one = cluster.executions(&sleeping).await[0].id().to_owned();
    cluster.scaleout(&["execution", "cancel", &one]).await.ok();
    cluster.reaches(&one, &["canceled"], MOMENT).await;

    cluster.scaleout(&["limit", "remove", "warehouse"]).await.ok();
    cluster.wait_batch(&held).await.0.ok();
    cluster.scaleout(&["limit", "remove", "warehouse"]).await.refused(5, &["there is no limit warehouse"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_set_holds_for_what_waits_in_queues_already() {
    let mut cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let batch = enqueue(&cluster, "0", &["--count", "20"]).await;
    let pending = async |cluster: &Cluster| {
        cluster.executions(&batch).await.iter().filter(|execution| execution.status() == "pending").count()
    };
    assert_eq!(pending(&cluster).await, 20);
    cluster.scaleout(&["limit", "set", "t/note/note", "2"]).await.ok();
    until("eighteen are taken back", MOMENT, async || match pending(&cluster).await {
        2 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    cluster.start_worker("worker-1", &[]);
    cluster.wait_batch(&batch).await.0.ok();
    let ends =
        effects(&cluster.folder().join("effects")).into_iter().filter(|one| one.event == "end").count();
    assert_eq!(ends, 20, "what was taken back ran once");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_and_what_cannot_be_set_is_told() {
    let cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let reader = cluster.token("reader", "reader").await;
    let call = cluster.command(&["limit", "set", "t/note/note", "2"]).env("SCALEOUT_TOKEN", &reader);
    call.run().await.refused(4, &["operator"]);
    cluster.scaleout(&["limit", "set", "t/note/nots", "2"]).await.refused(5, &["did you mean t/note/note?"]);
    cluster
        .scaleout(&["limit", "set", "t/note", "2"])
        .await
        .refused(2, &["neither a package", "FOLDER/PROJECT/PACKAGE"]);
    cluster.scaleout(&["limit", "set", "k", "10001"]).await.refused(2, &["10001", "0..=10000"]);
    cluster
        .catalog
        .batch_execute(
            "insert into internal.masters (id, host, address, version)
             values (gen_random_uuid(), 'h', 'old:8391', '0.2.0')",
        )
        .await
        .unwrap();
    let refused = cluster.scaleout(&["limit", "set", "t/note/note", "2"]).await;
    refused.refused(2, &["the master old:8391 is of version 0.2.0", "upgrade all masters"]);
    until("a master that is not there is forgotten", WHILE, async || {
        let set = cluster.scaleout(&["limit", "set", "t/note/note", "2"]).await;
        if set.code == 0 { Ok(()) } else { Err(set.to_string()) }
    })
    .await;
    assert_eq!(number(&cluster, "select max(works_from)::bigint from internal.compatibility").await, 3);
}
