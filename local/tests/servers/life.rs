//! What servers do while they live: answer, keep data, come back after a crash, and refuse what they must.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use scaleout_local::{Config, Keep, LocalError, Servers, destroy};
use tokio_postgres::{Client, NoTls};

use crate::{PROGRAM, open_folder, set_mode};

fn config(folder: &Path) -> Config {
    Config { fast: true, keeper: Some(PathBuf::from(PROGRAM)), ..Config::kept(folder) }
}

async fn connect(servers: &Servers, database: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&servers.postgres.url(database), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits for the answer of the broker to a connection's first bytes.
async fn speaks_amqp(servers: &Servers) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", servers.rabbitmq.amqp_port)).await.unwrap();
    stream.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
    stream.read_u8().await.is_ok_and(|first| first == 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_listen_on_loopback_only_come_back_after_kill_9_and_end_with_a_panic() {
    let parent = open_folder();
    let folder = parent.path().join("servers");
    let mut servers = Servers::start(Config { keep: Keep::Temporary, ..config(&folder) }).await.unwrap();
    #[cfg(target_os = "linux")]
    assert_listeners(&servers);

    servers.postgres.create_database("one").await.unwrap();
    servers.postgres.create_database("one").await.unwrap();
    servers.rabbitmq.create_vhost("a vhost").await.unwrap();
    connect(&servers, "one")
        .await
        .batch_execute("create table t (x int); insert into t values (7)")
        .await
        .unwrap();

    servers.postgres.kill9().await.unwrap();
    servers.rabbitmq.kill9().await.unwrap();
    assert!(tokio_postgres::connect(&servers.postgres.url("one"), NoTls).await.is_err());
    servers.postgres.restart().await.unwrap();
    servers.rabbitmq.restart().await.unwrap();
    let row = connect(&servers, "one").await.query_one("select x from t", &[]).await.unwrap();
    assert_eq!(row.get::<_, i32>(0), 7);
    assert!(speaks_amqp(&servers).await);

    // Somebody else's kill is a failure that is told.
    let postgres = servers.pids()[1];
    assert!(
        std::process::Command::new("kill").args(["-9", &postgres.to_string()]).status().unwrap().success()
    );
    let failure = servers.failure().await.to_string();
    assert!(failure.contains("PostgreSQL") && failure.contains("signal: 9"), "{failure}");

    #[cfg(target_os = "linux")]
    let everything: std::collections::BTreeSet<_> =
        servers.pids().into_iter().flat_map(crate::processes::tree).collect();
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(move || {
        let _servers = servers;
        panic!("with servers in hand");
    }));
    assert!(panicked.is_err());
    // The drop has waited, so there is nothing to wait for here.
    #[cfg(target_os = "linux")]
    crate::processes::wait_until_gone(&everything, std::time::Duration::ZERO);
    assert!(!folder.exists());
}

#[cfg(target_os = "linux")]
fn assert_listeners(servers: &Servers) {
    use std::net::{IpAddr, Ipv4Addr};

    let tree = crate::processes::tree(servers.pids()[0]);
    let names: Vec<&str> = tree.iter().map(|process| &*process.name).collect();
    for expected in ["epmd", "beam.smp", "postgres"] {
        assert!(names.contains(&expected), "{names:?}");
    }
    let listeners = crate::processes::listeners(&tree);
    // AMQP, management, Prometheus, distribution, epmd, PostgreSQL.
    assert_eq!(listeners.len(), 6, "{listeners:?}");
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    assert!(listeners.iter().all(|(address, _)| *address == loopback), "{listeners:?}");
    let rabbitmq = &servers.rabbitmq;
    for port in
        [servers.postgres.port, rabbitmq.amqp_port, rabbitmq.management_port, rabbitmq.prometheus_port]
    {
        assert!(listeners.contains(&(loopback, port)), "{port} not in {listeners:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_folder_goes_on_where_it_was_and_is_for_one_at_a_time() {
    let parent = open_folder();
    let folder = parent.path().join("servers");
    let mut servers = Servers::start(config(&folder)).await.unwrap();
    connect(&servers, "postgres")
        .await
        .batch_execute("create table t (); comment on table t is 'kept'")
        .await
        .unwrap();
    servers.rabbitmq.create_vhost("kept").await.unwrap();
    let urls =
        (servers.postgres.url("postgres"), servers.rabbitmq.url("kept"), servers.rabbitmq.management_url());

    let own = std::process::id();
    let second = Servers::start(config(&folder)).await.err().unwrap();
    assert!(matches!(second, LocalError::FolderHeld { pid, .. } if pid == own), "{second}");
    assert!(matches!(destroy(&folder), Err(LocalError::FolderHeld { pid, .. }) if pid == own));
    servers.stop().await;
    servers.stop().await;
    drop(servers);

    // What a killed run leaves behind: a pid file with the pid of somebody who lives.
    std::fs::write(folder.join("postgres/data/postmaster.pid"), format!("{own}\n")).unwrap();
    let servers = Servers::start(config(&folder)).await.unwrap();
    assert_eq!(urls.0, servers.postgres.url("postgres"));
    assert_eq!(urls.1, servers.rabbitmq.url("kept"));
    assert_eq!(urls.2, servers.rabbitmq.management_url());
    let row =
        connect(&servers, "postgres").await.query_one("select obj_description('t'::regclass)", &[]).await;
    assert_eq!(row.unwrap().get::<_, String>(0), "kept");
    let vhosts = servers.rabbitmq.vhosts().await.unwrap();
    assert!(vhosts.contains(&"kept".to_owned()), "{vhosts:?}");
    drop(servers);

    other_versions_are_refused(&folder).await;
    destroy(&folder).unwrap();
    assert!(!folder.exists());
    assert!(matches!(destroy(parent.path()), Err(LocalError::NotOurs(_))));
}

async fn other_versions_are_refused(folder: &Path) {
    let saved = folder.join("servers.json");
    let text = std::fs::read_to_string(&saved).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["rabbitmq_version"] = "3.9.9".into();
    std::fs::write(&saved, json.to_string()).unwrap();
    let refused = Servers::start(config(folder)).await.err().unwrap().to_string();
    assert!(refused.contains("RabbitMQ") && refused.contains("3.9.9"), "{refused}");

    std::fs::write(folder.join("postgres/data/PG_VERSION"), "14\n").unwrap();
    let refused = Servers::start(config(folder)).await.err().unwrap().to_string();
    assert!(refused.contains("PostgreSQL") && refused.contains("version 14"), "{refused}");
    assert!(refused.contains("remove the data"), "{refused}");
}

/// Binds a port that was just chosen, as soon as the chosen ones are known and before any server has bound its own.
fn snatch(folder: &Path, name: &'static str) -> std::thread::JoinHandle<std::net::TcpListener> {
    let saved = folder.join("servers.json");
    std::thread::spawn(move || {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let text = std::fs::read_to_string(&saved).unwrap_or_default();
            let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(port) = json["ports"][name].as_u64() {
                return std::net::TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
            }
            assert!(std::time::Instant::now() < deadline, "no ports in {}", saved.display());
            std::thread::yield_now();
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_before_its_server_binds_it_is_chosen_anew() {
    // Of RabbitMQ the one that it tells soonest; it fails on its other listeners with `eaddrinuse`.
    for name in ["postgres", "distribution"] {
        let parent = open_folder();
        let folder = parent.path().join("servers");
        let snatcher = snatch(&folder, name);
        let servers = Servers::start(config(&folder)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let taken = snatcher.join().unwrap().local_addr().unwrap().port();
        let text = std::fs::read_to_string(folder.join("servers.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_ne!(json["ports"][name], taken, "{name}");
        assert!(speaks_amqp(&servers).await, "{name}");
    }
}

/// RabbitMQ makes its tables one after the other, and ends at once with some of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_boot_that_was_killed_is_made_again_and_what_is_whole_stays() {
    let parent = open_folder();
    let folder = parent.path().join("servers");
    let (mark, data) = (folder.join("rabbitmq.first-boot"), folder.join("rabbitmq/data"));
    let first = tokio::spawn(Servers::start(config(&folder)));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !data.join("node/schema.DAT").exists() && !first.is_finished() {
        assert!(std::time::Instant::now() < deadline, "no schema in {}", data.display());
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    first.abort();
    let cut = first.await.map(|servers| servers.err().map(|error| error.to_string()));
    assert!(cut.as_ref().is_err_and(|error| error.is_cancelled()), "{cut:?}");
    assert!(mark.exists());
    let left = data.join("left");
    std::fs::write(&left, "by the first boot").unwrap();

    let servers = Servers::start(config(&folder)).await.unwrap();
    assert!(!left.exists() && !mark.exists());
    servers.rabbitmq.create_vhost("kept").await.unwrap();
    drop(servers);
    let servers = Servers::start(config(&folder)).await.unwrap();
    assert!(servers.rabbitmq.vhosts().await.unwrap().contains(&"kept".to_owned()));
}

#[tokio::test]
async fn missing_programs_are_named_before_anything_is_made() {
    let parent = open_folder();
    let folder = parent.path().join("servers");
    let nowhere = Config { search_path: Some(parent.path().into()), ..config(&folder) };
    let error = Servers::start(nowhere).await.err().unwrap();
    assert!(matches!(error, LocalError::ProgramMissing { .. }), "{error}");
    assert!(error.to_string().contains("deploy/install.sh"), "{error}");
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_folder_closed_to_the_servers_user_is_refused_and_says_where() {
    if !std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        // Only root's servers run as somebody else.
        return;
    }
    let parent = open_folder();
    set_mode(parent.path(), 0o700);
    let temporary = Config { keep: Keep::Temporary, ..config(&parent.path().join("servers")) };
    let error = Servers::start(temporary).await.err().unwrap();
    assert!(matches!(&error, LocalError::FolderClosed { at, .. } if at == parent.path()), "{error}");
}

#[tokio::test]
async fn a_program_that_cannot_be_the_keeper_is_an_error_not_a_hang() {
    let parent = open_folder();
    let folder = parent.path().join("servers");
    let mute = Config { keeper: Some(PathBuf::from("true")), ..config(&folder) };
    let error = Servers::start(mute).await.err().unwrap();
    assert!(matches!(error, LocalError::Keeper(_)), "{error}");
}
