//! Services out of reach: what misses one says which, keeps trying, and goes on by itself.

use scaleout_tests::harness::{Cluster, MOMENT, Project, Proxy, cluster, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_master_says_which_service_it_misses_and_goes_on_by_itself() {
    let mut cluster = Cluster::new(&[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    let postgres = Proxy::start(&cluster.database.url).await;
    broker.close();
    postgres.close();
    let urls = [postgres.url(&cluster.database.url), broker.url(&cluster.vhost.amqp_url)];
    let settings = [("postgres.url", urls[0].as_str()), ("rabbitmq.url", urls[1].as_str())];
    let master = cluster.start_master_unready(&settings).await;
    let becomes = async |code: u16, has: &[&str], has_not: &[&str]| {
        until(&format!("/readyz is {code} with {has:?}"), MOMENT, async || {
            let (found, body) = cluster.masters[master].readyz().await;
            let fits = has.iter().all(|words| body.contains(words))
                && !has_not.iter().any(|words| body.contains(words));
            if found == code && fits { Ok(()) } else { Err(format!("{found} {body}")) }
        })
        .await;
    };
    becomes(503, &["the catalog cannot be reached", "the broker cannot be reached"], &[]).await;
    let asked = cluster.scaleout(&["execution", "list"]).await;
    asked.refused(3, &["catalog"]);
    postgres.open();
    becomes(503, &["the broker cannot be reached"], &["the catalog"]).await;
    broker.open();
    becomes(200, &["true"], &[]).await;

    // The same later on, with work before and after it.
    cluster.start_worker("worker-1", &[]);
    cluster.workers_are_online().await;
    cluster.deploy(&Project::new(cluster.folder(), "empty").package("noop", "")).await;
    let batch = cluster.enqueue(&["t/empty/noop", "--count", "50"]).await;
    cluster.wait_batch(&batch).await.0.ok();
    let becomes = async |code: u16, has: &str| {
        until(&format!("/readyz is {code} with {has:?}"), MOMENT, async || {
            match cluster.masters[master].readyz().await {
                (found, body) if found == code && body.contains(has) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    };
    broker.close();
    becomes(503, "the broker cannot be reached").await;
    let batch = cluster.enqueue(&["t/empty/noop", "--count", "50"]).await;
    broker.open();
    cluster.wait_batch(&batch).await.0.ok();
    postgres.close();
    becomes(503, "the catalog cannot be reached").await;
    cluster.scaleout(&["enqueue", "t/empty/noop"]).await.refused(3, &["catalog"]);
    postgres.open();
    becomes(200, "true").await;
    let batch = cluster.enqueue(&["t/empty/noop", "--count", "50"]).await;
    cluster.wait_batch(&batch).await.0.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_what_it_misses_and_a_folder_has_one_worker() {
    let mut cluster = cluster(1, 0, &[]).await;
    let broker = Proxy::start(&cluster.vhost.amqp_url).await;
    broker.close();
    let url = broker.url(&cluster.vhost.amqp_url);
    let worker = cluster.start_worker("worker-1", &[("rabbitmq.url", &url)]);
    cluster.workers[worker].service.says("no link to the broker", MOMENT).await;
    let folder = cluster.workers[worker].folder.display().to_string();
    let second = cluster.command(&["worker", "run", "--data-folder", &folder]).run().await;
    second.refused(1, &[&folder, "held by another worker"]);
    broker.open();
    cluster.workers_are_online().await;

    let dead = Proxy::start(&cluster.database.url).await;
    dead.close();
    let url = dead.url(&cluster.database.url);
    for arguments in [&["token", "list"][..], &["catalog", "migrate"]] {
        let refused = cluster.command(arguments).settings(&[("postgres.url", &url)]).run().await;
        refused.refused(3, &["PostgreSQL", "postgres.url"]);
    }
    let empty = scaleout_local::testing::database().await;
    let unmade = cluster.command(&["master", "run", "--listen", "127.0.0.1:0"]);
    unmade.settings(&[("postgres.url", &empty.url)]).run().await.refused(1, &["scaleout catalog migrate"]);
}
