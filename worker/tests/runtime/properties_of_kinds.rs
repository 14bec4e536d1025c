//! What tasks of one kind do, by expressions: operations, methods, statements, connections, transactions.

use std::fs;

use scaleout_common::logging_level::LoggingLevel;
use scaleout_common::wire::{MessageType, OutcomeKind};
use tokio_postgres::Client;

use super::http::{serve, with};
use super::sql::{wait_for_sleepers, world};
use super::world::{World, task};

/// Parameters that say what is done: `what`, and `how`.
const SAID: &str = "[parameters]\nwhat = { type = \"string\" }\nhow = { type = \"string\" }\n";

fn say(world: &mut World, what: &str, how: &str) {
    world.values = serde_json::json!({ "what": what, "how": how });
}

#[tokio::test]
async fn an_operation_on_files_is_checked_when_it_is_known() {
    let mut world = World::new().await;
    let folder = world.work_root().join("files");
    fs::create_dir_all(&folder).unwrap();
    let text = |keys: &str| {
        format!(
            "{SAID}[tasks.a]\nkind = \"file\"\noperation = \"{{{{ @what }}}}\"\nfolder = \"{}\"\n{keys}\n",
            folder.display()
        )
    };
    let (one, two) = (folder.join("one"), folder.join("two"));
    for (what, there) in [("copy", [true, true]), ("move", [false, true]), ("rename", [false, true])] {
        // A file of the test before.
        let _ = fs::remove_file(&two);
        fs::write(&one, "text").unwrap();
        say(&mut world, what, "");
        world.run(&text("from = \"one\"\nto = \"two\"")).await.succeeded();
        assert_eq!([one.exists(), two.exists()], there, "{what}");
    }
    for (what, keys, expected) in [
        ("delete-contents", "pattern = \"*.csv\"", "`pattern` says nothing to operation `delete-contents`"),
        ("delete", "from = \"two\"\nto = \"x\"", "`to` says nothing to operation `delete`"),
        ("rename", "from = \"two\"\nrecursive = true", "`recursive` says nothing to operation `rename`"),
        (
            "copy",
            "from = \"two\"",
            "there is no `to`, and operation `copy` wants to know where to, relative to `folder`",
        ),
        (
            "delete",
            "",
            "there is no `from`, and operation `delete` wants to know which file; a pattern takes the files of a folder",
        ),
        (
            "rename",
            "from = \"two\"\nto = \"x/\"",
            "a new name has no `/` at its end; operation = \"move\" takes it into a folder",
        ),
        (
            "shred",
            "from = \"two\"",
            "`operation` expects one of copy, move, rename, delete, delete-contents, create-folder, found \"shred\"",
        ),
    ] {
        say(&mut world, what, "");
        let went = world.run(&text(keys)).await;
        assert_eq!(went.error(), format!(r"\Package\a: {expected}"));
        assert!(two.exists(), "{what}");
    }
    say(&mut world, "delete-contents", "");
    world.run(&text("")).await.succeeded();
    assert!(!two.exists());
}

#[tokio::test]
async fn a_method_is_checked_when_it_is_known() {
    let server = serve(&[("/a", with("200 OK", "done"))], None).await;
    let mut world = World::new().await;
    let text = |keys: &str| {
        format!(
            "{SAID}[variables.got]\ntype = \"string\"\n[tasks.a]\nkind = \"http\"\nurl = \"{}/a\"\n\
             method = \"{{{{ @what }}}}\"\n{keys}\n",
            server.origin
        )
    };
    for (what, keys) in [("GET", "into = \"got\""), ("POST", "body = \"x\""), ("DELETE", "")] {
        say(&mut world, what, "");
        world.run(&text(keys)).await.succeeded();
        assert!(server.asked.lock().unwrap().pop().unwrap().starts_with(&format!("{what} /a")));
    }
    for (what, keys, expected) in [
        ("GET", "body = \"x\"", "`body` goes with no GET request"),
        ("HEAD", "into = \"got\"", "`into` gets nothing: an answer to HEAD has no body"),
        ("PUT", "follow-redirects = 2", "redirects of a PUT request are not followed"),
        ("get", "", "`method` expects one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, found \"get\""),
    ] {
        say(&mut world, what, "");
        let went = world.run(&text(keys)).await;
        assert_eq!(went.error(), format!(r"\Package\a: {expected}"));
    }
    assert_eq!(server.asked.lock().unwrap().len(), 0, "what is refused is not sent");
}

/// A statement and its connection, each by an expression.
fn computed(name: &str, statement: &str, more: &str) -> String {
    let name = name.replace('/', ".tasks.");
    format!(
        "[tasks.{name}]\nkind = \"sql\"\nconnection = \"{{{{ @what }}}}\"\nstatement-expression = '''{statement}'''\n{more}\n"
    )
}

#[tokio::test]
async fn a_statement_is_made_for_a_connection_that_is_told() {
    let (mut world, _, client) = world().await;
    client.batch_execute("create table orders_north (n int)").await.unwrap();
    world.file("sql/north.sql", "insert into orders_north values (3)", 0o644);
    world.file("sql/braces.sql", "select '{{'", 0o644);
    say(&mut world, "warehouse", "north");
    let insert = computed(
        "a",
        "\"insert into orders_\" + @how + \" values ($1)\"",
        "arguments = [\"1 + 1\"]\ntransaction = \"{{ \\\"required\\\" }}\"",
    );
    world.run(&format!("{SAID}{insert}")).await.succeeded();
    let file = |path: &str| {
        format!("{SAID}[tasks.a]\nkind = \"sql\"\nconnection = \"{{{{ @what }}}}\"\nfile = \"{path}\"\n")
    };
    world.run(&file("sql/{{ @how }}.sql")).await.succeeded();
    let rows = client.query_one("select sum(n)::int8 from orders_north", &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 5);
    let each = "[variables.n]\ntype = \"int64\"\n[tasks.each]\nkind = \"foreach\"\ninto = [\"n\"]\n\
                rows = { connection = \"{{ @what }}\", statement-expression = '\"select n::int8 from orders_\" + @how' }\n";
    let show = "[tasks.each.tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @n }}\"]\n";
    assert_eq!(world.run(&format!("{SAID}{each}{show}")).await.stdout(), ["2", "3"]);
    for (what, how, text, expected) in [
        ("warehuose", "", insert.as_str(), "there is no connection \"warehuose\" (known: warehouse)"),
        ("warehouse", "", &computed("a", "@how + \" \"", ""), "what `statement-expression` makes is empty"),
        (
            "warehouse",
            "",
            &computed("a", "SUBSTRING(@how, 1, 1) == \"x\" ? \"\" : NULL(DT_WSTR,5)", ""),
            "`statement-expression` is NULL",
        ),
        (
            "warehouse",
            "9",
            &computed("a", "\"select \" + SUBSTRING(\"x\", 1, (DT_I4)@how - 10)", ""),
            "cannot evaluate `statement-expression`: ",
        ),
        (
            "warehouse",
            "../..",
            &file("{{ @how }}/a.sql").replace(SAID, ""),
            "`file` cannot be \"../../a.sql\": it is a file of the project, relative to its folder",
        ),
        (
            "warehouse",
            "braces",
            &file("sql/{{ @how }}.sql").replace(SAID, ""),
            "the statement's file sql/braces.sql holds `{{` (line 1): values go in as bound arguments",
        ),
    ] {
        say(&mut world, what, how);
        let went = world.run(&format!("{SAID}{text}")).await;
        assert!(went.error().starts_with(&format!(r"\Package\a: {expected}")), "{}", went.error());
    }
}

#[tokio::test]
async fn the_verbose_log_has_the_statement_that_was_made_and_no_secret_of_it() {
    let (mut world, _, _client) = world().await;
    world.logging_level = LoggingLevel::Verbose;
    let secret = "open-sesame-for-everybody";
    let read = task("read", "printf %s {{ @secret }}", "stdout = \"said\"");
    // The secret stands where the log cuts the statement off.
    let query = "\"select '\" + REPLICATE(\"x\", 4060) + @said + \"'\"";
    let query = computed("a", query, "after = [\"read\"]");
    let head = "[parameters]\nwhat = { type = \"string\" }\nsecret = { type = \"string\", sensitive = true }\n\
                [variables]\nsaid = { type = \"string\" }\n";
    world.values = serde_json::json!({ "what": "warehouse", "secret": secret });
    let went = world.run(&format!("{head}{read}{query}")).await;
    went.succeeded();
    let texts = went.texts(MessageType::Information);
    let told = texts.iter().find(|text| text.starts_with("the statement: select 'xx")).unwrap();
    assert!(told.len() <= 4_096 && !told.contains(&secret[..4]), "{}", &told[4_000..]);
}

async fn make(client: &Client) {
    client.batch_execute("create table t (n int, id xid default pg_current_xact_id()::xid)").await.unwrap();
}

/// What is committed, and in how many transactions.
async fn kept(client: &Client) -> (Vec<i32>, i64) {
    let row = "select coalesce(array_agg(n order by n), '{}'), count(distinct id::text) from t";
    let row = client.query_one(row, &[]).await.unwrap();
    client.batch_execute("truncate t").await.unwrap();
    (row.get(0), row.get(1))
}

fn put(path: &str, number: i32, more: &str) -> String {
    let path = path.replace('/', ".tasks.");
    format!(
        "[tasks.{path}]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = \"insert into t values ({number})\"\n{more}\n"
    )
}

/// A sequence that says of transactions what it is told.
const TOLD: &str = "[tasks.all]\nkind = \"sequence\"\ntransaction = \"{{ @what }}\"\n";

#[tokio::test]
async fn whether_there_is_a_transaction_is_found_out_when_it_starts() {
    let (mut world, _, client) = world().await;
    make(&client).await;
    let fails = task("all.tasks.fails", "exit 1", "after = [\"b\"]");
    let inside =
        [put("all/a", 1, ""), put("all/b", 2, "after = [\"a\"]\ntransaction = \"required\"")].concat();
    for (what, around, expected, failed) in [
        // Alone: all of it together, or each by itself.
        ("required", "", (vec![1, 2], 1), vec![]),
        ("supported", "", (vec![1, 2], 2), vec![1, 2]),
        ("not-supported", "", (vec![1, 2], 2), vec![1, 2]),
        // In a transaction of the package: with it, or not.
        ("required", "transaction = \"required\"\n", (vec![1, 2, 3], 1), vec![]),
        ("supported", "transaction = \"required\"\n", (vec![1, 2, 3], 1), vec![]),
        ("not-supported", "transaction = \"required\"\n", (vec![1, 2, 3], 3), vec![1, 2]),
        // In one that may be.
        ("required", "transaction = \"{{ @how }}\"\n", (vec![1, 2, 3], 2), vec![3]),
        ("supported", "transaction = \"{{ @what }}\"\n", (vec![1, 2, 3], 3), vec![1, 2, 3]),
        ("required", "transaction = \"{{ @what }}\"\n", (vec![1, 2, 3], 1), vec![]),
    ] {
        let last = if around.is_empty() {
            String::new()
        } else {
            put("last", 3, "after = [{ task = \"all\", on = \"completion\" }]")
        };
        say(&mut world, what, "not-supported");
        world.run(&format!("{around}{SAID}{TOLD}{inside}{last}")).await.succeeded();
        assert_eq!(kept(&client).await, expected, "{what} in {around:?}");
        let went = world.run(&format!("{around}{SAID}{TOLD}{inside}{fails}{last}")).await;
        assert_eq!(
            (went.kind(), kept(&client).await.0),
            (OutcomeKind::Failed, failed),
            "{what} in {around:?}"
        );
    }
    say(&mut world, "sometimes", "");
    let went = world.run(&format!("{SAID}{TOLD}{inside}")).await;
    let expected = "`transaction` expects one of required, supported, not-supported, found \"sometimes\"";
    assert_eq!(went.error(), format!(r"\Package\all: {expected}"));
    let went = world.run(&format!("transaction = \"{{{{ @what }}}}\"\n{SAID}{}", put("a", 1, ""))).await;
    assert_eq!(went.error(), format!(r"\Package: {expected}"));
    assert_eq!(kept(&client).await.0, [0; 0]);
}

#[tokio::test]
async fn a_transaction_is_begun_by_its_first_statement_on_that_ones_connection() {
    let (mut world, database, client) = world().await;
    make(&client).await;
    let other = format!("[connections.other]\nkind = \"postgres\"\nurl = \"{}\"\n", database.url);
    say(&mut world, "warehouse", "");
    let number = |number: i32| format!("\"insert into t values ({number})\"");
    // Nothing was begun when `inner` started, and what it did is taken back alone all the same.
    let text = [
        "[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n".to_owned(),
        "[tasks.all.tasks.outer]\nkind = \"sequence\"\ntransaction = \"required\"\n".to_owned(),
        "[tasks.all.tasks.outer.tasks.inner]\nkind = \"sequence\"\ntransaction = \"required\"\nfail-parent = false\n"
            .to_owned(),
        computed("all/outer/inner/a", &number(1), ""),
        task("all.tasks.outer.tasks.inner.tasks.fails", "exit 1", "after = [\"a\"]"),
        computed("all/outer/b", &number(2), "after = [{ task = \"inner\", on = \"failure\" }]"),
        computed("all/c", &number(3), "after = [\"outer\"]"),
    ]
    .concat();
    let went = world.run(&format!("{SAID}{text}")).await;
    went.succeeded();
    assert_eq!(kept(&client).await, (vec![2, 3], 1), "{went:#?}");
    // Beside a container that did nothing, and failed.
    let idle = "[tasks.all.tasks.idle]\nkind = \"sequence\"\ntransaction = \"required\"\nfail-parent = false\n\
                [tasks.all.tasks.idle.tasks.fails]\nkind = \"process\"\ncommand = [\"false\"]\n\
                [tasks.all.tasks.idle.tasks.never]\nkind = \"sql\"\nconnection = \"{{ @what }}\"\nstatement = \"x\"\n\
                after = [\"fails\"]\n";
    let text = [
        "[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n",
        idle,
        &computed("all/d", &number(4), "after = [{ task = \"idle\", on = \"failure\" }]"),
    ]
    .concat();
    world.run(&format!("{SAID}{text}")).await.succeeded();
    assert_eq!(kept(&client).await, (vec![4], 1));
    // Two connections, of which one is known, or none.
    let container = "[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n";
    say(&mut world, "other", "");
    let expected = "this is inside a transaction on connection `warehouse`, and wants `other`: two databases cannot commit as one";
    let went = world
        .run(&format!(
            "{SAID}{other}{container}{}{}",
            put("all/a", 1, ""),
            computed("all/b", &number(2), "after = [\"a\"]")
        ))
        .await;
    assert!(went.error().starts_with(&format!(r"\Package\all\b: {expected}")), "{}", went.error());
    assert_eq!(kept(&client).await.0, [0; 0]);
    let swapped = computed("all/b", &number(2), "after = [\"a\"]").replace("@what", "@how");
    say(&mut world, "warehouse", "other");
    let went =
        world.run(&format!("{SAID}{other}{container}{}{swapped}", computed("all/a", &number(1), ""))).await;
    assert!(went.error().starts_with(&format!(r"\Package\all\b: {expected}")), "{}", went.error());
    assert_eq!(kept(&client).await.0, [0; 0]);
}

#[tokio::test]
async fn isolation_is_told_and_holds_for_who_joins() {
    let (mut world, _, _client) = world().await;
    let ask = "[variables.level]\ntype = \"string\"\n[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n\
               isolation = \"{{ @what }}\"\n[tasks.all.tasks.a]\nkind = \"sql\"\nconnection = \"warehouse\"\n\
               statement = \"select current_setting('transaction_isolation')\"\ninto = [\"level\"]\n";
    let joins = "transaction = \"required\"\nisolation = \"{{ @how }}\"\n";
    let show = task("show", "echo {{ @level }}", "after = [\"all\"]");
    say(&mut world, "serializable", "serializable");
    assert_eq!(world.run(&format!("{SAID}{ask}{joins}{show}")).await.stdout(), ["serializable"]);
    say(&mut world, "repeatable-read", "serializable");
    assert_eq!(world.run(&format!("{SAID}{ask}{show}")).await.stdout(), ["repeatable read"]);
    let went = world.run(&format!("{SAID}{ask}{joins}")).await;
    let expected = "this joins a transaction that is repeatable-read, and says serializable; say it where that begins, and leave it out here";
    assert_eq!(went.error(), format!(r"\Package\all\a: {expected}"));
    // Of the package, and what holds if nothing is said.
    let whole = "transaction = \"{{ @what }}\"\nisolation = \"{{ @how }}\"\n";
    let ask = ask.replace("isolation = \"{{ @what }}\"\n", "");
    say(&mut world, "required", "serializable");
    assert_eq!(world.run(&format!("{whole}{SAID}{ask}{show}")).await.stdout(), ["serializable"]);
    assert_eq!(world.run(&format!("{SAID}{ask}{show}")).await.stdout(), ["read committed"]);
    say(&mut world, "required", "chaos");
    let went = world.run(&format!("{whole}{SAID}{ask}{show}")).await;
    let expected =
        "`isolation` expects one of serializable, repeatable-read, read-committed, found \"chaos\"";
    assert_eq!(went.error(), format!(r"\Package: {expected}"));
}

#[tokio::test]
async fn what_goes_with_no_transaction_is_refused_when_there_is_one() {
    let (mut world, _, client) = world().await;
    make(&client).await;
    let each = format!(
        "[tasks.all]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = 2 }}\nparallel = 2\ntransaction = \"{{{{ @what }}}}\"\n{}",
        put("all/a", 1, "")
    );
    say(&mut world, "supported", "supported");
    world.run(&format!("{SAID}{each}")).await.succeeded();
    assert_eq!(kept(&client).await, (vec![1, 1], 2));
    say(&mut world, "required", "supported");
    let went = world.run(&format!("{SAID}{each}")).await;
    let expected = "iterations that run at the same time cannot be one transaction";
    assert!(went.error().starts_with(&format!(r"\Package\all: {expected}")), "{}", went.error());
    // Another package joins none.
    world.file(
        "packages/inner.toml",
        "[tasks.say]\nkind = \"process\"\ncommand = [\"echo\", \"said\"]\n",
        0o644,
    );
    let child =
        "[tasks.all.tasks.call]\nkind = \"package\"\npackage = \"inner\"\ntransaction = \"{{ @how }}\"\n";
    let text = format!("{SAID}{TOLD}{}{child}", put("all/a", 1, ""));
    for (what, how, expected) in [
        ("supported", "supported", Ok(())),
        ("required", "not-supported", Ok(())),
        ("required", "supported", Err("this is inside a transaction, and another package joins none")),
        ("supported", "required", Err("a package that runs inside another one joins no transaction of it")),
    ] {
        say(&mut world, what, how);
        let went = world.run(&text).await;
        match expected {
            Ok(()) => assert_eq!(went.stdout(), ["said"], "{what}, {how}"),
            Err(expected) => {
                assert!(
                    went.error().starts_with(&format!(r"\Package\all\call: {expected}")),
                    "{}",
                    went.error()
                );
                assert_eq!((went.stdout(), went.texts(MessageType::Error).len()), (vec![], 1));
            }
        }
    }
}

#[tokio::test]
async fn what_is_refused_counts_as_no_success_and_is_not_tried_again() {
    let (mut world, _, _client) = world().await;
    world.file("packages/inner.toml", "", 0o644);
    let forced = "force-result = \"success\"\nretries = 3\nmaximum-errors = 2\n";
    let child = format!(
        "[tasks.call]\nkind = \"package\"\npackage = \"inner\"\ntransaction = \"{{{{ @what }}}}\"\n{forced}"
    );
    let each = format!(
        "[tasks.all]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = 2 }}\nparallel = 2\ntransaction = \"{{{{ @what }}}}\"\n{forced}"
    );
    say(&mut world, "required", "");
    for text in [child, each] {
        let went = world.run(&format!("{SAID}{text}")).await;
        assert_eq!(went.kind(), OutcomeKind::Failed);
        assert_eq!((went.texts(MessageType::Error).len(), went.texts(MessageType::Warning).len()), (1, 0));
    }
}

#[tokio::test]
async fn what_holds_no_statement_stays_in_the_transaction_all_the_same() {
    let (mut world, _, client) = world().await;
    make(&client).await;
    // The rows are not committed, so that only who is in the transaction sees them.
    let all =
        format!("[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n{}", put("all/a", 7, ""));
    let rows = "[tasks.all.tasks.each]\nkind = \"foreach\"\nafter = [\"a\"]\ninto = [\"n\"]\n\
                rows = { connection = \"warehouse\", statement = \"select n::int8 from t\" }\n\
                transaction = \"{{ @what }}\"\n[tasks.all.tasks.each.variables.n]\ntype = \"int64\"\n\
                [tasks.all.tasks.each.tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @n }}\"]\n";
    for (what, expected) in [("supported", vec!["7"]), ("required", vec!["7"]), ("not-supported", vec![])] {
        say(&mut world, what, "");
        assert_eq!(world.run(&format!("{SAID}{all}{rows}")).await.stdout(), expected, "{what}");
        kept(&client).await;
    }
    world.file("packages/inner.toml", "", 0o644);
    let call = "[tasks.all.tasks.in]\nkind = \"sequence\"\ntransaction = \"{{ @what }}\"\n\
                [tasks.all.tasks.in.tasks.call]\nkind = \"package\"\npackage = \"inner\"\n";
    say(&mut world, "supported", "");
    let went = world.run(&format!("{SAID}{all}{call}")).await;
    let expected = r"\Package\all\in\call: this is inside a transaction, and another package joins none";
    assert!(went.error().starts_with(expected), "{}", went.error());
    say(&mut world, "not-supported", "");
    world.run(&format!("{SAID}{all}{call}")).await.succeeded();
}

#[tokio::test]
async fn the_query_of_a_loop_belongs_to_the_transaction_that_its_tasks_may_belong_to() {
    let (mut world, _, client) = world().await;
    client
        .batch_execute("create table t (n int); insert into t select generate_series(1, 250)")
        .await
        .unwrap();
    // By itself it would keep the rows locked that the tasks inside write.
    let text = "[tasks.all]\nkind = \"foreach\"\ninto = [\"n\"]\ntransaction = \"required\"\ntimeout = \"10s\"\n\
                rows = { connection = \"warehouse\", statement = \"select n::int8 from t for update\" }\n\
                [tasks.all.variables.n]\ntype = \"int64\"\n\
                [tasks.all.tasks.a]\nkind = \"sql\"\nconnection = \"warehouse\"\ntransaction = \"{{ @what }}\"\n\
                statement = \"update t set n = n + 1000 where n = $1\"\narguments = [\"@n\"]\n";
    say(&mut world, "supported", "");
    world.run(&format!("{SAID}{text}")).await.succeeded();
    let row = client.query_one("select count(*) from t where n > 1000", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 250);
}

#[tokio::test]
async fn a_transaction_that_could_not_be_begun_is_begun_by_the_next_statement() {
    let (mut world, database, client) = world().await;
    make(&client).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone =
        format!("[connections.gone]\nkind = \"postgres\"\nurl = \"postgres://x:x@127.0.0.1:{port}/x\"\n");
    let other = format!("[connections.other]\nkind = \"postgres\"\nurl = \"{}\"\n", database.url);
    say(&mut world, "gone", "other");
    let then =
        computed("all/then", "\"insert into t values (2)\"", "after = [{ task = \"in\", on = \"failure\" }]")
            .replace("@what", "@how");
    let text = [
        "[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n",
        "[tasks.all.tasks.in]\nkind = \"sequence\"\ntransaction = \"required\"\nretries = 1\nfail-parent = false\n",
        &computed("all/in/a", "\"insert into t values (1)\"", ""),
        &then,
    ]
    .concat();
    let went = world.run(&format!("{SAID}{gone}{other}{text}")).await;
    went.succeeded();
    assert_eq!(kept(&client).await, (vec![2], 1), "{went:#?}");
}

#[tokio::test]
async fn a_loop_that_waits_for_a_statement_of_its_transaction_is_told_to_end() {
    let (world, _, client) = world().await;
    let gate = "echo ready now; while [ ! -e go ]; do sleep 0.05; done";
    let text = [
        "[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n",
        "[tasks.all.tasks.slow]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = \"select pg_sleep(600)\"\n",
        &task("all.tasks.gate", gate, ""),
        "[tasks.all.tasks.each]\nkind = \"foreach\"\ninto = [\"n\"]\ntimeout = \"50ms\"\nafter = [\"gate\"]\n\
         rows = { connection = \"warehouse\", statement = \"select 1::int8\" }\n\
         [tasks.all.tasks.each.variables.n]\ntype = \"int64\"\n",
        &task("all.tasks.then", "echo free now", "after = [{ task = \"each\", on = \"failure\" }]"),
    ]
    .concat();
    let mut running = world.start(&text);
    running.word("ready").await;
    wait_for_sleepers(&client, 1).await;
    world.file("go", "", 0o644);
    // While the statement goes on.
    running.word("free").await;
    let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity \
                  where datname = current_database() and pid <> pg_backend_pid()";
    client.query_one(cancel, &[]).await.unwrap();
    let went = running.end().await;
    assert!(went.error().contains("timed out after 50ms"), "{}", went.error());
}
