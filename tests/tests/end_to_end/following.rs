//! A log that is followed while masters die and stop: each line once, in order, and the result at the end.

use rustix::process::Signal;
use scaleout_tests::harness::{Cluster, MOMENT, Project, Service, WHILE, cluster, until};

const LINES: usize = 160;

/// Prints for some eight seconds, and gives a result.
const COUNTS: &str = r#"
[tasks.count]
kind = "process"
command = ["sh", "-c", 'i=1; while [ "$i" -le 160 ]; do echo "line $i"; i=$((i + 1)); sleep 0.05; done; echo "[160]" > "$SCALEOUT_RESULT"']
"#;

async fn deploy(cluster: &Cluster) {
    cluster.deploy(&Project::new(cluster.folder(), "count").package("count", COUNTS)).await;
}

/// Follows with all masters at hand; what it says goes to a file.
fn follow(cluster: &Cluster, id: &str) -> Service {
    let urls: Vec<&str> = cluster.masters.iter().map(|master| master.url.as_str()).collect();
    let call = cluster.command(&["execution", "logs", id, "--follow", "--plain", "--type", "stdout"]);
    Service::start("follow", &call.env("SCALEOUT_URL", urls.join(",")), &cluster.folder().join("follow.log"))
}

/// The lines of the package, and what was said beside them.
fn parted(said: &str) -> (Vec<&str>, String) {
    let (lines, beside): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| line.starts_with("line "));
    (lines, beside.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_through_a_killed_and_a_stopped_master_without_a_gap() {
    // Each stream lasts a second only, so many of them have to fit together.
    let mut cluster = cluster(3, 1, &[("master.stream_s", "1")]).await;
    deploy(&cluster).await;
    let id = cluster.enqueue_one(&["t/count/count"]).await;
    let mut following = follow(&cluster, &id);
    following.says("line 20", MOMENT).await;
    cluster.masters[0].service.kill9();
    following.says("following again", MOMENT).await;
    following.says("line 70", WHILE).await;
    cluster.masters[1].service.signal(Signal::TERM);
    assert_eq!(following.exit_code(WHILE).await, 0);

    let said = following.log();
    let (lines, beside) = parted(&said);
    let expected: Vec<String> = (1..=LINES).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, expected, "{said}");
    let again = beside.matches("following again").count();
    assert!((1..=2).contains(&again), "{said}");
    let lost = format!("{} was lost", cluster.masters[0].url);
    for words in [lost.as_str(), "the execution has ended: succeeded", "result  [160]"] {
        assert!(beside.contains(words), "{words:?} was not said:\n{said}");
    }
    assert!(!beside.contains("missing"), "{said}");
    // The master that was asked to stop did not wait for who followed.
    let code = cluster.masters[1].service.exit_code(MOMENT).await;
    assert_eq!(code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn following_ends_with_the_execution_and_with_ctrl_c() {
    let cluster = cluster(1, 1, &[]).await;
    deploy(&cluster).await;
    let id = cluster.enqueue_one(&["t/count/count"]).await;
    let mut following = follow(&cluster, &id);
    following.says("line 5", MOMENT).await;
    following.signal(Signal::INT);
    assert_eq!(following.exit_code(MOMENT).await, 130);
    let said = following.log();
    assert!(said.contains(&format!("scaleout execution cancel {id}")), "{said}");
    let mut following = follow(&cluster, &id);
    following.says("line 5", MOMENT).await;
    cluster.scaleout(&["execution", "cancel", &id]).await.ok();
    let canceled = until("it is seen to end", MOMENT, async || match following.is_running() {
        true => Err(following.tail()),
        false => Ok(following.log()),
    });
    let said = canceled.await;
    assert!(said.contains("the execution has ended: canceled"), "{said}");
    // What has ended long ago is there at once, and whole.
    let again = ["execution", "logs", &id, "--follow", "--format", "json"];
    let again = cluster.scaleout(&again).await.ok();
    let texts: Vec<_> =
        again.json_lines().into_iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert!(texts.len() > 5 && texts.iter().copied().eq(1..=texts.len() as u64), "{again}");
    let missing =
        cluster.scaleout(&["execution", "logs", "00000000-0000-7000-8000-000000000000", "--follow"]);
    missing.await.refused(5, &["there is no execution"]);
}
