//! The bound on the memory of all variables of an execution together: 4 MiB here, lest it is seen in the memory of other
//! tests.

use scaleout_common::wire::{MessageType, OutcomeKind};

use super::sql::world as with_database;
use super::world::{World, task};

const FULL: &str = "the variables of an execution hold at most 4 MiB together";
const PARAMETER: &str = "[parameters.text]\ntype = \"string\"\nrequired = true\n";

/// With room for 4 MiB, and a parameter `text` of 1 MiB.
fn narrow(world: &mut World) {
    world.limits.variables_bytes_max = 4 << 20;
    world.values = serde_json::json!({ "text": "x".repeat(1 << 20) });
}

async fn world() -> World {
    let mut world = World::new().await;
    narrow(&mut world);
    world
}

/// Variables of `owner` that begin with 1 MiB each.
fn variables(owner: &str, mebibytes: usize) -> String {
    let one = |number| format!("v{number} = {{ type = \"string\", value = \"@text\" }}\n");
    format!("[{owner}variables]\n{}", (0..mebibytes).map(one).collect::<String>())
}

/// Variables of the package that hold all there is room for, and one more that holds nothing.
fn all_but_one() -> String {
    format!("{PARAMETER}{}one = {{ type = \"string\" }}\n", variables("", 4))
}

#[tokio::test]
async fn what_does_not_fit_does_not_start() {
    let world = world().await;
    let each = "[tasks.each]\nkind = \"foreach\"\nnumbers = { from = 1, to = 1 }\nparallel = 2\n";
    let cases = [
        (task("a", "echo ran", "") + &variables("", 5), "cannot evaluate the value of variable v"),
        (
            task("a", "echo ran", "") + &variables("tasks.a.", 5),
            r"\Package\a: cannot evaluate the value of variable v",
        ),
        // Once for the loop itself, and again for its iteration.
        (
            [each, &variables("tasks.each.", 3), &task("each.tasks.b", "echo ran", "")].concat(),
            r"\Package\each[1]: cannot evaluate the value of variable v",
        ),
    ];
    for (text, error) in cases {
        let went = world.run(&format!("{PARAMETER}{text}")).await;
        assert_eq!((went.kind(), went.stdout()), (OutcomeKind::Failed, vec![]));
        assert!(went.error().starts_with(error) && went.error().ends_with(FULL), "{}", went.error());
    }
}

#[tokio::test]
async fn what_does_not_fit_is_not_written_and_is_told() {
    let world = world().await;
    let writes = [
        task("a", "printf x", "stdout = \"one\""),
        "[tasks.a]\nkind = \"expression\"\nassign = '@one = \"x\"'\n".to_owned(),
        "[tasks.a]\nkind = \"foreach\"\nlist = [\"x\"]\ninto = [\"one\"]\n".to_owned(),
        "[tasks.a]\nkind = \"for\"\ninit = '@one = \"x\"'\nwhile = \"true\"\n".to_owned(),
    ];
    let handler = "[on-error.tasks.tell]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @[System::ErrorDescription] }}\"]\n";
    for write in writes {
        let went = world.run(&[&all_but_one(), &write, handler].concat()).await;
        assert_eq!(went.kind(), OutcomeKind::Failed);
        // The handlers of an error run, whatever variables hold.
        let told = went.stdout();
        assert!(
            told.iter().any(|line| line.ends_with(&format!("cannot set one: {FULL}"))),
            "{write}: {told:?}"
        );
    }
}

#[tokio::test]
async fn room_comes_back() {
    let world = world().await;
    // Tasks, tries and iterations, 3 MiB each, one after the other; and what is overwritten.
    let tries = "test -e $SCALEOUT_WORK_DIR/tried && exit; touch $SCALEOUT_WORK_DIR/tried; exit 1";
    let text = [
        PARAMETER,
        "[variables]\none = { type = \"string\" }\n",
        &task("a", "true", ""),
        &variables("tasks.a.", 3),
        &task("b", tries, "retries = 1\nafter = [\"a\"]"),
        &variables("tasks.b.", 3),
        "[tasks.c]\nkind = \"foreach\"\nnumbers = { from = 1, to = 3 }\nparallel = 2\nafter = [\"b\"]\n",
        &variables("tasks.c.", 1),
        "[tasks.d]\nkind = \"for\"\ninit = \"@n = 0\"\nwhile = \"@n < 10\"\nstep = \"@n = @n + 1\"\nafter = [\"c\"]\n[tasks.d.variables.n]\ntype = \"int64\"\n",
        "[tasks.d.tasks.e]\nkind = \"expression\"\nassign = \"@one = @text\"\n",
    ];
    world.run(&text.concat()).await.succeeded();
}

#[tokio::test]
async fn a_statement_whose_rows_do_not_fit_is_taken_back() {
    let (mut world, _, client) = with_database().await;
    narrow(&mut world);
    client.batch_execute("create table t (n int)").await.unwrap();
    let insert = |more: &str| {
        format!(
            "[tasks.a]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = \"insert into t values (1) returning 'x' as x\"\n{more}\nretries = 1\n"
        )
    };
    let table = "[variables.rows]\ntype = \"table\"\ncolumns = { x = \"string\" }\n";
    for text in [
        insert("into = [\"one\"]"),
        insert("into = [\"one\"]\ntransaction = \"required\""),
        insert("rows = \"rows\"") + table,
    ] {
        let went = world.run(&(all_but_one() + &text)).await;
        assert!(went.error().contains("cannot set ") && went.error().ends_with(FULL), "{}", went.error());
        let kept: i64 = client.query_one("select count(*) from t", &[]).await.unwrap().get(0);
        assert_eq!(kept, 0, "{text}");
    }
}

#[tokio::test]
async fn a_package_inside_counts_too() {
    let world = world().await;
    let child = |more: &str| format!("[tasks.child]\nkind = \"package\"\npackage = \"load\"\n{more}\n");
    let handler = "[on-error.tasks.tell]\nkind = \"process\"\ncommand = [\"echo\", \"told\"]\n";
    let variables_of_child = format!("{PARAMETER}{}{}", variables("", 3), task("a", "echo ran", ""));
    world.file("packages/load.toml", &variables_of_child, 0o644);
    let outer = format!("{PARAMETER}{}", variables("", 2));
    let went = world.run(&[&outer, &child("parameters = { text = \"@text\" }"), handler].concat()).await;
    assert_eq!((went.kind(), went.stdout()), (OutcomeKind::Failed, vec!["told"]));
    assert!(went.error().ends_with(FULL), "{}", went.error());
    // So do its parameters.
    world.file("packages/load.toml", &format!("{PARAMETER}{}", task("a", "echo ran", "")), 0o644);
    let went = world.run(&(all_but_one() + &child("parameters = { text = \"@text\" }"))).await;
    let told = went.texts(MessageType::Error);
    assert_eq!(told, [format!("cannot evaluate the parameter text: {FULL}")]);
}
