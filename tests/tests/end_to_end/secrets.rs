//! Sensitive values: the process gets them, and nobody else ever sees them.

use scaleout_tests::harness::{Cluster, Project, Proxy};

const PACKAGE_SECRET: &str = "correct-horse-battery-staple";
const PROJECT_SECRET: &str = "ultramarine-octopus-ladder";

const MANIFEST: &str = r#"
[parameters.vault]
type = "string"
required = true
sensitive = true
"#;

const PACKAGE: &str = r#"
[parameters.key]
type = "string"
required = true
sensitive = true
[parameters.file]
type = "string"
required = true
[parameters.code]
type = "int64"
default = 0

[tasks.use]
kind = "process"
command = ["sh", "use.sh", "{{ @file }}", "{{ @code }}", "{{ @key }}"]
[tasks.use.environment]
VAULT = "{{ @[$Project::vault] }}"
"#;

/// Keeps the values where only the test looks, and tells everybody else.
const USE: &str = r#"printf '%s %s\n' "$3" "$VAULT" >> "$1"
echo "the-visible-part key=$3 vault=$VAULT"
printf '{"key": "%s"}' "$3" > "$SCALEOUT_RESULT"
echo "it was $VAULT and $3" >&2
exit "$2"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn sensitive_values_reach_the_process_and_nobody_else() {
    let mut cluster = Cluster::new(&[("log.filter", "debug,scaleout=trace")]).await;
    let proxy = Proxy::start(&cluster.vhost.amqp_url).await;
    let through_proxy = proxy.url(&cluster.vhost.amqp_url);
    let master = cluster.start_master(&[("rabbitmq.url", &through_proxy)]).await;
    let worker = cluster.start_worker("worker-1", &[("rabbitmq.url", &through_proxy)]);
    cluster.workers_are_online().await;
    let project = Project::new(cluster.folder(), "secret")
        .manifest(MANIFEST)
        .package("use", PACKAGE)
        .file("use.sh", USE);
    cluster.deploy(&project).await;
    let vault = format!("vault={PROJECT_SECRET}");
    let set = cluster.scaleout(&["project", "set", "t/secret", &vault]).await.ok();

    let (key, file) = (format!("key={PACKAGE_SECRET}"), format!("file={}", cluster.path("seen")));
    let both = ["t/secret/use", "--set", &key, "--set", &file, "--each", "code=0,3"];
    let batch = cluster.enqueue(&both).await;
    let waited = cluster.wait_batch(&batch).await.0.ended_with(1);
    let seen = std::fs::read_to_string(cluster.path("seen")).unwrap();
    let line = format!("{PACKAGE_SECRET} {PROJECT_SECRET}\n");
    assert_eq!(seen, line.repeat(2), "the processes did not get the values");

    let mut said = format!("{set}{waited}");
    for execution in cluster.executions(&batch).await {
        for verb in ["show", "logs"] {
            for format in ["table", "json"] {
                let output = cluster.scaleout(&["execution", verb, execution.id(), "--format", format]).await;
                said += &output.ok().to_string().replace("$ scaleout", "");
            }
        }
    }
    for list in [&["execution", "list"][..], &["project", "show", "t/secret"], &["status"]] {
        said += &cluster.scaleout(list).await.ok().stdout;
    }
    assert!(said.contains("the-visible-part key=*** vault=***"), "{said}");
    assert!(said.contains("it was *** and ***"), "{said}");
    // The command line that set the value is this test's own.
    no_secret("what commands print", &said.replace(&format!("t/secret {vault}"), ""));
    no_secret("the master's log", &cluster.masters[master].service.log());
    no_secret("the worker's log", &cluster.workers[worker].service.log());
    no_secret("the catalog", &whole_catalog(&cluster).await);
    assert!(proxy.has_seen(b"the-visible-part key=***"), "the proxy did not see the messages");
    for secret in [PACKAGE_SECRET, PROJECT_SECRET] {
        assert!(!proxy.has_seen(secret.as_bytes()), "{secret} travelled in a message");
    }
    let kept = std::fs::read_dir(&cluster.workers[worker].folder).unwrap();
    assert!(kept.count() > 0, "the worker's folder is elsewhere");
    no_secret("the worker's folder", &grep(&cluster.workers[worker].folder));
}

#[track_caller]
fn no_secret(place: &str, text: &str) {
    assert!(!text.is_empty(), "{place} is empty: nothing was looked at");
    for secret in [PACKAGE_SECRET, PROJECT_SECRET] {
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        for form in [secret, &hexadecimal] {
            let line = text.lines().find(|line| line.contains(form));
            assert!(line.is_none(), "{secret} stands in {place}: {line:?}");
        }
    }
}

/// Every row of every table as JSON; bytes are hexadecimal.
async fn whole_catalog(cluster: &Cluster) -> String {
    let statement = "select relname::text from pg_class join pg_namespace n on n.oid = relnamespace
                     where nspname = 'internal' and relkind in ('r', 'p')";
    let tables = cluster.catalog.query(statement, &[]).await.unwrap();
    assert!(tables.len() > 10, "the tables of the catalog were not found");
    let mut all = String::new();
    for table in tables {
        let name: String = table.get(0);
        let statement = format!("select row_to_json(t)::text from internal.{name} t");
        for row in cluster.catalog.query(&statement, &[]).await.unwrap() {
            all += &format!("{name}: {}\n", row.get::<_, String>(0));
        }
    }
    assert!(all.contains("the-visible-part"), "the log is not in what was read of the catalog");
    all
}

/// All files of a folder, one after another.
fn grep(folder: &std::path::Path) -> String {
    let mut all = String::from("files:\n");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &grep(&path);
        } else {
            all += &String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default());
        }
    }
    all
}
