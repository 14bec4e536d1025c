//! Loops and variables from a deployed project to the log in the catalog.

use scaleout_tests::harness::{MOMENT, Project, cluster, until};

const FILES: &str = r#"
[parameters.inbox]
type = "string"
required = true
[variables.total]
type = "int64"
value = 0

[tasks.each-file]
kind = "foreach"
files = { folder = "{{ @inbox }}", pattern = "*.csv", retrieve = "path" }
into = ["file"]
maximum-errors = 2
[tasks.each-file.variables.file]
type = "string"
[tasks.each-file.tasks.count]
kind = "process"
command = ["sh", "-c", "grep -c good \"$1\" && echo $(($2 + 1)) >&2", "sh", "{{ @file }}", "{{ @total }}"]
stdout = "total"
[tasks.report]
kind = "process"
command = ["echo", "total {{ @total }}"]
after = [{ task = "each-file", on = "completion" }]

[tasks.regions]
kind = "foreach"
list = ["north", "south", "west"]
into = ["region"]
parallel = 3
[tasks.regions.variables.region]
type = "string"
[tasks.regions.tasks.load]
kind = "process"
command = ["echo", "load {{ @region }}"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn loops_run_on_a_worker_and_their_iterations_are_told_apart() {
    let cluster = cluster(1, 1, &[]).await;
    let project = Project::new(cluster.folder(), "loops").package("files", FILES);
    cluster.deploy(&project).await;
    let inbox = cluster.folder().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    for (name, text) in
        [("a.csv", "good\n"), ("b.csv", "bad\n"), ("c.csv", "good\ngood\n"), ("d.txt", "good\n")]
    {
        std::fs::write(inbox.join(name), text).unwrap();
    }
    let set = format!("inbox={}", cluster.path("inbox"));
    let id = cluster.enqueue_one(&["t/loops/files", "--set", &set]).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ended_with(1);
    let log = cluster.logs_with(&id, "files failed").await;
    let told = |path: &str, words: &str| log.lines().any(|line| line.contains(path) && line.contains(words));
    assert!(told(r"\Package\each-file[1]\count", "succeeded"), "{log}");
    assert!(told(r"\Package\each-file[2]\count", "exited with code 1"), "{log}");
    assert!(told(r"\Package\each-file[3]\count", "succeeded"), "one error of two allowed: {log}");
    assert!(!log.contains("d.txt"), "{log}");
    assert!(told(r"\Package\report", "total 2"), "{log}");
    for region in ["north", "south", "west"] {
        assert!(log.contains(&format!("load {region}")), "{log}");
    }
    // The tree says where it happened.
    let tree = until("the tree is whole", MOMENT, async || {
        let tree = cluster.scaleout(&["execution", "show", &id]).await.ok().stdout;
        if tree.contains("files        failed") { Ok(tree) } else { Err(tree) }
    })
    .await;
    let line = |name: &str| {
        tree.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {tree}"))
    };
    assert!(line("─ count ").contains("3 (1 failed)"), "{tree}");
    assert!(line("─ count ").contains(r"\Package\each-file[2]\count: sh exited with code 1"), "{tree}");
    assert!(line("─ report ").contains("succeeded"), "{tree}");
    // One error is allowed in the loop, and none in the package.
    let shown = cluster.show(&id).await;
    assert!(shown.text("error").contains(r"\Package\each-file[2]\count"), "{shown:?}");

    std::fs::remove_file(inbox.join("b.csv")).unwrap();
    let level = ["--logging-level", "performance"];
    let id = cluster.enqueue_one(&[&["t/loops/files", "--set", &set], &level[..]].concat()).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ok();
    let log = cluster.logs_with(&id, "files succeeded").await;
    assert!(!log.contains("stdout") && !log.contains("information"), "{log}");
    assert_eq!(cluster.show(&id).await.text("logging_level"), "performance");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_is_canceled_and_runs_no_further_iteration() {
    let cluster = cluster(1, 1, &[]).await;
    let text = "[tasks.each]\nkind = \"foreach\"\nnumbers = { from = 1, to = 100000 }\ninto = [\"n\"]\n\
                [tasks.each.variables.n]\ntype = \"int64\"\n\
                [tasks.each.tasks.wait]\nkind = \"process\"\ncommand = [\"sleep\", \"1000\"]\n";
    cluster.deploy(&Project::new(cluster.folder(), "loops").package("long", text)).await;
    let id = cluster.enqueue_one(&["t/loops/long"]).await;
    cluster.logs_with(&id, r"\Package\each[1]\wait").await;
    cluster.scaleout(&["execution", "cancel", &id]).await.ok();
    cluster.scaleout(&["execution", "wait", &id]).await.ended_with(1);
    assert_eq!(cluster.show(&id).await.status(), "canceled");
    cluster.logs_with(&id, "99999 iterations, because the loop was stopped").await;
}
