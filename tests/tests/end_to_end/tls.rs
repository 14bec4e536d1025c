//! TLS on all three links, and a machine that becomes a worker by one line.

use std::os::unix::fs::PermissionsExt as _;

use scaleout_tests::harness::{Call, Cluster, MOMENT, Project, Service, program, until};
use scaleout_tls::Invitation;

use super::tls_world::{Ca, amqps, elsewhere, secure_postgres};

const PACKAGE: &str = "[tasks.one]\nkind = \"process\"\ncommand = [\"true\"]\n";

/// A cluster whose master has TLS on all links, with the masters' authority in `masters-ca.pem`.
async fn secure_cluster() -> (Cluster, &'static Ca) {
    let mut cluster = Cluster::new(&[]).await;
    let (ca, pair) = secure_postgres(&cluster).await;
    let file = cluster.path("ca.pem");
    std::fs::write(&file, &ca.pem).unwrap();
    let database = format!("{}?sslmode=verify-full", cluster.database.url);
    let broker = amqps(&cluster, pair, "127.0.0.1").await;
    let settings = [
        ("postgres.url", database.as_str()),
        ("postgres.ca_file", &file),
        ("rabbitmq.url", &broker),
        ("rabbitmq.ca_file", &file),
        ("master.tls", "auto"),
    ];
    cluster.start_master_unready(&settings).await;
    cluster.masters[0].url = cluster.masters[0].url.replace("http://", "https://");
    let authority = until("the masters have an authority", MOMENT, async || {
        let shown = cluster.scaleout(&["master", "authority"]).await;
        if shown.code == 0 { Ok(shown.stdout) } else { Err(shown.to_string()) }
    });
    std::fs::write(cluster.path("masters-ca.pem"), authority.await).unwrap();
    (cluster, ca)
}

fn link_modes() -> &'static str {
    "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) \
     where application_name = 'scaleout' and datname = current_database()"
}

#[tokio::test]
async fn a_new_machine_joins_over_tls_and_runs_what_there_is() {
    let (cluster, _) = secure_cluster().await;
    let (url, ca_file) = (cluster.masters[0].url.clone(), cluster.path("masters-ca.pem"));
    let trusting =
        async |arguments: &[&str]| cluster.command(arguments).env("SCALEOUT_CA_FILE", &ca_file).run().await;
    until("the master is ready", MOMENT, async || {
        let status = trusting(&["status"]).await;
        if status.code == 0 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    let encrypted: bool = cluster.catalog.query_one(link_modes(), &[]).await.unwrap().get(0);
    assert!(encrypted, "the master speaks to PostgreSQL in the clear");

    let invited = trusting(&["worker", "invite", "--to", &url, "--pool", "etl"]).await.ok();
    let token = invited.stdout.trim().to_owned();
    let folder = cluster.path("new/machine");
    let join = ["worker", "join", "--data-folder", &folder, "--name", "newcomer"];
    let joined = elsewhere(&cluster, &join, &[("SCALEOUT_TOKEN", &token)]).await.ok();
    let settings = format!("{folder}/settings.toml");
    assert!(joined.stderr.contains(&format!("scaleout worker run --settings {settings}")), "{joined}");
    for file in ["settings.toml", "masters-ca.pem", "rabbitmq-ca.pem"] {
        let mode = std::fs::metadata(format!("{folder}/{file}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }

    let call = Call::of(program(), cluster.folder()).args([
        "worker",
        "run",
        "--settings",
        &settings,
        "--end-with-parent",
    ]);
    let mut worker = Service::start("newcomer", &call, &cluster.folder().join("newcomer.log"));
    worker.says("the session is welcome", MOMENT).await;
    let project = Project::new(cluster.folder(), "p").package("one", PACKAGE);
    trusting(&["project", "deploy", project.argument(), "--folder", "t"]).await.ok();
    trusting(&["enqueue", "t/p/one", "--pool", "etl", "--wait"]).await.ok();

    // Good once, and nothing is written over.
    let again = elsewhere(&cluster, &join, &[("SCALEOUT_TOKEN", &token)]).await;
    again.refused(2, &["settings.toml is there already", "--force"]);
    let forced = [&join[..], &["--force"]].concat();
    let used = elsewhere(&cluster, &forced, &[("SCALEOUT_TOKEN", &token)]).await;
    used.refused(4, &["the invitation was used already, on ", "scaleout worker invite"]);
}

#[tokio::test]
async fn an_invitation_that_is_none_is_refused_in_words() {
    let (cluster, _) = secure_cluster().await;
    let (url, ca_file) = (cluster.masters[0].url.clone(), cluster.path("masters-ca.pem"));
    let invite = async || {
        let call = cluster.command(&["worker", "invite", "--to", &url]).env("SCALEOUT_CA_FILE", &ca_file);
        call.run().await.ok().stdout.trim().to_owned()
    };
    let join = async |token: &str| {
        let folder = cluster.path(&format!("w{}", token.len()));
        let arguments = ["worker", "join", "--data-folder", &folder, "--force"];
        elsewhere(&cluster, &arguments, &[("SCALEOUT_TOKEN", token)]).await
    };
    let good = invite().await;
    join(&good[..good.len() - 3]).await.refused(2, &["not complete", "copy the whole line"]);
    join("so_0123").await.refused(2, &["a token for the API, not an invitation"]);
    join("nonsense").await.refused(2, &["this is no invitation"]);

    let read = Invitation::read(&good).unwrap();
    let unknown = Invitation { secret: "ab".repeat(32), ..read.clone() };
    join(&unknown.text()).await.refused(4, &["the invitation is not known to these masters"]);
    let pinned = Invitation { pins: vec!["ab".repeat(32)], ..read.clone() };
    join(&pinned.text()).await.refused(3, &["not signed by an authority that is trusted here"]);

    // The secret is told to nobody who could not show the pin.
    let plain = Invitation { urls: vec![url.replace("https:", "http:")], ..read.clone() };
    join(&plain.text()).await.refused(2, &["has no TLS", "https://"]);
    let call =
        cluster.command(&["worker", "invite", "--to", "http://m1:8391"]).env("SCALEOUT_CA_FILE", &ca_file);
    call.run().await.refused(2, &["http://m1:8391 has no TLS"]);
    let written = std::path::PathBuf::from(cluster.path(&format!("w{}", good.len())));
    assert!(!written.join("settings.toml").exists());

    let past = "update internal.invitations set expires_at = clock_timestamp() - interval '1 s'";
    cluster.catalog.batch_execute(past).await.unwrap();
    join(&good).await.refused(4, &["the invitation was good until "]);
    // None of that used it up.
    let future = "update internal.invitations set expires_at = clock_timestamp() + interval '1 h'";
    cluster.catalog.batch_execute(future).await.unwrap();
    join(&good).await.ok();
    // What is there is not written over.
    let folder = written.display().to_string();
    let again = ["worker", "join", "--data-folder", &folder];
    let other = invite().await;
    elsewhere(&cluster, &again, &[("SCALEOUT_TOKEN", &other)])
        .await
        .refused(2, &["is there already", "--force"]);
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_in_words_on_each_link() {
    let (mut cluster, ca) = secure_cluster().await;
    let (url, own) = (cluster.masters[0].url.clone(), cluster.path("ca.pem"));
    let other = cluster.path("other.pem");
    std::fs::write(&other, Ca::new("Somebody else").pem).unwrap();
    let unsigned = "not signed by an authority that is trusted here";

    // The API.
    let status = async |url: &str, ca: &str| {
        elsewhere(&cluster, &["status"], &[("SCALEOUT_URL", url), ("SCALEOUT_CA_FILE", ca)]).await
    };
    status(&url, &other).await.refused(3, &[unsigned, "SCALEOUT_CA_FILE"]);
    status(&url, "/nowhere.pem").await.refused(2, &["cannot read /nowhere.pem"]);
    status(&url.replace("https://", "http://"), &own)
        .await
        .refused(2, &["this master speaks TLS", "https://"]);

    // PostgreSQL.
    let tokens = async |url: &str, ca: &str| {
        let variables = [("SCALEOUT__POSTGRES__URL", url), ("SCALEOUT__POSTGRES__CA_FILE", ca)];
        elsewhere(&cluster, &["token", "list"], &variables).await
    };
    let database = cluster.database.url.clone();
    let named = database.replace("@127.0.0.1:", "@localhost:");
    tokens(&database, &own).await.ok();
    tokens(&database, &other).await.refused(3, &[unsigned, "postgres.ca_file"]);
    tokens(&named, &own)
        .await
        .refused(3, &["the server's certificate is not for localhost, but for 127.0.0.1"]);
    tokens(&format!("{named}?sslmode=verify-ca"), &own).await.ok();
    tokens(&format!("{database}?sslmode=require"), "").await.ok();
    tokens(&format!("{database}?sslmode=never"), "").await.refused(1, &["unknown sslmode \"never\""]);

    // AMQP: a service waits for its broker, and says what for.
    let mut cases = Vec::new();
    for (host, is_expired, file, words) in [
        ("127.0.0.1", false, &other, unsigned),
        ("localhost", false, &own, "the server's certificate is not for localhost, but for 127.0.0.1"),
        ("127.0.0.1", true, &own, "the server's certificate has expired on 2020-01-01"),
    ] {
        let broker = amqps(&cluster, &ca.issue(&["127.0.0.1"], is_expired), host).await;
        cases.push((broker, file.clone(), words));
    }
    for (broker, file, words) in cases {
        let settings = [("rabbitmq.url", broker.as_str()), ("rabbitmq.ca_file", &file)];
        let index = cluster.start_master_unready(&settings).await;
        cluster.masters[index].service.says(words, MOMENT).await;
    }
}
