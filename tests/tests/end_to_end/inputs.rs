//! Parameters: every type, crossed values, rows of files, defaults; and what a repeated request gives.

use std::collections::BTreeSet;
use std::path::Path;

use scaleout_tests::harness::{Cluster, Project, cluster};

const TYPES: &str = r#"
[parameters.folder]
type = "string"
required = true
[parameters.b]
type = "bool"
default = false
[parameters.i]
type = "int64"
default = 1
[parameters.f]
type = "float64"
default = 1.5
[parameters.m]
type = "decimal"
default = "12.50"
[parameters.s]
type = "string"
default = "a default"
[parameters.d]
type = "date"
default = 2024-02-29
[parameters.t]
type = "timestamp"
default = 2024-02-29T12:00:00Z

[variables.word]
type = "string"
value = "kept"

[tasks.show]
kind = "process"
command = ["sh", "show.sh", "{{ @folder }}", "{{ @b }}|{{ @i }}|{{ @f }}|{{ @m }}|{{ @s }}|{{ @d }}|{{ @t }}|{{ @word }}|{{ @[$Project::region] }}"]
"#;

const SHOW: &str = "mkdir -p \"$1\"\nprintf '%s' \"$2\" > \"$1/$SCALEOUT_EXECUTION_ID\"\n";

async fn with_types() -> Cluster {
    let cluster = cluster(1, 1, &[]).await;
    let project = Project::new(cluster.folder(), "inputs")
        .manifest("[parameters.region]\ntype = \"string\"\ndefault = \"north\"\n")
        .package("types", TYPES)
        .file("show.sh", SHOW);
    cluster.deploy(&project).await;
    cluster
}

/// Enqueues with `arguments`, waits, and gives what each execution was told.
async fn told(cluster: &Cluster, name: &str, arguments: &[&str]) -> Vec<String> {
    let set = format!("folder={}", cluster.path(name));
    let batch = cluster.enqueue(&[&["t/inputs/types", "--set", &set], arguments].concat()).await;
    cluster.wait_batch(&batch).await.0.ok();
    contents(&cluster.folder().join(name))
}

fn contents(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut texts: Vec<String> =
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    texts.sort();
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_every_type_arrive_and_what_is_left_out_has_its_default() {
    let cluster = with_types().await;
    assert_eq!(
        told(&cluster, "defaults", &[]).await,
        ["false|1|1.5|12.50|a default|2024-02-29|2024-02-29T12:00:00Z|kept|north"]
    );
    let awkward = "s=it's \"quoted\" $HOME, ü 漢 \\ {{ @b }}";
    let given = ["b=true", "i=-9223372036854775808", "f=-0.25", "m=-79228162514264337593543950.335", awkward];
    let given = [&given[..], &["d=1999-12-31", "t=2024-06-01T08:30:00+02:00"]].concat();
    let arguments: Vec<&str> = given.iter().flat_map(|set| ["--set", set]).collect();
    cluster.scaleout(&["project", "set", "t/inputs", "region=south"]).await.ok();
    assert_eq!(
        told(&cluster, "given", &arguments).await,
        ["true|-9223372036854775808|-0.25|-79228162514264337593543950.335|\
          it's \"quoted\" $HOME, ü 漢 \\ {{ @b }}|1999-12-31|2024-06-01T06:30:00Z|kept|south"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn crossed_values_and_rows_of_files_make_one_execution_each() {
    let cluster = with_types().await;
    let crossed = told(&cluster, "each", &["--each", "i=1,2,3", "--each", r"s=x,y\,z", "--count", "2"]).await;
    assert_eq!(crossed.len(), 12);
    assert_eq!(fields(&crossed, 1), BTreeSet::from(["1", "2", "3"]));
    assert_eq!(fields(&crossed, 4), BTreeSet::from(["x", "y,z"]));
    assert_eq!(crossed.iter().collect::<BTreeSet<_>>().len(), 6, "each combination twice: {crossed:?}");

    let csv = cluster.path("rows.csv");
    std::fs::write(&csv, "i,s\n10,ten\n\n20,\n\"30\",\"a,\nb\"\n").unwrap();
    let rows = told(&cluster, "csv", &["--from", &csv]).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(fields(&rows, 1), BTreeSet::from(["10", "20", "30"]));
    assert_eq!(fields(&rows, 4), BTreeSet::from(["ten", "a default", "a,\nb"]));

    let lines = cluster.path("rows.jsonl");
    std::fs::write(&lines, "{\"i\": 7, \"b\": true}\n{\"m\": \"0.10\", \"d\": \"2025-01-01\"}\n").unwrap();
    let rows = told(&cluster, "jsonl", &["--from", &lines, "--each", "s=p,q"]).await;
    assert_eq!(rows.len(), 4);
    assert_eq!(fields(&rows, 0), BTreeSet::from(["true", "false"]));
    assert_eq!(fields(&rows, 3), BTreeSet::from(["12.50", "0.10"]));
    assert_eq!(fields(&rows, 4), BTreeSet::from(["p", "q"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_gives_the_same_batch_and_other_content_is_refused() {
    let cluster = with_types().await;
    let id = "0190a0b0-0000-7000-8000-00000000abcd";
    let set = format!("folder={}", cluster.path("repeated"));
    let request = ["t/inputs/types", "--request-id", id, "--set", &set, "--count", "3"];
    assert_eq!(cluster.enqueue(&request).await, id);
    cluster.wait_batch(id).await.0.ok();
    assert_eq!(cluster.enqueue(&request).await, id);
    let again = cluster.scaleout(&[&["enqueue"], &request[..]].concat()).await.ok();
    assert!(again.stderr.contains("had been accepted before"), "{again}");
    let other = [&["enqueue"], &request[..5], &["--count", "4"]].concat();
    cluster.scaleout(&other).await.refused(2, &[id, "request id"]);
    assert_eq!(cluster.executions_count().await, 3);
    assert_eq!(contents(&cluster.folder().join("repeated")).len(), 3);
}

fn fields(told: &[String], index: usize) -> BTreeSet<&str> {
    told.iter().map(|text| text.split('|').nth(index).unwrap()).collect()
}
