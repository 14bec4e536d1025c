//! Packages as users of their own, from a worker's settings to a process; whom a worker allows, and what it says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use scaleout_tests::harness::{Cluster, MOMENT, Project};

fn package(run_as: &str) -> String {
    format!("{run_as}\n[tasks.run]\nkind = \"process\"\ncommand = [\"id\", \"-un\"]\n")
}

fn project(cluster: &Cluster) -> Project {
    Project::new(cluster.folder(), "users")
        .package("listed", &package("run-as = \"nobody\""))
        .package("unnamed", &package(""))
        .package("denied", &package("run-as = \"daemon\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workers_settings_say_whom_packages_run_as() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT TESTED: packages as another user; run this test as root");
        return;
    }
    let mut cluster = Cluster::new(&[]).await;
    // Its users must get through to what the worker unpacks.
    fs::set_permissions(cluster.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    cluster.start_master(&[]).await;
    cluster.start_worker("apart", &[("worker.run_as", "nobody:daemon")]);
    cluster.workers_are_online().await;
    cluster.deploy(&project(&cluster)).await;
    for name in ["listed", "unnamed"] {
        let id = cluster.enqueue_one(&[&format!("t/users/{name}")]).await;
        cluster.reaches(&id, &["succeeded"], MOMENT).await;
        cluster.logs_with(&id, "nobody").await;
    }
    let denied = cluster.enqueue_one(&["t/users/denied"]).await;
    let failed = cluster.reaches(&denied, &["failed"], MOMENT).await;
    assert!(failed.text("error").contains("it lists nobody"), "{failed:?}");
    let bundles = fs::metadata(cluster.workers[0].folder.join("bundles")).unwrap();
    assert_eq!(bundles.permissions().mode() & 0o777, 0o711, "nobody lists what others run");
    // Root works in no folder in which others could put something in the place of something else.
    let planted = cluster.folder().join("planted");
    fs::create_dir(&planted).unwrap();
    std::os::unix::fs::symlink("/srv", planted.join("work")).unwrap();
    let refused = cluster.start_worker("planted", &[("worker.run_as", "nobody")]);
    assert_ne!(cluster.workers[refused].service.exit_code(MOMENT).await, 0);
    let log = cluster.workers[refused].service.log();
    assert!(log.contains("planted/work is a symbolic link"), "{log}");
    let shown = cluster.scaleout(&["worker", "show", "apart"]).await.ok().stdout;
    assert!(shown.contains("as user nobody"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_list_refuses_and_as_root_warns() {
    let mut cluster = Cluster::new(&[]).await;
    cluster.start_master(&[]).await;
    let worker = cluster.start_worker("plain", &[]);
    cluster.workers_are_online().await;
    cluster.deploy(&project(&cluster)).await;
    let denied = cluster.enqueue_one(&["t/users/listed"]).await;
    let failed = cluster.reaches(&denied, &["failed"], MOMENT).await;
    assert!(failed.text("error").contains("worker.run_as is empty"), "{failed:?}");
    let warned = cluster.workers[worker].service.log().contains("packages run as root here");
    assert_eq!(warned, rustix::process::geteuid().is_root());
}
