//! Properties that are expressions: what they are when a task's turn comes, and what becomes of those that are nothing.

use scaleout_common::wire::{MessageType, OutcomeKind};

use super::world::{World, task};

/// A task that sets `variable` of the package.
fn set(name: &str, assignment: &str, more: &str) -> String {
    format!("[tasks.{name}]\nkind = \"expression\"\nassign = \"{assignment}\"\n{more}\n")
}

const NUMBER: &str = "[variables.n]\ntype = \"int64\"\nvalue = 0\n";

#[tokio::test]
async fn a_property_is_what_its_expression_says_when_the_task_starts() {
    let world = World::new().await;
    let counts = "echo try; exit $(( $(ls \"$SCALEOUT_WORK_DIR\" | wc -l) < 3 ? $(mktemp -p \"$SCALEOUT_WORK_DIR\" >&2; echo 1) : 0 ))";
    let again = task("again", counts, "after = [\"set\"]\nretries = \"@n\"\nretry-delay = \"{{ @n }}ms\"");
    let went = world.run(&format!("{NUMBER}{}{again}", set("set", "@n = 3", ""))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["try"; 4]);
    let warnings = went.texts(MessageType::Warning);
    assert!(warnings[0].starts_with("try 1 of 4 failed, again in 3ms"), "{warnings:?}");
    // Nobody set it: the first failure is the last.
    let again = again.replace("after = [\"set\"]\n", "");
    let went = world.run(&format!("{NUMBER}{again}")).await;
    assert_eq!((went.kind(), went.stdout().len()), (OutcomeKind::Failed, 1));
}

#[tokio::test]
async fn what_a_handler_sets_before_a_task_starts_counts() {
    let world = World::new().await;
    let slow = task("slow", "sleep 60", "timeout = \"{{ @n }}ms\"\nfail-parent = \"@n != 50\"");
    let handler = "[tasks.slow.variables.n]\ntype = \"int64\"\nvalue = 900000\n\
                   [tasks.slow.on-pre-execute.tasks.set]\nkind = \"expression\"\nassign = \"@n = 50\"\n";
    let went = world.run(&format!("{slow}{handler}")).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Error), ["timed out after 50ms"]);
}

#[tokio::test]
async fn a_task_is_disabled_by_what_ran_before_it() {
    let world = World::new().await;
    let tasks = [
        set("set", "@n = 2", ""),
        task("off", "echo off", "after = [\"set\"]\ndisable = \"@n == 2\""),
        // Passed over one behind the other, with a condition between them.
        task("also", "echo also", "after = [{ task = \"off\", when = \"@n == 2\" }]\ndisable = \"@n > 1\""),
        task("on", "echo on", "after = [\"also\"]\ndisable = \"@n == 0\""),
        task("last", "echo last", "after = \"end\"\ndisable = \"@n == 2\""),
    ];
    let went = world.run(&format!("{NUMBER}{}", tasks.concat())).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["on"]);
    let skipped = "skipped: it is disabled; what waits for it goes on as if it had succeeded";
    let told = went.texts(MessageType::Information);
    assert_eq!(told.iter().filter(|text| **text == skipped).count(), 3, "{told:?}");
    // All of them: nothing runs that could have woken the container.
    let all: String = (0..3).map(|n| task(&format!("t{n}"), "echo", "disable = \"@n == 0\"")).collect();
    world.run(&format!("{NUMBER}{all}")).await.succeeded();
}

#[tokio::test]
async fn a_property_that_has_no_value_fails_the_task_and_says_which() {
    let world = World::new().await;
    for (line, expected) in [
        ("retries = \"@n - 1\"", "`retries` expects a whole number from 0 to 1000, found -1"),
        ("retries = \"@none\"", "`retries` expects a whole number from 0 to 1000, found NULL"),
        (
            "timeout = \"{{ @n }}\"",
            "`timeout` expects a duration from 1ms to 30d such as \"10m\", found \"0\"",
        ),
        ("force-result = \"{{ @n }}\"", "`force-result` expects one of none, success, failure, found \"0\""),
        ("disable = \"1 / @n == 1\"", "cannot evaluate `disable`: the right side of / is zero"),
        (
            "disable-event-handlers = \"@none == 1\"",
            "`disable-event-handlers` expects true or false, found NULL",
        ),
    ] {
        // It is not tried again, also where a try begins with variables of its own.
        let again = if line.starts_with("retries") { "" } else { "retries = 3" };
        let own = "[tasks.a.variables.own]\ntype = \"int64\"";
        for more in [again.to_owned(), format!("{again}\n{own}")] {
            let text = format!(
                "{NUMBER}[variables.none]\ntype = \"int64\"\n{}{}\n[tasks.a.on-task-failed.tasks.b]\nkind = \"sequence\"\n",
                task("a", "echo ran", &format!("{line}\n{more}")),
                task("next", "echo next", "after = [{ task = \"a\", on = \"failure\" }]")
            );
            let went = world.run(&text).await;
            assert_eq!(went.kind(), OutcomeKind::Failed, "{line}");
            assert_eq!(went.error(), format!(r"\Package\a: {expected}"), "{line}");
            assert_eq!(
                (went.stdout(), went.texts(MessageType::Error)),
                (vec!["next"], vec![expected]),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn a_property_without_a_value_leaves_the_others_as_they_are() {
    let world = World::new().await;
    let a = task("a", "echo ran", "retries = \"@n - 1\"\nfail-parent = false");
    let went = world.run(&format!("{NUMBER}{a}")).await;
    went.succeeded();
    let told = ["`retries` expects a whole number from 0 to 1000, found -1"];
    assert_eq!((went.texts(MessageType::Error), went.stdout()), (told.to_vec(), vec![]));
    // It has done nothing that could count as success.
    for more in ["maximum-errors = 9", "force-result = \"success\""] {
        let went = world
            .run(&format!("{NUMBER}{}", task("a", "echo ran", &format!("retries = \"@n - 1\"\n{more}"))))
            .await;
        assert_eq!(went.kind(), OutcomeKind::Failed, "{more}");
    }
    // What its variables lack is told, and not what that makes of a property.
    let own = "[tasks.b.variables.tries]\ntype = \"int64\"\nvalue = \"1 / @none\"\n";
    let text = format!(
        "[parameters.none]\ntype = \"int64\"\n{}{own}",
        task("b", "echo ran", "retries = \"@tries\"")
    );
    let mut zero = World::new().await;
    zero.values = serde_json::json!({ "none": 0 });
    let went = zero.run(&text).await;
    assert!(went.error().contains("cannot evaluate the value of variable tries"), "{}", went.error());
    // What keeps it from starting anyhow comes first, and both are told.
    let handler = "[tasks.a.on-pre-execute.tasks.no]\nkind = \"process\"\ncommand = [\"false\"]\n";
    let went = world.run(&format!("{NUMBER}{a}{handler}")).await;
    went.succeeded();
    let errors = went.texts(MessageType::Error);
    assert!(
        errors.contains(&told[0]) && errors.contains(&"a handler on-pre-execute of it failed"),
        "{errors:?}"
    );
}

#[tokio::test]
async fn hundreds_of_tasks_with_expressions_run_at_the_same_time() {
    let world = World::new().await;
    let many: String = (0..200)
        .map(|n| task(&format!("t{n}"), "true", "retries = \"@n\"\ntimeout = \"{{ @n + 9 }}s\""))
        .collect();
    let pair = |n| {
        format!(
            "[tasks.a{n}]\nkind = \"sequence\"\n[tasks.b{n}]\nkind = \"sequence\"\nafter = [\"a{n}\"]\ndisable = \"@n == 1\"\n"
        )
    };
    let pairs: String = (0..100).map(pair).collect();
    let loops = "[tasks.each]\nkind = \"foreach\"\nnumbers = { from = 1, to = 300 }\nparallel = 300\n\
                 [tasks.each.tasks.c]\nkind = \"sequence\"\nretries = \"@n\"\n\
                 [tasks.each.tasks.d]\nkind = \"sequence\"\nafter = [{ task = \"c\", when = \"@n == 0\" }]\ndisable = \"@n == 0\"\n";
    world.run(&format!("{NUMBER}{many}{pairs}{loops}")).await.succeeded();
}

#[tokio::test]
async fn bounds_on_errors_are_expressions_too() {
    let world = World::new().await;
    let inside =
        |path: &str| format!("[tasks.{path}.tasks.fails]\nkind = \"process\"\ncommand = [\"false\"]\n");
    let containers = [
        format!("[tasks.all]\nkind = \"sequence\"\nmaximum-errors = \"@n + 2\"\n{}", inside("all")),
        format!(
            "[tasks.each]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = 6, step = \"@n + 2\" }}\nmaximum-errors = \"@n + 4\"\n{}",
            inside("each")
        ),
        format!(
            "[tasks.loop]\nkind = \"for\"\nwhile = \"@n < 2\"\nstep = \"@n = @n + 1\"\nmaximum-errors = \"@n + 3\"\nafter = [\"all\", \"each\"]\n{}",
            inside("loop")
        ),
    ];
    let went = world.run(&format!("maximum-errors = \"@n + 7\"\n{NUMBER}{}", containers.concat())).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Error).len(), 1 + 3 + 2);
    let went = world.run(&format!("maximum-errors = \"@n + 6\"\n{NUMBER}{}", containers.concat())).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    let went = world.run(&format!("maximum-errors = \"@n\"\n{NUMBER}{}", containers.concat())).await;
    assert_eq!(went.error(), r"\Package: `maximum-errors` expects a whole number from 1 to 1000000, found 0");
    assert_eq!(went.texts(MessageType::Error).len(), 1, "nothing has run: {went:#?}");
}

#[tokio::test]
async fn packages_inside_and_handlers_have_bounds_of_their_own() {
    let world = World::new().await;
    let inner = "maximum-errors = \"@allowed\"\ndisable-event-handlers = \"@quiet\"\n[parameters]\n\
                 allowed = { type = \"int64\" }\nquiet = { type = \"bool\" }\n\
                 [tasks.fails]\nkind = \"process\"\ncommand = [\"false\"]\n\
                 [on-error.tasks.say]\nkind = \"process\"\ncommand = [\"echo\", \"heard\"]\n";
    world.file("packages/inner.toml", inner, 0o644);
    let call = |allowed: u32, quiet: bool| {
        format!(
            "maximum-errors = 9\n[tasks.call]\nkind = \"package\"\npackage = \"inner\"\nmaximum-errors = 1\n\
             [tasks.call.parameters]\nallowed = {allowed}\nquiet = {quiet}\n\
             [tasks.next]\nkind = \"process\"\ncommand = [\"echo\", \"next\"]\nafter = [\"call\"]\n"
        )
    };
    assert_eq!(world.run(&call(2, true)).await.stdout(), ["next"]);
    assert_eq!(world.run(&call(2, false)).await.stdout(), ["heard", "next"]);
    assert_eq!(world.run(&call(1, true)).await.stdout(), [""; 0]);
    let went = world.run(&call(0, true)).await;
    assert_eq!(
        went.texts(MessageType::Error),
        ["`maximum-errors` expects a whole number from 1 to 1000000, found 0"]
    );
    let handler = |more: &str| {
        format!(
            "{NUMBER}[tasks.a]\nkind = \"sequence\"\n[tasks.a.on-pre-execute]\n{more}\n\
             [tasks.a.on-pre-execute.tasks.fails]\nkind = \"process\"\ncommand = [\"false\"]\n"
        )
    };
    world.run(&handler("maximum-errors = \"@n + 2\"")).await.succeeded();
    assert_eq!(world.run(&handler("maximum-errors = \"@n + 1\"")).await.kind(), OutcomeKind::Failed);
    let went = world.run(&handler("maximum-errors = \"@n\"")).await;
    assert!(went.error().ends_with("`maximum-errors` expects a whole number from 1 to 1000000, found 0"));
}

#[tokio::test]
async fn a_package_is_told_by_its_parameters_how_many_tasks_run_at_once() {
    let mut world = World::new().await;
    let script = "mkdir \"$SCALEOUT_WORK_DIR/alone\" && sleep 0.02 && rmdir \"$SCALEOUT_WORK_DIR/alone\"";
    let tasks: String = (0..6).map(|number| task(&format!("t{number}"), script, "")).collect();
    let text = format!("max-concurrent = \"@most\"\n[parameters.most]\ntype = \"int64\"\n{tasks}");
    world.values = serde_json::json!({ "most": 1 });
    world.run(&text).await.succeeded();
    world.values = serde_json::json!({ "most": 0 });
    let went = world.run(&text).await;
    assert_eq!(went.error(), "`max-concurrent` expects a whole number from 1 to 1000, found 0");
}

#[tokio::test]
async fn a_loop_is_told_how_many_iterations_run_at_once() {
    let world = World::new().await;
    let alone = "mkdir \"$SCALEOUT_WORK_DIR/alone\" && rmdir \"$SCALEOUT_WORK_DIR/alone\"";
    // Each ends when all four are there.
    let four = "mktemp -p \"$SCALEOUT_WORK_DIR\"; until [ \"$(ls \"$SCALEOUT_WORK_DIR\" | wc -l)\" -ge 4 ]; do sleep 0.01; done";
    let text = |parallel: &str, around: &str, script: &str| {
        format!(
            "{NUMBER}[tasks.out]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = 2 }}\n{around}\n\
             [tasks.out.tasks.each]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = 4 }}\nparallel = \"{parallel}\"\n\
             [tasks.out.tasks.each.tasks.a]\nkind = \"process\"\ncommand = [\"sh\", \"-c\", {script:?}]\n"
        )
    };
    world.run(&text("@n + 1", "", alone)).await.succeeded();
    world.run(&text("@n + 4", "", four)).await.succeeded();
    let expected = "501 iterations (`parallel`) in each of 2 that run at the same time are too many: loops within each \
                    other run at most 1000 at the same time";
    for around in ["parallel = 2", "parallel = \"@n + 2\""] {
        let went = world.run(&text("@n + 501", around, alone)).await;
        assert!(went.error().ends_with(expected), "{}", went.error());
    }
    // Also in a package that runs inside a loop, and in a handler.
    let inner = "[variables.n]\ntype = \"int64\"\nvalue = 501\n[tasks.each]\nkind = \"foreach\"\n\
                 numbers = { from = 1, to = 3 }\nparallel = \"@n\"\n";
    world.file("packages/inner.toml", inner, 0o644);
    let outer = "[tasks.out]\nkind = \"foreach\"\nnumbers = { from = 1, to = 1 }\nparallel = 2\n";
    let calls = "[tasks.out.tasks.call]\nkind = \"package\"\npackage = \"inner\"\n";
    let went = world.run(&format!("{outer}{calls}")).await;
    assert!(went.error().ends_with(expected), "{}", went.error());
    let handled = inner.replace("[tasks.", "[tasks.out.tasks.a.on-pre-execute.tasks.");
    let handled = handled.replace("[variables.", "[tasks.out.tasks.a.on-pre-execute.variables.");
    let went = world.run(&format!("{outer}[tasks.out.tasks.a]\nkind = \"sequence\"\n{handled}")).await;
    assert!(went.error().ends_with(expected), "{}", went.error());
}

#[tokio::test]
async fn handlers_are_disabled_and_exit_codes_told_by_variables() {
    let world = World::new().await;
    let handler = |of: &str| {
        format!("[{of}on-post-execute.tasks.b]\nkind = \"process\"\ncommand = [\"echo\", \"heard\"]\n")
    };
    let quiet =
        task("a", "exit 7", "disable-event-handlers = \"@n == 0\"\nsuccess-exit-codes = [0, \"@n + 7\"]");
    let went = world
        .run(&format!(
            "disable-event-handlers = \"@n == 0\"\n{}{NUMBER}{quiet}{}",
            handler(""),
            handler("tasks.a.")
        ))
        .await;
    went.succeeded();
    assert_eq!(went.stdout(), [""; 0]);
    let loud = quiet.replace("@n == 0", "@n != 0");
    let went = world
        .run(&format!(
            "disable-event-handlers = \"@n != 0\"\n{}{NUMBER}{loud}{}",
            handler(""),
            handler("tasks.a.")
        ))
        .await;
    went.succeeded();
    // Its own handler; the package's for the task in that, for it, and for the package.
    assert_eq!(went.stdout().len(), 4, "{went:#?}");
}
