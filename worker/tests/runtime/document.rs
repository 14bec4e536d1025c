//! Every example of `docs/packages.md`, run with what it needs around it.

use std::fs;
use std::path::Path;

use scaleout_common::wire::{MessageType, OutcomeKind};

use super::http::{serve, with};
use super::sql::world as with_database;
use super::world::World;

/// The first table of each example, by which it is known.
const EXAMPLES: [&str; 15] = [
    "parameters.warehouse_url",
    "parameters.day",
    "parameters.region",
    "variables.rows",
    "tasks.count",
    "variables.customers",
    "tasks.archive",
    "tasks.rates",
    "tasks.load-day",
    "tasks.stage",
    "tasks.each-file",
    "variables.page",
    "parameters.attempts",
    "tasks.move",
    "variables.failures",
];

/// The examples, with their first tables.
fn examples() -> Vec<(&'static str, &'static str)> {
    let text = include_str!("../../../docs/packages.md");
    let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let first = |block: &'static str| {
        let line = block.lines().find_map(|line| line.strip_prefix('[')?.split(']').next());
        (line.expect("an example has a table"), block)
    };
    blocks.map(first).collect()
}

fn example(first: &str) -> &'static str {
    examples().into_iter().find(|(name, _)| *name == first).expect("the page has the example").1
}

/// A script that shows how it is called.
fn echo(world: &World, names: &[&str]) {
    names.iter().for_each(|name| world.script(name, "echo \"$(basename \"$0\")\" \"$@\""));
}

/// Puts an empty file at `path` of a folder.
fn touch(folder: &Path, path: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

#[test]
fn the_page_has_no_other_examples() {
    let names: Vec<&str> = examples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, EXAMPLES, "each example needs a test of its own below");
    let tests = include_str!("document.rs");
    for name in EXAMPLES {
        assert!(tests.contains(&format!("example(\"{name}\")")), "no test runs the example with [{name}]");
    }
}

#[tokio::test]
async fn a_project_and_a_package() {
    let (mut world, database, client) = with_database().await;
    client
        .batch_execute(
            "create table orders (day date); insert into orders values ('2024-02-29'), ('2024-03-01')",
        )
        .await
        .unwrap();
    world.project_file(example("parameters.warehouse_url"));
    world.project_values = serde_json::json!({ "warehouse_url": database.url });
    world.values = serde_json::json!({ "day": "2024-02-29" });
    echo(&world, &["report.sh", "tidy.sh"]);
    world.script("load.sh", "echo load.sh $1 in $REGION");
    let went = world.run(example("parameters.day")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["load.sh 2024-02-29 in north", "tidy.sh"]);
    assert_eq!(client.query_one("select count(*) from orders", &[]).await.unwrap().get::<_, i64>(0), 1);
    // It reports where something failed.
    client.batch_execute("drop table orders").await.unwrap();
    let went = world.run(example("parameters.day")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.stdout(), ["report.sh", "tidy.sh"]);
}

#[tokio::test]
async fn variables_have_types_of_ssis() {
    let world = World::new().await;
    let show = "[tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @region }} {{ @price }} {{ @began }}\"]\n";
    let went = world.run(&[example("parameters.region"), show].concat()).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["north 12.50 2024-02-29 10:00:00"]);
}

#[tokio::test]
async fn a_variable_gets_what_a_process_prints() {
    let world = World::new().await;
    world.script("count.sh", "echo 42");
    echo(&world, &["report.sh"]);
    let went = world.run(example("variables.rows")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["42", "report.sh 42"]);
}

#[tokio::test]
async fn the_only_row_goes_into_variables() {
    let (mut world, _, client) = with_database().await;
    client
        .batch_execute("create table orders (region text, day date); insert into orders values ('north', '2024-02-29'), ('south', '2024-03-01')")
        .await
        .unwrap();
    world.values = serde_json::json!({ "region": "north" });
    echo(&world, &["show.sh"]);
    let around = "\n[parameters.region]\ntype = \"string\"\nrequired = true\n[variables]\nrows = { type = \"int64\" }\nlatest = { type = \"date\" }\n\
                  [tasks.show]\nkind = \"process\"\ncommand = [\"./show.sh\", \"{{ @rows }}\", \"{{ @latest }}\"]\nafter = [\"count\"]\n";
    let went = world.run(&[example("tasks.count"), around].concat()).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["show.sh 1 2024-02-29"]);
}

#[tokio::test]
async fn all_rows_go_into_a_table_and_a_loop_over_it() {
    let (world, _, client) = with_database().await;
    client
        .batch_execute(
            "create table orders (name text); insert into orders values ('Ada'), ('Ada'), ('Grace')",
        )
        .await
        .unwrap();
    echo(&world, &["write.sh"]);
    let went = world.run(example("variables.customers")).await;
    went.succeeded();
    let mut written = went.stdout();
    written.sort_unstable();
    assert_eq!(written, ["write.sh Ada 2", "write.sh Grace 1"]);
}

#[tokio::test]
async fn files_are_archived() {
    let mut world = World::new().await;
    let inbox = world.folder.path().join("inbox");
    let text = example("tasks.archive").replace("/data/inbox", inbox.to_str().unwrap());
    let text = format!("{text}\n[parameters.day]\ntype = \"date\"\nrequired = true\n");
    world.values = serde_json::json!({ "day": "2024-02-29" });
    fs::create_dir(&inbox).unwrap();
    // Nothing to do is no error here.
    world.run(&text).await.succeeded();
    ["new/a.csv", "new/b.csv", "new/c.txt"].iter().for_each(|path| touch(&inbox, path));
    world.run(&text).await.succeeded();
    let there = |path: &str| inbox.join(path).exists();
    assert!(there("done/2024-02-29/a.csv") && there("done/2024-02-29/b.csv") && there("new/c.txt"));
    assert!(!there("new/a.csv") && !there("new/b.csv"));
}

#[tokio::test]
async fn a_server_is_asked() {
    let mut world = World::new().await;
    let server = serve(&[("/v1/2024-02-29", with("200 OK", "1.25"))], None).await;
    let text = example("tasks.rates").replace("https://rates.example", &server.origin);
    world.values = serde_json::json!({ "day": "2024-02-29", "token": "open-sesame" });
    echo(&world, &["show.sh"]);
    let around = "\n[parameters.day]\ntype = \"date\"\nrequired = true\n[parameters.token]\ntype = \"string\"\nrequired = true\nsensitive = true\n\
                  [variables.rates]\ntype = \"decimal\"\n\
                  [tasks.show]\nkind = \"process\"\ncommand = [\"./show.sh\", \"{{ @rates }}\"]\nafter = [\"rates\"]\n";
    let went = world.run(&[&text, around].concat()).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["show.sh 1.25"]);
    let asked = server.asked.lock().unwrap().concat();
    assert!(asked.contains("\r\nauthorization: Bearer open-sesame\r\n"), "{asked}");
}

#[tokio::test]
async fn a_package_runs_another() {
    let mut world = World::new().await;
    let load = "[parameters]\nday = { type = \"date\", required = true }\nlimit = { type = \"int64\", default = 5 }\n\
                [tasks.show]\nkind = \"process\"\ncommand = [\"./show.sh\", \"{{ @day }}\", \"{{ @limit }}\"]\n";
    world.file("packages/load.toml", load, 0o644);
    echo(&world, &["show.sh"]);
    world.values = serde_json::json!({ "day": "2024-02-29" });
    let text = [example("tasks.load-day"), "\n[parameters.day]\ntype = \"date\"\nrequired = true\n"].concat();
    let went = world.run(&text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["show.sh 2024-02-29 100"]);
}

#[tokio::test]
async fn a_sequence_has_tasks() {
    let world = World::new().await;
    echo(&world, &["stage.sh"]);
    let went = world.run(example("tasks.stage")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["stage.sh flights"]);
    assert!(went.events().contains(&r"post-execute \Package\stage\flights".to_owned()), "{went:#?}");
}

#[tokio::test]
async fn a_loop_goes_over_files() {
    let world = World::new().await;
    let inbox = world.folder.path().join("inbox");
    ["a.csv", "b.csv", "c.txt", "inside/d.csv"].iter().for_each(|path| touch(&inbox, path));
    // Two of ten errors that it may have: the loop succeeds. They count in the package, too.
    world.script("check.sh", "echo $(basename $1); exit 1");
    let text = example("tasks.each-file").replace("/data/inbox", inbox.to_str().unwrap());
    let went = world.run(&format!("maximum-errors = 3\n{text}")).await;
    went.succeeded();
    let mut checked = went.stdout();
    checked.sort_unstable();
    assert_eq!(checked, ["a.csv", "b.csv"]);
}

#[tokio::test]
async fn a_loop_goes_on_while_something_is_true() {
    let world = World::new().await;
    world.script("load.sh", "if [ $1 -lt 3 ]; then echo true; else echo false; fi");
    let went = world.run(example("variables.page")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["true", "true", "false"]);
}

#[tokio::test]
async fn properties_are_expressions() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "attempts": 2 });
    echo(&world, &["index.sh"]);
    world.script("load.sh", "mkdir \"$SCALEOUT_WORK_DIR/tried\" && exit 1; echo loaded");
    for (slow, expected) in [("true", vec!["true", "loaded"]), ("false", vec!["false", "loaded", "index.sh"])]
    {
        world.script("is-slow.sh", &format!("echo {slow}"));
        let went = world.run(example("parameters.attempts")).await;
        went.succeeded();
        assert_eq!(went.stdout(), expected);
        assert!(went.texts(MessageType::Warning)[0].starts_with("try 1 of 2 failed"), "{went:#?}");
    }
}

#[tokio::test]
async fn tasks_share_a_transaction() {
    let (mut world, _, client) = with_database().await;
    client
        .batch_execute(
            "create table inbox (day date); create table stage (day date); create table orders (day date primary key);
             create table runs (at timestamptz); insert into inbox values ('2024-02-29'); insert into stage values ('2024-02-29')",
        )
        .await
        .unwrap();
    world.values = serde_json::json!({ "day": "2024-02-29" });
    let text = [example("tasks.move"), "\n[parameters.day]\ntype = \"date\"\nrequired = true\n"].concat();
    world.run(&text).await.succeeded();
    let counts =
        "select (select count(*) from inbox), (select count(*) from orders), (select count(*) from runs)";
    let row = client.query_one(counts, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (0_i64, 1_i64, 1_i64));
    // The second time `put` fails: what `take` took is back, and each of the three tries left its note.
    client.batch_execute("insert into inbox values ('2024-02-29'); truncate runs").await.unwrap();
    let went = world.run(&text).await;
    assert_eq!(went.kind(), OutcomeKind::Failed, "{went:#?}");
    let row = client.query_one(counts, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1), row.get(2)), (1_i64, 1_i64, 3_i64));
}

#[tokio::test]
async fn errors_are_handled() {
    let world = World::new().await;
    world.script("load.sh", "exit 3");
    echo(&world, &["mail.sh"]);
    let text = example("variables.failures");
    let went = world.run(text).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    // The task's own handler lets nothing through to that of the package.
    assert_eq!(went.stdout(), Vec::<&str>::new());
    let told = went.texts(MessageType::Information);
    assert!(told.iter().any(|text| text.contains("Propagate")), "{told:?}");
    let went = world.run(text.split("[tasks.load.on-error").next().unwrap()).await;
    assert_eq!(went.stdout(), [r"mail.sh \Package\load ./load.sh exited with code 3"]);
}
