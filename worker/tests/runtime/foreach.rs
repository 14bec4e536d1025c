//! Loops carried out: what they go over, in what order, what becomes of failures, stops and timeouts.

use std::fs;
use std::time::Duration;

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;

use super::world::{World, task};

/// A loop `each` over `over` with one variable, `item`, and further lines.
fn each(over: &str, data_type: &str, more: &str) -> String {
    format!(
        "[tasks.each]\nkind = \"foreach\"\n{over}\ninto = [\"item\"]\n{more}\n\
         [tasks.each.variables.item]\ntype = \"{data_type}\"\n"
    )
}

const SHOW: &str = "[tasks.each.tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @item }}\"]\n";

#[tokio::test]
async fn a_list_of_rows_is_gone_over_in_order_under_paths_with_the_iteration() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "region": "south" });
    let text = r#"
        [parameters.region]
        type = "string"
        [tasks.each]
        kind = "foreach"
        list = [["north", 1], ["{{ @region }}", 2]]
        into = ["name", "number"]
        [tasks.each.variables]
        name = { type = "string" }
        number = { type = "int64" }
        [tasks.each.tasks.stage]
        kind = "sequence"
        [tasks.each.tasks.stage.tasks.show]
        kind = "process"
        command = ["sh", "-c", "printf '%s\\n' \"{{ @number }} {{ @name }} $SCALEOUT_TASK\""]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(
        went.stdout(),
        [r"1 north \Package\each[1]\stage\show", r"2 south \Package\each[2]\stage\show"]
    );
    let told = went.texts(MessageType::Information);
    assert_eq!(told, ["2 iterations", "name = north, number = 1", "name = south, number = 2"]);
    let events = went.events();
    assert!(events.contains(&r"post-execute \Package\each[2]\stage\show".to_owned()), "{events:?}");
}

#[tokio::test]
async fn numbers_and_dates_lead_from_parameters_to_parameters() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "first": 3, "last": 1, "from": "2024-01-31", "to": "2024-03-31" });
    let parameters = "[parameters]\nfirst = { type = \"int64\" }\nlast = { type = \"int64\" }\n\
                      from = { type = \"date\" }\nto = { type = \"date\" }\n";
    let numbers = |step: &str| {
        each(&format!("numbers = {{ from = \"@first\", to = \"@last\", step = {step} }}"), "int64", "")
    };
    let went = world.run(&format!("{parameters}{}{SHOW}", numbers("-1"))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["3", "2", "1"]);
    let went = world.run(&format!("{parameters}{}{SHOW}", numbers("1"))).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["there is nothing to go over"]);
    let dates = each("dates = { from = \"@from\", to = \"@to\", unit = \"month\" }", "date", "");
    let went = world.run(&format!("{parameters}{dates}{SHOW}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["2024-01-31", "2024-02-29", "2024-03-31"]);
}

#[tokio::test]
async fn files_are_those_that_were_there_when_the_loop_started() {
    let world = World::new().await;
    let inbox = world.folder.path().join("inbox");
    fs::create_dir_all(inbox.join("deep")).unwrap();
    for name in ["b.csv", "a.csv", "c.txt", "deep/d.csv"] {
        fs::write(inbox.join(name), name).unwrap();
    }
    let over = format!("files = {{ folder = '{}', pattern = '*.csv', recursive = true }}", inbox.display());
    let move_on = task(
        "each.tasks.take",
        "cat {{ @item }}; echo; mv {{ @item }} {{ @item }}.done; touch {{ @item }}.new.csv",
        "",
    );
    let went = world.run(&format!("{}{move_on}", each(&over, "string", ""))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["a.csv", "b.csv", "deep/d.csv"]);
    let missing = each("files = { folder = '/no/such/folder' }", "string", "");
    let went = world.run(&format!("{missing}{SHOW}")).await;
    assert_eq!(went.error(), r"\Package\each: there is no folder /no/such/folder");
}

#[tokio::test]
async fn in_order_iterations_share_the_loops_variables() {
    let world = World::new().await;
    let text = r#"
        [tasks.each]
        kind = "foreach"
        numbers = { from = 1, to = 4 }
        into = ["item"]
        [tasks.each.variables]
        item = { type = "int64" }
        sum = { type = "int64", value = 0 }
        [tasks.each.tasks.add]
        kind = "process"
        command = ["sh", "-c", "echo $(({{ @sum }} + {{ @item }}))"]
        stdout = "sum"
    "#;
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["1", "3", "6", "10"]);
}

#[tokio::test]
async fn at_the_same_time_each_iteration_has_its_own_variables() {
    let world = World::new().await;
    // Nobody goes on before all eight are there.
    let meet = "cd $SCALEOUT_WORK_DIR; touch at-{{ @item }}; \
                until test $(ls | grep -c '^at-') -ge 8; do sleep 0.01; done; echo {{ @kept }}{{ @item }}";
    let meet = task("each.tasks.meet", meet, "stdout = \"kept\"");
    let show = task("each.tasks.show", "echo kept {{ @kept }} of {{ @item }}", "after = [\"meet\"]");
    let kept = "[tasks.each.variables.kept]\ntype = \"string\"\nvalue = \"k\"\n";
    let head = each("numbers = { from = 1, to = 12 }", "int64", "parallel = 8");
    let went = world.run(&format!("max-concurrent = 8\n{head}{kept}{meet}{show}")).await;
    went.succeeded();
    let mut stdout = went.stdout();
    stdout.retain(|line| line.starts_with("kept"));
    let mut expected: Vec<String> = (1..=12).map(|number| format!("kept k{number} of {number}")).collect();
    expected.sort_unstable();
    stdout.sort_unstable();
    assert_eq!(stdout, expected);
}

#[tokio::test]
async fn a_stray_of_one_iteration_is_ended_and_those_of_others_live() {
    let world = World::new().await;
    // The second iteration's stray must outlive the first one's end: it ends its own shell.
    let script = "cd $SCALEOUT_WORK_DIR; if test {{ @item }} = 1; then until test -e started; do sleep 0.01; done; \
                  setsid sh -c 'touch away; exec sleep 1000' & until test -e away; do sleep 0.01; done; exit 0; fi; \
                  setsid sh -c 'touch started; until test -e first-is-over; do sleep 0.01; done; touch lived' & \
                  until test -e lived; do sleep 0.01; done";
    let stray = task("each.tasks.stray", script, "");
    let over = "[tasks.each.tasks.over]\nkind = \"process\"\n\
                command = [\"sh\", \"-c\", \"touch $SCALEOUT_WORK_DIR/first-is-over\"]\nafter = [\"stray\"]\n";
    let head = each("numbers = { from = 1, to = 2 }", "int64", "parallel = 2\ntimeout = \"20s\"");
    let went = world.run(&format!("{head}{stray}{over}")).await;
    went.succeeded();
    let warnings = went.texts(MessageType::Warning);
    assert!(warnings.len() == 1 && warnings[0].contains("left the group"), "{warnings:?}");
}

#[tokio::test]
async fn errors_of_iterations_add_up_and_end_the_loop_which_says_what_it_left_out() {
    let world = World::new().await;
    let check = task("each.tasks.check", "echo {{ @item }}; test {{ @item }} = 1", "");
    let next = task("each.tasks.next", "true", "after = [\"check\"]");
    let last = task("last", "echo last", "after = [{ task = \"each\", on = \"failure\" }]");
    let head = each("numbers = { from = 1, to = 9 }", "int64", "maximum-errors = 2");
    let went = world.run(&format!("{head}{check}{next}{last}")).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert_eq!(went.error(), r"\Package\each[2]\check: sh exited with code 1");
    assert_eq!(went.stdout(), ["1", "2", "3", "last"]);
    let skipped: Vec<String> = went
        .log
        .iter()
        .filter(|record| record.text.starts_with("skipped"))
        .map(|record| format!("{} {}", record.path, record.text))
        .collect();
    assert_eq!(
        skipped,
        [
            r"\Package\each[2]\next skipped: it waits for success of check, which failed",
            r"\Package\each[3]\next skipped: it waits for success of check, which failed",
            r"\Package\each skipped: 6 iterations, because 2 errors reached the loop's maximum-errors",
        ]
    );
    let tolerant = each("numbers = { from = 1, to = 3 }", "int64", "maximum-errors = 5\nfail-parent = false");
    let went = world.run(&format!("{tolerant}{check}")).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_stop_ends_what_runs_and_starts_nothing_more() {
    let world = World::new().await;
    let wait = task("each.tasks.wait", "echo ready {{ @item }}; exec sleep 1000", "");
    let head = each("numbers = { from = 1, to = 1000000 }", "int64", "parallel = 2");
    let mut running = world.start(&format!("{head}{wait}"));
    running.word("ready").await;
    running.stopper.stop(StopCause::Told);
    let went = running.end().await;
    assert_eq!(went.kind(), OutcomeKind::Stopped);
    assert!(went.stdout().len() <= 2, "{:?}", went.stdout());
    let told = went.texts(MessageType::Information);
    assert!(
        told.contains(&"skipped: 999998 iterations, because the loop was stopped before they could start"),
        "{told:?}"
    );
}

#[tokio::test]
async fn timeouts_hold_in_a_loop_and_for_the_loop() {
    let world = World::new().await;
    let slow = task("each.tasks.slow", "exec sleep 1000", "timeout = \"100ms\"");
    let head = each("numbers = { from = 1, to = 2 }", "int64", "maximum-errors = 2");
    let went = world.run(&format!("{head}{slow}")).await;
    assert_eq!(went.error(), r"\Package\each[1]\slow: timed out after 100ms");
    let head = each("numbers = { from = 1, to = 100 }", "int64", "timeout = \"300ms\"");
    let went = world.run(&format!("{head}{}", task("each.tasks.slow", "exec sleep 1000", ""))).await;
    assert_eq!(went.error(), r"\Package\each: timed out after 300ms");
}

#[tokio::test]
async fn a_loop_is_tried_again_as_a_whole() {
    let world = World::new().await;
    let script = "echo {{ @item }}; test {{ @item }} = 1 || ! mkdir $SCALEOUT_WORK_DIR/once 2>/dev/null";
    let head = each("numbers = { from = 1, to = 2 }", "int64", "retries = 1\nretry-delay = \"1ms\"");
    let went = world.run(&format!("{head}{}", task("each.tasks.run", script, ""))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["1", "2", "1", "2"]);
}

/// Memory of this process now, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn nested_loops_of_ten_thousand_iterations_need_no_more_memory_than_of_a_few() {
    let world = World::new().await;
    let text = |outer: u32| {
        format!(
            "[tasks.outer]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = {outer} }}\ninto = [\"i\"]\nparallel = 4\n\
             [tasks.outer.variables.i]\ntype = \"int64\"\n\
             [tasks.outer.tasks.inner]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = 100 }}\ninto = [\"j\"]\n\
             [tasks.outer.tasks.inner.variables.j]\ntype = \"int64\"\n\
             [tasks.outer.tasks.inner.tasks.nothing]\nkind = \"sequence\"\n"
        )
    };
    assert!(world.start(&text(2)).drain().await > 200);
    let before = resident();
    let begun = std::time::Instant::now();
    let records = world.start(&text(100)).drain().await;
    assert!(records > 20_000, "{records}");
    let grown = resident().saturating_sub(before);
    eprintln!("10,000 iterations: {records} log records in {:?}, {grown} bytes more", begun.elapsed());
    assert!(grown < 16 * 1024 * 1024, "it grew by {grown} bytes");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn conditions_and_expressions_inside_see_the_iterations_own_variables() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "last": 2 });
    let text = r#"
        [parameters.last]
        type = "int64"
        [tasks.each]
        kind = "foreach"
        numbers = { from = 1, to = "@last * 2" }
        into = ["item"]
        parallel = 2
        maximum-errors = 9
        [tasks.each.variables]
        item = { type = "int64" }
        twice = { type = "int64", value = "@last + @last" }
        [tasks.each.tasks.begin]
        kind = "process"
        command = ["true"]
        [tasks.each.tasks.even]
        kind = "process"
        command = ["echo", "{{ @item }} of {{ @twice }}"]
        after = [{ task = "begin", when = "@item % 2 == 0" }]
        [tasks.each.tasks.odd]
        kind = "process"
        command = ["echo", "{{ \"odd \" + (DT_WSTR,5)@item }}"]
        after = [{ task = "begin", when = "@item % 2 == 1" }]
        [tasks.each.tasks.never]
        kind = "process"
        command = ["echo", "never"]
        after = [{ task = "begin", when = "1 / (@item - 3) > 9" }]
    "#;
    let went = world.run(text).await;
    let mut shown = went.stdout();
    shown.sort_unstable();
    assert_eq!(shown, ["2 of 4", "4 of 4", "odd 1", "odd 3"]);
    let faults = went.texts(MessageType::Error);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("condition cannot be evaluated"), "{faults:?}");
    let ended = went.ended.unwrap();
    assert_eq!(ended.kind, OutcomeKind::Failed);
    let error = ended.error.unwrap();
    assert!(error.starts_with(r"\Package\each[3]\never: its condition"), "{error}");
}

#[tokio::test]
async fn a_first_value_that_cannot_be_evaluated_fails_the_task_or_the_iteration() {
    let mut world = World::new().await;
    world.values = serde_json::json!({ "none": 0 });
    let parameter = "[parameters.none]\ntype = \"int64\"\n";
    let own = "\nbad = { type = \"int64\", value = \"1 / @none\" }\n";
    for parallel in ["", "parallel = 2"] {
        let each = each("numbers = { from = 1, to = 2 }", "int64", parallel);
        let each = each.replace("[tasks.each.variables.item]\ntype = \"int64\"\n", "");
        let text =
            format!("{parameter}{each}[tasks.each.variables]\nitem = {{ type = \"int64\" }}{own}{SHOW}");
        let went = world.run(&text).await;
        let ended = went.ended.clone().unwrap();
        assert_eq!(ended.kind, OutcomeKind::Failed);
        let error = ended.error.unwrap();
        assert!(error.contains("cannot evaluate the value of variable bad"), "{error}");
        assert!(went.stdout().is_empty());
    }
}
