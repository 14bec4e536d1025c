//! The `package` task: another package of the project, inside the execution of the one that runs it.

use std::time::Duration;

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;

use super::world::{Process, World, task};

/// A task `child` that runs the package `load`.
fn child(more: &str) -> String {
    format!("[tasks.child]\nkind = \"package\"\npackage = \"load\"\n{more}\n")
}

fn load(world: &World, text: &str) {
    world.file("packages/load.toml", text, 0o644);
}

#[tokio::test]
async fn a_package_sees_its_own_parameters_and_variables_and_the_projects() {
    let mut world = World::new().await;
    world.settings("[parameters.region]\ntype = \"string\"\ndefault = \"north\"\n");
    let show = "echo {{ @[$Package::day] }} {{ @limit }} {{ @n }} {{ @[$Project::region] }} {{ @[System::PackageName] }}; \
                test -d $SCALEOUT_WORK_DIR; printf '%s\\n' $SCALEOUT_TASK; echo {{ @n }} > $SCALEOUT_WORK_DIR/left";
    let parameters = "[parameters.day]\ntype = \"date\"\nrequired = true\n[parameters.limit]\ntype = \"int64\"\ndefault = 5\n\
                      [variables.n]\ntype = \"int64\"\nvalue = \"@limit * 2\"\n";
    load(&world, &format!("{parameters}{}", task("show", show, "")));
    let own = "[variables.n]\ntype = \"int64\"\nvalue = 1\n[variables.first]\ntype = \"date\"\nvalue = 2024-02-29\n";
    let after = task(
        "after",
        "echo {{ @n }} {{ @[System::PackageName] }}; cat $SCALEOUT_WORK_DIR/left",
        "after = [\"child\"]",
    );
    let text = format!("{own}{}{after}", child("parameters = { day = \"@first\" }"));
    let went = world.run(&text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["2024-02-29 5 10 north load", r"\Package\child\Package\show", "1 job", "10"],);
    assert_eq!(
        went.events(),
        [
            r"pre-execute \Package",
            r"pre-execute \Package\child",
            r"pre-execute \Package\child\Package",
            r"pre-execute \Package\child\Package\show",
            r"post-execute \Package\child\Package\show",
            r"post-execute \Package\child\Package",
            r"post-execute \Package\child",
            r"pre-execute \Package\after",
            r"post-execute \Package\after",
            r"post-execute \Package",
        ]
        .map(str::to_owned)
    );
}

#[tokio::test]
async fn a_failure_inside_is_told_with_its_path_and_tried_again() {
    let world = World::new().await;
    load(&world, &task("bad", "echo once >> $SCALEOUT_WORK_DIR/tries; exit 3", ""));
    let count =
        task("count", "cat $SCALEOUT_WORK_DIR/tries", "after = [{ task = \"child\", on = \"failure\" }]");
    let went = world.run(&format!("{}{count}", child("retries = 1"))).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), r"\Package\child\Package\bad: sh exited with code 3");
    assert_eq!(went.stdout(), ["once", "once"]);
    load(&world, &format!("maximum-errors = 2\n{}", task("bad", "exit 3", "")));
    // The package allows an error; what happened in it still counts for the one around it.
    world.run(&format!("maximum-errors = 2\n{}", child(""))).await.succeeded();
}

#[tokio::test]
async fn what_a_required_parameter_gets_must_not_be_null() {
    let world = World::new().await;
    load(
        &world,
        &format!("[parameters.n]\ntype = \"int64\"\nrequired = true\n{}", task("x", "echo ran", "")),
    );
    let text = format!("[variables.n]\ntype = \"int64\"\n{}", child("parameters = { n = \"@n\" }"));
    let went = world.run(&text).await;
    assert!(
        went.error().contains("parameter n of load is required, and its value is NULL"),
        "{}",
        went.error()
    );
    assert!(went.stdout().is_empty());
}

#[tokio::test]
async fn a_sensitive_value_stays_masked_inside() {
    let mut world = World::new().await;
    let token = "[parameters.token]\ntype = \"string\"\nsensitive = true\n";
    world.values = serde_json::json!({ "token": "hunter2" });
    load(&world, &format!("{token}{}", task("x", "echo token {{ @token }}", "")));
    let went = world.run(&format!("{token}{}", child("parameters = { token = \"@token\" }"))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["token ***"]);
}

#[tokio::test]
async fn timeouts_and_stops_reach_what_runs_inside() {
    let world = World::new().await;
    load(&world, &task("wait", "echo leader $$; exec sleep 1000", ""));
    let went = world.run(&child("timeout = \"1s\"")).await;
    assert!(went.error().contains("timed out after 1s"), "{}", went.error());
    let mut running = world.start(&child(""));
    let leader = running.process("leader").await;
    running.stopper.stop(StopCause::Told);
    let went = running.end().await;
    assert_eq!(went.kind(), OutcomeKind::Stopped);
    Process::dies(&leader);
    assert!(went.texts(MessageType::PostExecute).contains(&"load was stopped"), "{:#?}", went.log);
}

#[tokio::test]
async fn slots_are_those_of_the_execution() {
    let mut world = World::new().await;
    world.timeout = Some(Duration::from_secs(30));
    load(&world, &format!("max-concurrent = 9\n{}{}", task("a", "true", ""), task("b", "true", "")));
    // The task that runs a package takes none, or this would wait for itself.
    world.run(&format!("max-concurrent = 1\n{}", child(""))).await.succeeded();
}

#[tokio::test]
async fn the_deepest_packages_that_are_allowed_run() {
    let world = World::new().await;
    let package = |inner: &str| {
        let step =
            "while = \"@n < 1\"\nstep = \"@n = @n + 1\"\n[tasks.s.variables.n]\ntype = \"int64\"\nvalue = 0";
        format!("[tasks.s]\nkind = \"for\"\n{step}\n[tasks.s.tasks.run]\n{inner}\n")
    };
    // 16 packages of 2 levels each.
    for number in 2..16 {
        let inner = format!("kind = \"package\"\npackage = \"p{}\"", number + 1);
        world.file(&format!("packages/p{number}.toml"), &package(&inner), 0o644);
    }
    world.file("packages/p16.toml", &package("kind = \"process\"\ncommand = [\"echo\", \"deep\"]"), 0o644);
    let went = world.run(&package("kind = \"package\"\npackage = \"p2\"")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["deep"]);
}

/// One that says it runs `show`, and one that runs it for each of two packages.
fn either(which: &str) -> String {
    format!(
        "[tasks.each]\nkind = \"foreach\"\nlist = [[\"load\"], [{which:?}]]\ninto = [\"which\"]\n\
         [tasks.each.variables.which]\ntype = \"string\"\n\
         [tasks.each.tasks.run]\nkind = \"package\"\npackage = \"{{{{ @which }}}}\"\namong = [\"load\", \"other\"]\n\
         parameters = {{ n = \"LEN(@which)\" }}\n"
    )
}

#[tokio::test]
async fn an_expression_says_which_package_runs() {
    let world = World::new().await;
    let shows = |what: &str| {
        let parameter = "[parameters.n]\ntype = \"int64\"\nrequired = true\n";
        format!("{parameter}{}", task("show", &format!("echo {what} {{{{ @n }}}}"), ""))
    };
    load(&world, &shows("load"));
    world.file("packages/other.toml", &shows("other"), 0o644);
    let went = world.run(&either("other")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["load 4", "other 5"]);
    let paths = [r"\Package\each[1]\run\Package\show", r"\Package\each[2]\run\Package\show"];
    assert!(paths.iter().all(|path| went.events().contains(&format!("pre-execute {path}"))), "{went:?}");
    // One that was not named is not run, though the project has it.
    world.file("packages/third.toml", &shows("third"), 0o644);
    let went = world.run(&either("third")).await;
    assert_eq!(went.stdout(), ["load 4"]);
    assert!(
        went.error().contains(r#"`package` is "third", and `among` has load, other"#),
        "{}",
        went.error()
    );
}
