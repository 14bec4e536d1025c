//! Bad input: refused with a code, and with words that say what is wrong, where, and what to do; nothing of it is
//! accepted.

use std::path::Path;

use scaleout_tests::harness::{Call, Cluster, Output, Project, cluster};

/// What a package says, and what must be said of it.
const BAD_PACKAGES: &[(&str, &str, &[&str])] = &[
    (
        "key",
        "[tasks.a]\nkind = \"process\"\ncomand = [\"x\"]\n",
        &["key.toml:3:1", "`comand`", "did you mean `command`"],
    ),
    (
        "cycle",
        "[tasks.a]\nkind = \"sequence\"\nafter = [\"b\"]\n[tasks.b]\nkind = \"sequence\"\nafter = [\"a\"]\n",
        &["cycle.toml:", "a", "b", "wait"],
    ),
    (
        "task",
        "[tasks.load]\nkind = \"sequence\"\n[tasks.b]\nkind = \"sequence\"\nafter = [\"laod\"]\n",
        &["task.toml:5:10", "unknown task `laod`", "did you mean `load`"],
    ),
    (
        "connection",
        "[connections.store]\nkind = \"postgres\"\nurl = \"postgres://h/d\"\n[tasks.a]\nkind = \"sql\"\nconnection = \"stoer\"\nstatement = \"select 1\"\n",
        &["connection.toml:6:", "`stoer`", "store"],
    ),
    ("type", "[parameters.n]\ntype = \"int46\"\n", &["type.toml:2:8", "int46", "int64"]),
    ("default", "[parameters.n]\ntype = \"int64\"\ndefault = \"many\"\n", &["default.toml:3:11", "int64"]),
    ("syntax", "[tasks.a\nkind = 1\n", &["syntax.toml:1:"]),
];

async fn check(folder: &Path, arguments: &[&str]) -> Output {
    Call::scaleout(folder).args(arguments).run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_package_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, fragments) in BAD_PACKAGES {
        let file = format!("{name}.toml");
        std::fs::write(folder.path().join(&file), text).unwrap();
        check(folder.path(), &["package", "check", &file]).await.refused(2, fragments);
    }
    std::fs::write(folder.path().join("latin.toml"), b"description = \"gr\xfcn\"\n").unwrap();
    let refused = check(folder.path(), &["package", "check", "latin.toml"]).await;
    refused.refused(2, &["latin.toml:1:", "UTF-8"]);
    check(folder.path(), &["package", "check", "nowhere.toml"]).await.refused(2, &["nowhere.toml"]);
    let settings =
        Call::scaleout(folder.path()).args(["config", "show"]).settings(&[("worker.capasity", "3")]);
    settings.run().await.refused(2, &["worker.capasity", "did you mean worker.capacity?"]);
}

const GOOD: &str = r#"
[parameters.day]
type = "date"
required = true
[parameters.rows]
type = "int64"
default = 0
"#;

/// Random-looking bytes that no packer makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(next).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_project_is_not_deployed() {
    let cluster = cluster(1, 0, &[("master.bundle_bytes_max", "20000")]).await;
    let deploy = async |project: &Project| {
        cluster.scaleout(&["project", "deploy", project.argument(), "--folder", "t"]).await
    };
    let root = cluster.folder();
    deploy(&Project::new(root, "hollow")).await.refused(2, &["no packages", "packages"]);
    let bad = Project::new(root, "bad").package("typo", BAD_PACKAGES[0].1);
    deploy(&bad).await.refused(2, &["packages/typo.toml:3:1", "`comand`", "nothing was deployed"]);
    let linked = Project::new(root, "linked").package("p", "");
    std::os::unix::fs::symlink("/etc/passwd", linked.path.join("secrets.txt")).unwrap();
    deploy(&linked).await.refused(2, &["secrets.txt", "link"]);
    let large = Project::new(root, "large").package("p", "").file("noise.bin", noise(40_000));
    deploy(&large).await.refused(2, &["20000", "bundle"]);
    let latin = Project::new(root, "latin").file("packages/p.toml", b"description = \"gr\xfcn\"\n");
    deploy(&latin).await.refused(2, &["packages/p.toml:1:", "UTF-8"]);
    let unnamed = Project::new(root, "unnamed").package("p", "").file("project.toml", "");
    deploy(&unnamed).await.refused(2, &["project.toml", "name"]);
    let listed = cluster.scaleout(&["project", "list", "--format", "json"]).await.ok();
    assert_eq!(listed.json_lines().len(), 0, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_is_refused_as_a_whole() {
    let cluster = cluster(1, 0, &[("master.batch_executions_max", "100")]).await;
    cluster.deploy(&Project::new(cluster.folder(), "days").package("load", GOOD)).await;
    let write = |name: &str, content: &[u8]| {
        std::fs::write(cluster.folder().join(name), content).unwrap();
        cluster.path(name)
    };
    let short = write("short.csv", b"day,rows\n2026-01-01,1\n2026-01-02\n");
    let value = write("value.csv", b"day,rows\n2026-01-01,1\n2026-02-30,2\n2026-01-03,x\n");
    let latin = write("latin.csv", b"day,rows\n2026-01-01,\xff\n");
    let lines = write("bad.jsonl", b"{\"day\":\"2026-01-01\"}\n{\"day\":}\n");
    let package = "t/days/load";
    let day = ["--set", "day=2026-01-01"];
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&[package], 2, &["day", "required"]),
        (&[package, "--set", "day=tomorrow"], 2, &["day", "tomorrow", "date"]),
        (&[package, day[0], day[1], "--set", "rows=many"], 2, &["rows", "many", "int64"]),
        (&[package, day[0], day[1], "--set", "row=1"], 2, &["row", "rows"]),
        (&[package, day[0], day[1], "--count", "101"], 2, &["100", "101"]),
        (&["t/days/laod", day[0], day[1]], 5, &["laod"]),
        (&["t/nights/load", day[0], day[1]], 5, &["nights"]),
        (&["load", day[0], day[1]], 2, &["load"]),
        (&[package, "--from", &short], 2, &["short.csv:3", "column rows"]),
        (&[package, "--from", &value], 2, &["value.csv:3, column day", "value.csv:4, column rows"]),
        (&[package, "--from", &latin], 2, &["latin.csv:2, column rows", "UTF-8"]),
        (&[package, "--from", &lines], 2, &["bad.jsonl:2, column 8"]),
        (&[package, "--each", "day=2026-01-01,2026-13-01"], 2, &["day", "2026-13-01"]),
        (&[package, day[0], day[1], "--priority", "urgent"], 2, &["urgent", "high"]),
    ];
    for (arguments, code, fragments) in cases {
        cluster.scaleout(&[&["enqueue"], *arguments].concat()).await.refused(*code, fragments);
    }
    assert_eq!(cluster.executions_count().await, 0, "something was accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_which_role_is_missing() {
    let cluster = cluster(1, 0, &[]).await;
    cluster.deploy(&Project::new(cluster.folder(), "days").package("load", "")).await;
    let reader = cluster.token("looks", "reader").await;
    let worker = cluster.token("works", "worker").await;
    let revoked = cluster.token("was", "operator").await;
    cluster.scaleout(&["token", "revoke", "was"]).await.ok();
    let with = async |token: &str, arguments: &[&str]| {
        cluster.command(arguments).env("SCALEOUT_TOKEN", token).run().await
    };
    let enqueue = ["enqueue", "t/days/load"];
    with("", &enqueue).await.refused(4, &["token"]);
    with("scaleout_not_a_token", &enqueue).await.refused(4, &["token", "not known"]);
    with(&revoked, &enqueue).await.refused(4, &["revoked"]);
    with(&reader, &enqueue).await.refused(4, &["looks", "reader", "operator"]);
    with(&reader, &["execution", "list"]).await.ok();
    with(&worker, &enqueue).await.refused(4, &["works", "worker", "operator"]);
    assert_eq!(cluster.executions_count().await, 0, "something was accepted");
    unreachable_master(&cluster).await;
}

async fn unreachable_master(cluster: &Cluster) {
    // A port that is free now, and that nobody is given meanwhile.
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", holder.local_addr().unwrap());
    drop(holder);
    let asked = cluster.command(&["status"]).env("SCALEOUT_URL", &url).run().await;
    asked.refused(3, &["cannot reach the master", &url, "refused"]);
    let mut outer = cluster.command(&["master", "run"]).settings(&[("master.listen", "0.0.0.0:0")]);
    outer.run().await.refused(2, &["0.0.0.0:0", "insecure = true"]);
    let taken = cluster.masters[0].url.trim_start_matches("http://").to_owned();
    outer = cluster.command(&["master", "run", "--listen", &taken]);
    outer.run().await.refused(1, &[&taken, "another program", "--port"]);
    let port = taken.rsplit(':').next().unwrap();
    let dev = cluster.command(&["dev", "--port", port]).run().await;
    dev.refused(1, &[&taken, "another program", "--port"]);
}
