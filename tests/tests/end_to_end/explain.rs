//! An execution's whole way, asked at every station why it is where it is.

use scaleout_tests::harness::{Cluster, MOMENT, Proxy, WHILE, until};
use serde_json::Value;

use crate::note;

async fn enqueue(cluster: &Cluster, package: &str) -> String {
    let set = format!("file={}", cluster.path("effects"));
    cluster.enqueue_one(&[&format!("t/note/{package}"), "--set", &set]).await
}

async fn explain(cluster: &Cluster, id: &str) -> Value {
    cluster.scaleout(&["execution", "explain", id, "--format", "json"]).await.ok().json()
}

/// Waits for a reason of this kind; the reason, and its words one after another.
async fn is_explained(cluster: &Cluster, id: &str, kind: &str) -> (Value, String) {
    let explained =
        until(&format!("{id} is explained by {kind}"), WHILE, async || match explain(cluster, id).await {
            explained if explained["reason"]["kind"] == kind => Ok(explained),
            other => Err(other.to_string()),
        })
        .await;
    let words = format!("{} | {}", explained["why"], explained["next"]);
    (explained["reason"].clone(), words)
}

/// The kinds of the warnings of `status`.
async fn warnings(cluster: &Cluster) -> Vec<String> {
    let status = cluster.scaleout(&["status", "--format", "json"]).await.ok().json();
    let kinds = status["warnings"].as_array().unwrap().iter();
    kinds.map(|warning| warning["kind"].as_str().unwrap().to_owned()).collect()
}

/// What waits says that the broker is missing, what ran that its worker is; gives one that was enqueued meanwhile.
async fn without_broker_and_worker(cluster: &Cluster, first: &str, third: &str) -> String {
    let (_, words) = is_explained(cluster, third, "broker-unreachable").await;
    assert!(
        words.contains("no master reaches the broker") && words.contains("is with the broker"),
        "{words}"
    );
    let fourth = enqueue(cluster, "note").await;
    let (_, words) = is_explained(cluster, &fourth, "broker-unreachable").await;
    assert!(words.contains("its message waits to be published"), "{words}");
    assert!(warnings(cluster).await.contains(&"broker-unreachable".to_owned()));
    let said = cluster.scaleout(&["status"]).await.ok().stdout;
    assert!(said.contains("warning: this master does not reach the broker"), "{said}");
    let (expired, words) = is_explained(cluster, first, "lease-expired").await;
    assert_eq!(expired["taking"]["state"], "unproven", "{expired}");
    assert!(words.contains("its hello ends the attempt"), "{words}");
    fourth
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_station_it_says_why_and_what_comes_next() {
    let mut cluster = Cluster::new(&[("worker.capacity", "1")]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    let url = broker.url(&cluster.vhost.amqp_url);
    cluster.start_master(&[("rabbitmq.url", &url)]).await;
    note::deploy(&cluster).await;

    let first = enqueue(&cluster, "first-sleeps").await;
    let (_, words) = is_explained(&cluster, &first, "no-workers").await;
    assert!(words.contains("no worker has ever served the pool default"), "{words}");
    until("status warns of it", MOMENT, async || match warnings(&cluster).await {
        found if found.iter().any(|kind| kind == "pool-unserved") => Ok(()),
        found => Err(format!("{found:?}")),
    })
    .await;

    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    let (running, words) = is_explained(&cluster, &first, "running").await;
    assert_eq!((&running["worker"], &running["session"]), (&"worker-1".into(), &1.into()), "{running}");
    assert!(words.contains("the lease ends in") && words.contains("it has no timeout"), "{words}");

    let (second, third) = (enqueue(&cluster, "note").await, enqueue(&cluster, "note").await);
    let (next, words) = is_explained(&cluster, &second, "in-line").await;
    assert_eq!(next["ahead"]["pending"], 0, "{next}");
    assert!(words.contains("the only slot of the pool default is busy, and it is the next"), "{words}");
    let (line, words) = is_explained(&cluster, &third, "in-line").await;
    assert_eq!(line["ahead"]["pending"], 1, "{line}");
    assert!(words.contains("1 waits before it"), "{words}");
    let shown = cluster.scaleout(&["execution", "show", &third]).await.ok().stdout;
    let why = shown.lines().find(|line| line.starts_with("why ")).unwrap_or_default();
    assert!(why.contains("1 waits before it"), "{shown}");
    let shown = cluster.scaleout(&["execution", "show", &third, "--format", "json"]).await.ok().json();
    assert_eq!(shown["explanation"]["reason"]["kind"], "in-line", "{shown}");

    broker.close();
    cluster.workers[0].service.kill9();
    let fourth = without_broker_and_worker(&cluster, &first, &third).await;

    // A leader that has just come back may not take it yet.
    broker.open();
    let (_, words) = is_explained(&cluster, &fourth, "workers-offline").await;
    assert!(words.contains("the only worker of the pool default, worker-1, was last online"), "{words}");
    let (expired, _) = is_explained(&cluster, &first, "lease-expired").await;
    assert!(["unproven", "from"].iter().any(|state| expired["taking"]["state"] == *state), "{expired}");
    cluster.scaleout(&["execution", "cancel", &third]).await.ok();
    let (_, words) = is_explained(&cluster, &third, "ended").await;
    assert!(words.contains("a user canceled it before it could start"), "{words}");

    cluster.restart_worker(0);
    for id in [&first, &second, &fourth] {
        cluster.reaches(id, &["succeeded"], WHILE).await;
    }
    let said = cluster.scaleout(&["execution", "explain", &first]).await.ok().stdout;
    assert!(said.contains("it ended succeeded at") && said.contains("on worker worker-1"), "{said}");
    let missing = "0190a0b0-0000-7000-8000-00000000dead";
    cluster.scaleout(&["execution", "explain", missing]).await.refused(5, &[missing, "execution list"]);
}
