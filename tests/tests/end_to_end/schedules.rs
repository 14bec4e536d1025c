//! Schedules on real masters: the leader runs them, once, also when it is killed at that; and what cannot run is told.

use scaleout_tests::harness::{Cluster, MOMENT, WHILE, cluster, effects, until};
use serde_json::Value;

use crate::note;

/// Never by itself while a test runs.
const YEARLY: &str = "0 0 1 1 *";

async fn create(cluster: &Cluster, name: &str, more: &[&str]) {
    let set = format!("file={}", cluster.path("effects"));
    let create = ["schedule", "create", name, "--cron", YEARLY, "t/note/note", "--set", &set];
    cluster.scaleout(&[&create[..], more].concat()).await.ok();
}

/// As if it had been set for a time that came so long ago, once a year.
async fn has_come(cluster: &Cluster, name: &str, ago: &str) {
    let update = format!(
        "update internal.schedules s set next_at = come.at,
             cron = to_char(come.at at time zone s.timezone, 'FMMI FMHH24 FMDD FMMM') || ' *'
         from (select date_trunc('minute', clock_timestamp() - interval '{ago}') as at) as come
         where s.name = $1"
    );
    assert_eq!(cluster.catalog.execute(&update, &[&name]).await.unwrap(), 1);
}

async fn shown(cluster: &Cluster, name: &str) -> Value {
    cluster.scaleout(&["schedule", "show", name, "--format", "json"]).await.ok().json()
}

/// Its runs, when there are so many and all have ended.
async fn ran(cluster: &Cluster, name: &str, count: usize) -> Vec<Value> {
    until(&format!("{name} has run {count} times"), WHILE, async || {
        let runs = shown(cluster, name).await["runs"].as_array().unwrap().clone();
        let all = runs.len() == count && runs.iter().all(|run| run["status"] == "succeeded");
        if all { Ok(runs) } else { Err(format!("{runs:?}")) }
    })
    .await
}

/// The index of the master that leads.
async fn leader(cluster: &Cluster) -> usize {
    until("a master leads", MOMENT, async || {
        let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
        let leads = |master: &&Value| master["leader"] == true;
        let found = status["masters"].as_array().unwrap().iter().find(leads).cloned().unwrap_or_default();
        let address = found["address"].as_str().unwrap_or("nobody");
        let index = cluster.masters.iter().position(|master| master.url.ends_with(address));
        index.ok_or_else(|| status.to_string())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_killed_while_it_runs_a_schedule_leaves_one_run_to_the_next() {
    let mut cluster = cluster(2, 1, &[]).await;
    note::deploy(&cluster).await;
    create(&cluster, "nightly", &["--timezone", "Europe/Paris"]).await;
    has_come(&cluster, "nightly", "30 min").await;
    ran(&cluster, "nightly", 1).await;

    // The schedule's row is held: the leader is at work on the run and cannot commit it.
    let first = leader(&cluster).await;
    cluster.catalog.batch_execute("begin").await.unwrap();
    has_come(&cluster, "nightly", "20 min").await;
    cluster.catalog.batch_execute("commit; begin; select from internal.schedules for update").await.unwrap();
    until("the leader waits for the row", MOMENT, async || {
        let waits = "select count(*) from pg_stat_activity
                     where datname = current_database() and wait_event_type = 'Lock' and query like '%missed_count + %'";
        // Within a transaction the first look would stay.
        cluster.catalog.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
        match cluster.catalog.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) {
            0 => Err("nobody waits".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
    cluster.masters[first].service.kill9();
    cluster.catalog.batch_execute("commit").await.unwrap();
    let url = cluster.masters[1 - first].url.clone();
    if first == 0 {
        cluster.masters.swap(0, 1);
    }
    let runs = ran(&cluster, "nightly", 2).await;
    assert_ne!(runs[0]["scheduled_at"], runs[1]["scheduled_at"], "{url}");
    assert_eq!(cluster.executions_count().await, 2, "each time once");
    assert_eq!(effects(&cluster.folder().join("effects")).len(), 4);

    // And in the wink between: due, and nobody there, until a master starts.
    cluster.masters[0].service.kill9();
    has_come(&cluster, "nightly", "10 min").await;
    let new = cluster.start_master(&[]).await;
    cluster.introduce(0, new);
    cluster.masters.swap(0, new);
    until("it has run", WHILE, async || {
        let runs = shown(&cluster, "nightly").await;
        if runs["runs"].as_array().unwrap().len() == 3 { Ok(()) } else { Err(runs.to_string()) }
    })
    .await;
    assert_eq!(cluster.executions_count().await, 3);
    let told = shown(&cluster, "nightly").await;
    assert_eq!((&told["missed_count"], &told["error"]), (&0.into(), &Value::Null), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_run_is_told_and_the_others_run() {
    let cluster = cluster(1, 1, &[]).await;
    note::deploy(&cluster).await;
    create(&cluster, "good", &[]).await;
    create(&cluster, "gone", &[]).await;
    create(&cluster, "skips", &["--missed", "skip"]).await;
    create(&cluster, "nowhere", &[]).await;
    let zone = "update internal.schedules set timezone = $1 where name = 'nowhere'";
    has_come(&cluster, "nowhere", "30 min").await;
    cluster.catalog.execute(zone, &[&"Mars/Olympus"]).await.unwrap();
    let rename = "update internal.schedules set package = 'nothing' where name = 'gone'";
    cluster.catalog.batch_execute(rename).await.unwrap();
    has_come(&cluster, "gone", "2 s").await;
    has_come(&cluster, "good", "1 s").await;
    has_come(&cluster, "skips", "2 h").await;
    let run = ran(&cluster, "good", 1).await.remove(0);
    let id = run["execution"].as_str().unwrap();
    assert_eq!(cluster.show(id).await.text("schedule"), "good");
    let gone = until("the error is told", MOMENT, async || match shown(&cluster, "gone").await {
        shown if shown["error"].is_string() => Ok(shown),
        other => Err(other.to_string()),
    })
    .await;
    assert!(gone["error"].as_str().unwrap().contains("there is no package t/note/nothing"), "{gone}");
    assert!(gone["next_at"].is_string() && gone["failures"] == 1, "{gone}");
    let status = cluster.scaleout(&["status"]).await.ok().stdout;
    assert!(status.contains("the schedule gone could not run"), "{status}");
    let listed = cluster.scaleout(&["schedule", "list"]).await.ok().stdout;
    assert!(listed.contains("there is no package t/note/nothing"), "{listed}");
    until("the missed run is counted", MOMENT, async || match shown(&cluster, "skips").await {
        shown if shown["missed_count"] == 1 => Ok(()),
        other => Err(other.to_string()),
    })
    .await;
    assert_eq!(cluster.executions_count().await, 1);

    // This master does not know the zone; another one, or a later version of it, may. Until then it is late.
    let status = cluster.scaleout(&["status"]).await.ok().stdout;
    assert!(status.contains("the schedule nowhere"), "{status}");
    assert!(shown(&cluster, "nowhere").await["next_at"].is_string());
    cluster.catalog.execute(zone, &[&"UTC"]).await.unwrap();
    ran(&cluster, "nowhere", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_by_command() {
    let cluster = cluster(1, 0, &[]).await;
    note::deploy(&cluster).await;
    let create = async |more: &[&str]| {
        let all =
            [&["schedule", "create", "nightly", "t/note/note", "--set", "file=/dev/null"], more].concat();
        cluster.scaleout(&all).await
    };
    create(&["--cron", "0 0 2 * * *"]).await.refused(2, &["it has 6 fields", "minute hour day-of-month"]);
    create(&["--cron", "0 2 30 2 *"]).await.refused(2, &["never comes"]);
    let zone = ["--cron", "0 2 * * *", "--timezone", "Europe/Pairs"];
    create(&zone).await.refused(2, &["there is no time zone \"Europe/Pairs\""]);
    let unknown = ["--cron", "0 2 * * *", "--set", "flie=x"];
    create(&unknown).await.refused(2, &["parameter flie", "did you mean `file`?"]);
    let paris = ["--cron", "30 2 * * *", "--timezone", "Europe/Paris"];
    create(&paris).await.ok();
    create(&paris).await.refused(2, &["there is a schedule nightly already", "--replace"]);
    create(&[&paris[..], &["--replace"]].concat()).await.ok();
    let next = ["schedule", "next", "nightly", "--count", "400", "--format", "json"];
    let runs = cluster.scaleout(&next).await.ok().json_lines();
    assert_eq!(runs.len(), 400);
    let is = |run: &&Value, time: &str| run["local"].as_str().unwrap().contains(time);
    assert_eq!(runs.iter().filter(|run| is(run, " 03:30+02:00")).count(), 1, "one day in spring: {runs:?}");
    assert_eq!(runs.iter().filter(|run| is(run, " 02:30+")).count(), 399);
    cluster.scaleout(&["schedule", "pause", "nightly"]).await.ok();
    let listed = cluster.scaleout(&["schedule", "list"]).await.ok().stdout;
    assert!(listed.contains("paused") && listed.contains("30 2 * * *"), "{listed}");
    cluster.scaleout(&["schedule", "resume", "nightly"]).await.ok();
    let reader = cluster.token("reader", "reader").await;
    let call = cluster.command(&["schedule", "remove", "nightly"]).env("SCALEOUT_TOKEN", &reader);
    call.run().await.refused(4, &["operator"]);
    cluster.scaleout(&["schedule", "show", "nightl"]).await.refused(5, &["did you mean nightly?"]);
    cluster.scaleout(&["schedule", "remove", "nightly"]).await.ok();
    assert_eq!(cluster.scaleout(&["schedule", "list", "--format", "json"]).await.ok().json_lines().len(), 0);
}
