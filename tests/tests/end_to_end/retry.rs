//! `execution retry`: a failed one runs again, with its secret, as the version that is deployed now.

use scaleout_tests::harness::{Cluster, Project, cluster};

const SECRET: &str = "correct-horse-battery-staple";

const PACKAGE: &str = r#"
[parameters.key]
type = "string"
required = true
sensitive = true
[parameters.file]
type = "string"
required = true

[tasks.use]
kind = "process"
command = ["sh", "use.sh", "{{ @file }}", "{{ @key }}"]
"#;

/// Version 1 fails, version 2 has been mended.
async fn deploy(cluster: &Cluster, end: &str) {
    let script =
        format!("printf '%s\\n' \"$2\" >> \"$1\"\nprintf '{{\"rows\": 7}}' > \"$SCALEOUT_RESULT\"\n{end}\n");
    let project = Project::new(cluster.folder(), "secret").package("use", PACKAGE).file("use.sh", script);
    cluster.deploy(&project).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_package_is_retried_with_the_secret_of_the_failed_execution() {
    let cluster = cluster(1, 1, &[]).await;
    deploy(&cluster, "exit 3").await;
    let (key, file) = (format!("key={SECRET}"), format!("file={}", cluster.path("seen")));
    let failing = ["enqueue", "t/secret/use", "--set", &key, "--set", &file, "--wait"];
    let failed = cluster.scaleout(&failing).await.ended_with(1);
    let error = failed.stdout.lines().find(|line| line.starts_with("error  ")).unwrap_or_default();
    assert!(error.contains("exited with code 3"), "its error is shown: {failed}");
    let old = cluster.scaleout(&["execution", "list", "--format", "json"]).await.ok().json_lines();
    let old = old[0]["id"].as_str().unwrap().to_owned();

    deploy(&cluster, "exit 0").await;
    let request = "0190a0b0-0000-7000-8000-00000000abcd";
    let retry = ["execution", "retry", &old, "--request-id", request, "--wait", "--format", "json"];
    let retried = cluster.scaleout(&retry).await.ok();
    let (answer, new) = (retried.json(), retried.json()["execution"].as_str().unwrap().to_owned());
    assert_eq!(
        (&answer["counts"]["succeeded"], &answer["result"]["rows"]),
        (&1.into(), &7.into()),
        "{answer}"
    );
    let again = cluster.scaleout(&retry).await.ok();
    assert!(again.stderr.contains("accepted before"), "{again}");
    assert_eq!(cluster.executions_count().await, 2);
    let seen = std::fs::read_to_string(cluster.path("seen")).unwrap();
    assert_eq!(seen, format!("{SECRET}\n{SECRET}\n"), "the processes did not get the value");

    let (then, now) = (cluster.show(&old).await, cluster.show(&new).await);
    assert_eq!((now.text("retry_of"), now.number("project_version")), (old.as_str(), 2));
    assert_eq!((&then.0["retried_by"][0]["id"], then.status()), (&new.as_str().into(), "failed"));
    let shown = cluster.scaleout(&["execution", "show", &new]).await.ok();
    let names_it = |line: &str| line.starts_with("retry of ") && line.ends_with(&old);
    assert!(shown.stdout.lines().any(names_it), "{shown}");
    let said = format!("{failed}{retried}{again}{shown}{}{}", then.0, now.0);
    assert!(!said.replace(&key, "").contains(SECRET), "somebody saw the secret: {said}");
    let same = ["execution", "retry", &old, "--same-version", "--wait"];
    cluster.scaleout(&same).await.ended_with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_retried_is_refused_in_words() {
    let cluster = cluster(1, 0, &[]).await;
    deploy(&cluster, "exit 0").await;
    let (key, file) = (format!("key={SECRET}"), format!("file={}", cluster.path("seen")));
    let id = cluster.enqueue_one(&["t/secret/use", "--set", &key, "--set", &file]).await;
    let waits = cluster.scaleout(&["execution", "retry", &id]).await;
    waits.refused(2, &["only what has ended can be retried", &format!("{id} is pending"), "execution wait"]);
    let missing = "0190a0b0-0000-7000-8000-00000000dead";
    cluster.scaleout(&["execution", "retry", missing]).await.refused(5, &[missing]);
    cluster.scaleout(&["execution", "cancel", &id]).await.ok();
    let renamed = PACKAGE.replace("[parameters.file]", "[parameters.path]").replace("@file", "@path");
    let project = Project::new(cluster.folder(), "secret").package("use", &renamed).file("use.sh", "exit 0");
    cluster.deploy(&project).await;
    let unfit = cluster.scaleout(&["execution", "retry", &id]).await;
    unfit.refused(
        2,
        &[&format!("execution {id}, parameter file"), &format!("execution {id}, parameter path")],
    );
    assert_eq!(cluster.executions_count().await, 1);
}
