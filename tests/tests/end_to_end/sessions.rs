//! Sessions that end while everything else is well: the worker begins anew by itself, or says why it cannot.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use scaleout_tests::harness::{Cluster, MOMENT, cluster, until};

use crate::note;

async fn a_package_runs(cluster: &Cluster) {
    note::deploy(cluster).await;
    let set = format!("file={}", cluster.path("effects"));
    let batch = cluster.enqueue(&["t/note/note", "--set", &set]).await;
    let (waited, counts) = cluster.wait_batch(&batch).await;
    assert_eq!(counts.get("succeeded"), Some(&1), "{waited}");
}

async fn is_welcome_again(cluster: &Cluster) {
    until("the next session is welcome", MOMENT, async || {
        match cluster.workers[0].service.log().matches("the session is welcome").count() {
            2 => Ok(()),
            found => Err(format!("{found} welcomes")),
        }
    })
    .await;
}

/// The guard's process id, as the lock file tells people.
fn guard_of(cluster: &Cluster) -> Pid {
    let lock = std::fs::read_to_string(cluster.workers[0].folder.join("lock")).unwrap();
    let digits: String =
        lock.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    Pid::from_raw(digits.parse().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_whose_guard_is_killed_begins_anew() {
    let mut cluster = cluster(1, 1, &[]).await;
    kill_process(guard_of(&cluster), Signal::KILL).unwrap();
    cluster.workers[0].service.says("the guard is gone", MOMENT).await;
    is_welcome_again(&cluster).await;
    a_package_runs(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_counter_was_set_back_begins_above_the_highest() {
    let mut cluster = cluster(1, 1, &[]).await;
    cluster.workers[0].service.sigterm();
    assert_eq!(cluster.workers[0].service.exit_code(MOMENT).await, 0);
    // As a data folder restored from a backup has it: the masters know session 9.
    let raised =
        cluster.catalog.execute("update internal.workers set session_counter = 9", &[]).await.unwrap();
    assert_eq!(raised, 1);
    cluster.restart_worker(0);
    cluster.workers[0].service.says("the masters know a later session", MOMENT).await;
    a_package_runs(&cluster).await;
    let counter: i64 =
        cluster.catalog.query_one("select session_counter from internal.workers", &[]).await.unwrap().get(0);
    assert_eq!(counter, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_data_folder_is_refused_in_words() {
    let mut cluster = cluster(1, 1, &[]).await;
    let copy = cluster.folder().join("worker-2");
    std::fs::create_dir(&copy).unwrap();
    for file in ["id", "session"] {
        std::fs::copy(cluster.workers[0].folder.join(file), copy.join(file)).unwrap();
    }
    let second = cluster.start_worker("worker-2", &[]);
    assert_ne!(cluster.workers[second].service.exit_code(MOMENT).await, 0);
    let log = cluster.workers[second].service.log();
    assert!(log.contains("its data folder was copied") && log.contains("remove the file `id`"), "{log}");
    // The first one goes on.
    a_package_runs(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_that_comes_late_is_of_no_use() {
    let mut cluster = cluster(1, 0, &[]).await;
    cluster.masters[0].service.kill9();
    cluster.start_worker("worker-1", &[]);
    cluster.workers[0].service.says("a session begins", MOMENT).await;
    let began = Instant::now();
    // The hello waits in the broker. Its session counts from its sending, not from the answer: nobody knows how long
    // that was under way.
    until("the fence has passed", MOMENT, async || match began.elapsed() {
        passed if passed > Duration::from_secs(21) => Ok(()),
        passed => Err(format!("{passed:?}")),
    })
    .await;
    cluster.start_master(&[]).await;
    cluster.masters.remove(0);
    cluster.workers[0].service.says("no heartbeat was answered for too long", MOMENT).await;
    is_welcome_again(&cluster).await;
}
