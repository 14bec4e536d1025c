//! `on-variable-changed`: every change is raised once, where its variable is declared, by who wrote it.

use super::handlers::echo;
use super::world::World;

#[tokio::test]
async fn a_change_is_raised_where_the_variable_is_declared_by_who_wrote_it() {
    let world = World::new().await;
    let told =
        "{{ @[System::VariableName] }} = {{ @[System::VariableValue] }} by {{ @[System::SourcePath] }}";
    let text = format!(
        r#"
        {}{}{}
        [tasks.stage]
        kind = "sequence"
        [tasks.stage.variables]
        own = {{ type = "int64", raise-changed-event = true }}
        [tasks.stage.tasks.each]
        kind = "foreach"
        numbers = {{ from = 1, to = 2 }}
        into = ["own"]
        {}"#,
        echo("", "on-variable-changed", &format!("package {told}")),
        echo("tasks.stage.", "on-variable-changed", &format!("stage {told}")),
        echo("tasks.stage.tasks.each.", "on-variable-changed", "never"),
        "[variables]\nouter = { type = \"int64\", raise-changed-event = true }\n"
    );
    // `outer` is the package's: the handlers of `stage` do not hear of it.
    let set = "[tasks.stage.tasks.each.tasks.set]\nkind = \"expression\"\nassign = \"@outer = @own * 10\"\n";
    let went = world.run(&format!("{text}{set}")).await;
    went.succeeded();
    let expected = [
        r"stage own = 1 by \Package\stage\each[1]",
        r"package own = 1 by \Package\stage\each[1]",
        r"package outer = 10 by \Package\stage\each[1]\set",
        r"stage own = 2 by \Package\stage\each[2]",
        r"package own = 2 by \Package\stage\each[2]",
        r"package outer = 20 by \Package\stage\each[2]\set",
    ];
    assert_eq!(went.stdout(), expected);
}

#[tokio::test]
async fn no_change_is_lost_to_those_that_run_beside_it() {
    let world = World::new().await;
    // The handler of the errors runs tasks beside the writers, and stands where the changes are not heard.
    let text = r#"
        [variables]
        n = { type = "int64", value = 0, raise-changed-event = true }
        seen = { type = "int64", value = 0 }
        [on-variable-changed.tasks.count]
        kind = "expression"
        assign = "@seen = @seen + 1"
        [on-error.tasks.a]
        kind = "sequence"
        [on-error.tasks.a.tasks.b]
        kind = "expression"
        assign = "@quiet = 1"
        [on-error.tasks.a.variables]
        quiet = { type = "int64" }
        [tasks.errors]
        kind = "foreach"
        numbers = { from = 1, to = 200 }
        parallel = 4
        fail-parent = false
        maximum-errors = 1000
        [tasks.errors.tasks.bad]
        kind = "expression"
        assign = "@own = 1 / (@own - @own)"
        fail-parent = false
        [tasks.errors.tasks.bad.variables]
        own = { type = "int64", value = 1 }
        [tasks.writers]
        kind = "for"
        while = "@i < 200"
        step = "@i = @i + 1"
        [tasks.writers.variables]
        i = { type = "int64", value = 0 }
        [tasks.writers.tasks.write]
        kind = "expression"
        assign = "@n = @n + 1"
        [tasks.tell]
        kind = "process"
        command = ["echo", "{{ @n }} {{ @seen }}"]
        after = ["writers", "errors"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["200 200"]);
}

#[tokio::test]
async fn siblings_do_not_take_each_others_changes() {
    let world = World::new().await;
    // `slow` waits for the handler of its own change: had `quick` taken it, `behind` would not find it done.
    let text = r#"
        max-concurrent = 3
        [variables]
        n = { type = "int64", value = 0, raise-changed-event = true }
        quiet = { type = "int64", value = 0 }
        [on-variable-changed.tasks.tell]
        kind = "process"
        command = ["sh", "-c", "sleep 0.02; echo {{ @[System::SourceName] }} {{ @[System::VariableValue] }}"]
        [tasks.quick]
        kind = "for"
        while = "@i < 2000"
        step = "@i = @i + 1"
        [tasks.quick.variables]
        i = { type = "int64", value = 0 }
        [tasks.quick.tasks.one]
        kind = "expression"
        assign = "@quiet = 1"
        [tasks.slow]
        kind = "for"
        while = "@i < 10"
        step = "@i = @i + 1"
        [tasks.slow.variables]
        i = { type = "int64", value = 0 }
        [tasks.slow.tasks.a]
        kind = "expression"
        assign = "@n = 1"
        [tasks.slow.tasks.b]
        kind = "expression"
        assign = "@n = 2"
        [tasks.slow.tasks.behind]
        kind = "process"
        command = ["echo", "behind"]
        after = ["a", "b"]
    "#;
    let went = world.run(text).await;
    went.succeeded();
    let lines = went.stdout();
    assert_eq!(lines.len(), 30);
    for three in lines.chunks(3) {
        let mut told = three[..2].to_vec();
        told.sort_unstable();
        assert_eq!((told, three[2]), (vec!["a 1", "b 2"], "behind"), "{lines:?}");
    }
}
