//! Variables while a package runs: who sees them, who writes them, and how long they live.

use scaleout_common::wire::OutcomeKind;

use super::world::{World, task};

#[tokio::test]
async fn what_a_program_prints_is_seen_by_those_that_start_afterwards() {
    let world = World::new().await;
    let count = task("count", "echo before >&2; echo 42", "stdout = \"rows\"");
    let show = "[tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"rows: {{ @rows }}\"]\nafter = [\"count\"]\n";
    let went = world.run(&format!("[variables.rows]\ntype = \"int64\"\n{count}{show}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["42", "rows: 42"], "it is in the log, too");
}

#[tokio::test]
async fn output_that_is_not_of_the_type_fails_the_task_and_changes_nothing() {
    let world = World::new().await;
    let count = task("count", "echo many", "stdout = \"rows\"");
    let show = "[tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @rows }}\"]\nafter = [{ task = \"count\", on = \"failure\" }]\n";
    let went = world.run(&format!("[variables.rows]\ntype = \"int64\"\nvalue = 7\n{count}{show}")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(
        went.error(),
        "\\Package\\count: sh: what it printed is not an int64: expected a whole number from \
         -9223372036854775808 to 9223372036854775807, found \"many\""
    );
    assert_eq!(went.stdout(), ["many", "7"]);
}

#[tokio::test]
async fn a_program_that_fails_writes_nothing_and_one_that_prints_too_much_fails() {
    let mut world = World::new().await;
    // What is captured does not depend on what the log still takes.
    world.limits.log_bytes_max = 1000;
    let show = "[tasks.show]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", \"test {{ @v }} = old\"]\nafter = \"end\"\n";
    let variable = "[variables.v]\ntype = \"string\"\nvalue = \"old\"\n";
    let went =
        world.run(&format!("{variable}{}{show}", task("a", "echo new; exit 1", "stdout = \"v\""))).await;
    assert_eq!(went.error(), "\\Package\\a: sh exited with code 1");
    let much = task("a", "head -c 2000000 /dev/zero | tr '\\0' x", "stdout = \"v\"");
    let went = world.run(&format!("{variable}{much}{show}")).await;
    assert_eq!(
        went.error(),
        "\\Package\\a: sh: what it printed is more than a variable can hold: 1048576 bytes"
    );
}

#[tokio::test]
async fn an_inner_variable_hides_the_outer_one_and_begins_anew_with_each_try() {
    let world = World::new().await;
    let text = r#"
        [variables.v]
        type = "string"
        value = "outer"
        [tasks.stage]
        kind = "sequence"
        retries = 1
        retry-delay = "1ms"
        [tasks.stage.variables.v]
        type = "string"
        value = "fresh"
        [tasks.stage.tasks.look]
        kind = "process"
        command = ["echo", "inside {{ @v }}"]
        [tasks.stage.tasks.write]
        kind = "process"
        command = ["echo", "written"]
        stdout = "v"
        after = ["look"]
        [tasks.stage.tasks.fail]
        kind = "process"
        command = ["sh", "-c", "echo now {{ @v }}; ! mkdir $SCALEOUT_WORK_DIR/once 2>/dev/null"]
        after = ["write"]
        [tasks.last]
        kind = "process"
        command = ["echo", "outside {{ @v }}"]
        after = ["stage"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(
        went.stdout(),
        ["inside fresh", "written", "now written", "inside fresh", "written", "now written", "outside outer"]
    );
}

#[tokio::test]
async fn a_task_has_variables_of_its_own_and_a_container_inside_writes_the_outer_ones() {
    let world = World::new().await;
    let text = r#"
        [variables.v]
        type = "int64"
        value = 1
        [tasks.stage]
        kind = "sequence"
        [tasks.stage.tasks.deep]
        kind = "sequence"
        [tasks.stage.tasks.deep.tasks.write]
        kind = "process"
        command = ["echo", "{{ @more }}"]
        stdout = "v"
        [tasks.stage.tasks.deep.tasks.write.variables.more]
        type = "int64"
        value = 5
        [tasks.stage.tasks.look]
        kind = "process"
        command = ["echo", "v is {{ @v }}"]
        after = ["deep"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["5", "v is 5"]);
}
