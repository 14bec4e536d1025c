//! The rehearsal of a rolling upgrade: masters and workers of the version before beside those of this one, in every
//! combination, while packages run. `make rehearse` builds the version before and runs this.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scaleout_tests::harness::{Cluster, Execution, MOMENT, WHILE, effects, program, until};

#[path = "end_to_end/note.rs"]
mod note;

const EACH: usize = 100;

/// Enqueues through one master and waits for the end; says which workers ran it.
async fn run(cluster: &Cluster, master: usize, seconds: &str) -> BTreeSet<String> {
    let executions = finish(cluster, master, &start(cluster, master, EACH, seconds).await).await;
    assert_eq!(executions.len(), EACH);
    executions.iter().map(|execution| execution.text("worker").to_owned()).collect()
}

async fn start(cluster: &Cluster, master: usize, count: usize, seconds: &str) -> String {
    let (file, seconds) = (format!("file={}", file(cluster).display()), format!("seconds={seconds}"));
    let count = count.to_string();
    let request = ["enqueue", "t/note/note", "--set", &file, "--set", &seconds, "--count", &count];
    let command = cluster.command(&[&request[..], &["--format", "json"]].concat());
    let answer = command.env("SCALEOUT_URL", &cluster.masters[master].url).run().await.ok().json();
    answer["batch"].as_str().expect("a batch has an id").to_owned()
}

async fn finish(cluster: &Cluster, master: usize, batch: &str) -> Vec<Execution> {
    let at =
        |arguments: &[&str]| cluster.command(arguments).env("SCALEOUT_URL", &cluster.masters[master].url);
    at(&["batch", "wait", batch, "--format", "json"]).run().await.ok();
    let list = ["execution", "list", "--batch", batch, "--limit", "1000", "--format", "json"];
    let executions: Vec<_> = at(&list).run().await.ok().json_lines().into_iter().map(Execution).collect();
    for execution in &executions {
        // An attempt may have been handed back before it started: a busy worker leaves it to an idle one.
        let (lost, failed) = (execution.number("losses"), execution.number("failures"));
        assert_eq!((execution.status(), lost, failed), ("succeeded", 0, 0), "{execution:?}");
    }
    executions
}

fn file(cluster: &Cluster) -> PathBuf {
    cluster.folder().join("effects")
}

async fn session_begins(cluster: &mut Cluster, worker: usize) {
    cluster.workers[worker].service.says("the session is welcome", MOMENT).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a build of the version before: `make rehearse`"]
async fn masters_and_workers_are_upgraded_one_after_another() {
    let before = std::env::var_os("SCALEOUT_PREVIOUS").expect("SCALEOUT_PREVIOUS names the program before");
    let before = Path::new(&before).to_owned();
    let mut cluster = Cluster::of(before.clone(), &[("worker.capacity", "8")]).await;
    let old_master = cluster.start_master(&[]).await;
    let old_worker = cluster.start_worker("old", &[]);
    session_begins(&mut cluster, old_worker).await;
    note::deploy(&cluster).await;
    assert_eq!(run(&cluster, old_master, "0").await, BTreeSet::from(["old".to_owned()]));

    // These run on through all of it.
    let long = start(&cluster, old_master, 3, "45").await;
    until("the long ones have started", MOMENT, async || match effects(&file(&cluster)).len() {
        found if found >= 2 * EACH + 3 => Ok(()),
        found => Err(found.to_string()),
    })
    .await;

    cluster.go_on_with(program());
    cluster.scaleout(&["catalog", "migrate"]).await.ok();
    assert_eq!(run(&cluster, old_master, "0").await, BTreeSet::from(["old".to_owned()]));

    // A new worker and only an old master.
    let new_worker = cluster.start_worker("new", &[]);
    session_begins(&mut cluster, new_worker).await;
    let both = BTreeSet::from(["old".to_owned(), "new".to_owned()]);
    assert_eq!(run(&cluster, old_master, "0.2").await, both);

    // All four together, and each master accepts.
    let new_master = cluster.start_master(&[]).await;
    for master in [old_master, new_master] {
        assert_eq!(run(&cluster, master, "0.2").await, both);
    }

    // An old worker and only a new master, which takes over and tells the worker in its own words.
    cluster.masters[old_master].service.kill9();
    cluster.workers[new_worker].service.sigterm();
    assert_eq!(cluster.workers[new_worker].service.exit_code(WHILE).await, 0);
    assert_eq!(run(&cluster, new_master, "0").await, BTreeSet::from(["old".to_owned()]));
    assert_eq!(finish(&cluster, new_master, &long).await.len(), 3);

    // The old worker's data folder goes on under the new build.
    cluster.workers[old_worker].service.sigterm();
    assert_eq!(cluster.workers[old_worker].service.exit_code(WHILE).await, 0);
    cluster.introduce(old_worker, new_master);
    cluster.restart_worker(old_worker);
    session_begins(&mut cluster, old_worker).await;
    assert_eq!(run(&cluster, new_master, "0").await, BTreeSet::from(["old".to_owned()]));

    let all = effects(&file(&cluster));
    let once: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), once.len()), (2 * (7 * EACH + 3), 2 * (7 * EACH + 3)));
    for queue in ["scaleout.dead", "scaleout.unrouted"] {
        assert_eq!(cluster.broker.waiting(queue).await, 0, "{queue}");
    }
}
