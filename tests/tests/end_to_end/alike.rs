//! `package run` does what a worker does: the same events with the same paths and texts, and the same end.

use scaleout_tests::harness::{Output, Project, cluster};

/// Tasks of many kinds, in an order that is always the same.
const PACKAGE: &str = r#"
[parameters.region]
type = "string"
default = "north"
[variables.sum]
type = "int64"
value = 0
raise-changed-event = true
[variables.name]
type = "string"

[tasks.each]
kind = "foreach"
list = ["a", "b"]
into = ["name"]
[tasks.each.tasks.add]
kind = "expression"
assign = "@sum = @sum + LEN(@name)"
[tasks.each.tasks.say]
kind = "process"
command = ["echo", "{{ @region }} {{ @name }} {{ @sum }}"]
after = ["add"]

[tasks.again]
kind = "process"
command = ["sh", "-c", "echo no >&2; exit 3"]
retries = 1
fail-parent = false
after = ["each"]
[tasks.again.on-error.tasks.note]
kind = "process"
command = ["echo", "{{ @[System::ErrorDescription] }}"]

[tasks.never]
kind = "sequence"
after = ["again"]

[tasks.file]
kind = "file"
operation = "create-folder"
folder = "{{ @[System::WorkDir] }}"
to = "made"
after = [{ task = "again", on = "failure", when = "@sum == 2" }]

[tasks.count]
kind = "for"
while = "@sum < 4"
step = "@sum = @sum + 1"
after = ["file"]
[tasks.count.tasks.say]
kind = "process"
command = ["echo", "{{ @sum }}"]

[tasks.call]
kind = "package"
package = "inner"
after = ["count"]
[tasks.call.parameters]
n = "@sum * 2"

[tasks.fails]
kind = "process"
command = ["no-such-program"]
after = ["call"]
"#;

const INNER: &str = r#"
[parameters.n]
type = "int64"
required = true
[tasks.say]
kind = "process"
command = ["echo", "inner {{ @n }}"]
"#;

/// The log, a line for each message, without what differs from run to run: how long it took, and the work folder.
fn told(log: &Output) -> Vec<String> {
    let plain = |text: &str| {
        let word = |word: &str| {
            let is_duration = word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_digit());
            if is_duration || word.starts_with('/') { "#".to_owned() } else { word.to_owned() }
        };
        text.split(' ').map(word).collect::<Vec<_>>().join(" ")
    };
    let messages = log.json_lines().into_iter().filter(|line| line.get("sequence").is_some());
    messages
        .map(|line| {
            let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", field("type"), field("path"), plain(&field("text")))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn package_run_tells_and_ends_as_a_worker_does() {
    let cluster = cluster(1, 1, &[]).await;
    let project = Project::new(cluster.folder(), "alike").package("all", PACKAGE).package("inner", INNER);
    cluster.deploy(&project).await;
    let file = format!("{}/packages/all.toml", project.argument());
    for level in ["basic", "verbose"] {
        let here = ["package", "run", &file, "--logging-level", level, "--format", "json"];
        let here = cluster.scaleout(&here).await.ended_with(1);
        let id = cluster.enqueue_one(&["t/alike/all", "--logging-level", level]).await;
        cluster.scaleout(&["execution", "wait", &id]).await.ended_with(1);
        // To its end: what was written last may still be on its way.
        let there = ["execution", "logs", &id, "--follow", "--format", "json"];
        let there = cluster.scaleout(&there).await.ok();
        let (here_told, there_told) = (told(&here), told(&there));
        assert!(here_told.len() > 15 && here_told.iter().any(|line| line.contains(r"each[2]\say")), "{here}");
        assert_eq!(here_told, there_told, "{level}");
        let shown = cluster.scaleout(&["execution", "show", &id, "--format", "json"]).await.ok().json();
        let ended = here.json_lines().pop().unwrap();
        assert_eq!((&ended["status"], &ended["error"]), (&shown["status"], &shown["error"]), "{shown}");
    }
}
