//! Statements in files, rows in variables, and loops over rows, on a real PostgreSQL.

use std::fs;

use scaleout_common::wire::{MessageType, OutcomeKind};
use scaleout_worker::runtime::StopCause;

use super::sql::{wait_for_sleepers, world};

#[tokio::test]
async fn a_statement_in_a_file_runs_as_if_it_stood_in_the_package() {
    let (world, _, client) = world().await;
    world.file("report.sql", "\u{feff}create table t (n int);\ninsert into t values (1), (2);\n", 0o644);
    world.file("count.sql", "select count(*) from t where n > $1", 0o644);
    let text = r#"
        [variables.n]
        type = "int64"
        [tasks.make]
        kind = "sql"
        connection = "warehouse"
        file = "report.sql"
        [tasks.count]
        kind = "sql"
        connection = "warehouse"
        file = "./count.sql"
        arguments = [1]
        into = ["n"]
        after = ["make"]
    "#;
    world.run(text).await.succeeded();
    assert_eq!(client.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0), 2);
    let running = world.start(text);
    fs::remove_file(world.project_folder().join("report.sql")).unwrap();
    let went = running.end().await;
    assert!(went.error().contains("cannot read the statement in report.sql: "), "{}", went.error());
}

#[tokio::test]
async fn several_statements_without_arguments_are_one_transaction() {
    let (world, _, client) = world().await;
    client.batch_execute("create table t (n int)").await.unwrap();
    let text = "[tasks.a]\nkind = \"sql\"\nconnection = \"warehouse\"\n\
                statement = \"insert into t values (1); select 1 / 0\"\n";
    assert_eq!(world.run(text).await.kind(), OutcomeKind::Failed);
    assert_eq!(client.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// A variable with all types, filled by `statement`, and a loop that shows it.
fn fill(statement: &str) -> String {
    format!(
        r#"
        [variables.all]
        type = "table"
        columns = {{ b = "bool", i = "int64", f = "float64", d = "decimal", s = "string", day = "date", at = "timestamp" }}
        [tasks.fill]
        kind = "sql"
        connection = "warehouse"
        statement = '''{statement}'''
        rows = "all"
        [tasks.each]
        kind = "foreach"
        rows = "all"
        into = ["b", "i", "f", "d", "s", "day", "at"]
        after = ["fill"]
        [tasks.each.variables]
        b = {{ type = "bool" }}
        i = {{ type = "int64" }}
        f = {{ type = "float64" }}
        d = {{ type = "decimal" }}
        s = {{ type = "string" }}
        day = {{ type = "date" }}
        at = {{ type = "timestamp" }}
        [tasks.each.tasks.show]
        kind = "process"
        command = ["echo", "{{{{ @i }}}} {{{{ @s }}}}"]
        "#
    )
}

const ALL: &str = "select 'x' || n as s, n::int4 as i, true as b, n::float8 as f, 1.50::numeric as d,
                   '2024-02-29'::date as day, '2024-02-29T12:00:00Z'::timestamptz as at from generate_series(1, 2) n";

#[tokio::test]
async fn all_rows_go_into_a_variable_by_the_names_of_their_columns() {
    let (world, _, _) = world().await;
    let went =
        world.run(&fill(&format!("{ALL} union all select null, 7, null, null, null, null, null"))).await;
    assert_eq!(went.stdout(), ["1 x1", "2 x2"]);
    let told = went.texts(MessageType::Information);
    assert_eq!(told[..2], ["3 rows", "3 iterations"]);
    let row = "b = true, i = 2, f = 2, d = 1.50, s = x2, day = 2024-02-29, at = 2024-02-29T12:00:00Z";
    assert!(told.contains(&row), "{told:#?}");
    assert!(
        told.contains(&"b = NULL, i = 7, f = NULL, d = NULL, s = NULL, day = NULL, at = NULL"),
        "{told:#?}"
    );
    assert!(went.error().contains("@s is NULL"), "{}", went.error());
}

#[tokio::test]
async fn columns_that_are_missing_too_many_double_or_of_another_type_are_named() {
    let (world, _, client) = world().await;
    client.batch_execute("create table t (n int); insert into t values (1)").await.unwrap();
    let fit = |name: &str, expression: &str| ALL.replacen(name, expression, 1);
    for (statement, expected) in [
        (fit("true as b, ", ""), "the statement gives no column b, which variable all has"),
        (
            fit("true as b,", "true as b, 1 as more,"),
            "the statement gives a column more, which variable all does not have",
        ),
        (fit("true as b,", "true as b, 1 as i,"), "the statement gives two columns i; give one another name"),
        (
            fit("n::int4 as i", "n::numeric as i"),
            "column i is of type numeric, and in variable all it is an int64: cast it in the statement (i::int8)",
        ),
        (fit("'x' || n as s", "n as s"), "column s is of type int4, and in variable all it is a string"),
        (fit("true as b", "1 as b"), "column b is of type int4, and in variable all it is a bool"),
        (fit("n::float8 as f", "n as f"), "column f is of type int4, and in variable all it is a float64"),
        (
            fit("1.50::numeric as d", "1.5::float8 as d"),
            "column d is of type float8, and in variable all it is a decimal",
        ),
        (
            fit("::date as day", "::timestamptz as day"),
            "column day is of type timestamptz, and in variable all it is a date",
        ),
        (
            fit("::timestamptz as at", "::timestamp as at"),
            "column at is of type timestamp, and in variable all it is a timestamp",
        ),
        (fit("n::float8 as f", "'NaN'::float8 as f"), "row 1: column f holds what no float64 can"),
        ("delete from t".to_owned(), "the statement gives no column b, which variable all has"),
        (
            format!("with d as (delete from t) {}", fit("'x' || n", "repeat('x', 3000000)")),
            "row 1: column s holds what no string can",
        ),
    ] {
        let went = world.run(&fill(&statement)).await;
        assert_eq!(went.kind(), OutcomeKind::Failed, "{statement}");
        assert!(went.error().contains(expected), "{statement}: {}", went.error());
        let left: i64 = client.query_one("select count(*) from t", &[]).await.unwrap().get(0);
        assert_eq!(left, 1, "{statement}");
    }
}

#[tokio::test]
async fn a_variable_takes_so_many_rows_and_no_more() {
    let (world, _, _) = world().await;
    let package = |statement: &str| {
        format!(
            "[variables.t]\ntype = \"table\"\ncolumns = {{ n = \"string\" }}\n\
             [tasks.fill]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = '''{statement}'''\nrows = \"t\"\n"
        )
    };
    let rows = |count| format!("select n::text as n from generate_series(1, {count}) n");
    let went = world.run(&package(&rows(100_000))).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["100000 rows"]);
    let went = world.run(&package(&rows(100_001))).await;
    assert!(
        went.error().contains("a variable holds at most 100000 rows; go over the query itself"),
        "{}",
        went.error()
    );
    let went = world.run(&package("select repeat('x', 1000000) as n from generate_series(1, 20)")).await;
    assert!(went.error().contains("a variable holds at most 16 MiB of rows; go over"), "{}", went.error());
}

/// A loop over the rows of a query, whose columns go into `n` and `s`.
fn over(query: &str, more: &str) -> String {
    format!(
        "[tasks.each]\nkind = \"foreach\"\nrows = {{ connection = \"warehouse\", {query} }}\ninto = [\"n\", \"s\"]\n{more}\n\
         [tasks.each.variables]\nn = {{ type = \"int64\" }}\ns = {{ type = \"string\" }}\n"
    )
}

const SHOW: &str =
    "[tasks.each.tasks.show]\nkind = \"process\"\ncommand = [\"echo\", \"{{ @n }}{{ @s }}\"]\n";

#[tokio::test]
async fn a_loop_goes_over_the_rows_of_a_query() {
    let (world, _, _) = world().await;
    world.file("rows.sql", "select n, 's' from generate_series(1, $1) n -- the end", 0o644);
    let went = world.run(&format!("{}{SHOW}", over("file = \"rows.sql\", arguments = [3]", ""))).await;
    went.succeeded();
    assert_eq!(went.stdout(), ["1s", "2s", "3s"]);
    assert_eq!(
        went.texts(MessageType::Information),
        ["n = 1, s = s", "n = 2, s = s", "n = 3, s = s", "3 iterations"]
    );
    let none = over("statement = \"select 1, 'x' where false\"", "parallel = 3");
    let went = world.run(&format!("{none}{SHOW}")).await;
    went.succeeded();
    assert_eq!(went.texts(MessageType::Information), ["there is nothing to go over"]);
    let parallel = over("statement = \"select n, 'x' from generate_series(1, 250) n\"", "parallel = 4");
    let count = "[tasks.each.tasks.count]\nkind = \"expression\"\nassign = \"@n = @n + 1\"\n";
    let went = world.run(&format!("{parallel}{count}")).await;
    went.succeeded();
    assert_eq!(
        went.texts(MessageType::Information).iter().filter(|text| text.contains("s = x")).count(),
        250
    );
}

#[tokio::test]
async fn what_is_no_query_for_a_loop_is_told() {
    let (world, _, client) = world().await;
    client.batch_execute("create table t (n int8, s text)").await.unwrap();
    for (statement, expected) in [
        ("select 1", "the statement gives 1 columns, `into` names 2 variables"),
        ("select 1, 2", "column ?column? is of type int4, and variable s is a string"),
        (
            "select 1,\n nothing",
            "ERROR 42703: column \"nothing\" does not exist (line 2, column 2 of the statement)",
        ),
        ("select $1, 's'", "the statement takes 1 arguments ($1, $2, …), the task gives 0"),
        ("insert into t values (1, 's') returning n, s", "a loop goes over a query that only reads"),
        (
            "with i as (insert into t values (1, 's') returning n, s) select n, s from i",
            "a loop goes over a query that only reads",
        ),
        ("select 1 / (3 - n), 's' from generate_series(1, 9) n", "ERROR 22012: division by zero"),
    ] {
        let went = world.run(&format!("{}{SHOW}", over(&format!("statement = '''{statement}'''"), ""))).await;
        assert!(went.error().starts_with(r"\Package\each: "), "{statement}: {}", went.error());
        assert!(went.error().contains(expected), "{statement}: {}", went.error());
    }
    assert_eq!(client.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// What the query counts itself is how far the server has come with it.
#[tokio::test]
async fn no_more_rows_are_fetched_than_a_hundred_ahead() {
    let (world, _, client) = world().await;
    client.batch_execute("create sequence fetched").await.unwrap();
    let query = "statement = \"select nextval('fetched'), 's' from generate_series(1, 100000)\"";
    let fail = "[tasks.each.tasks.fail]\nkind = \"expression\"\nassign = \"@n = 1 / (150 - @n)\"\n";
    let went = world.run(&format!("{}{fail}", over(query, ""))).await;
    assert!(went.error().contains(r"\Package\each[150]\fail"), "{}", went.error());
    let told = went.texts(MessageType::Information);
    assert_eq!(
        told.last(),
        Some(&"no further iteration starts, because 1 error reached the loop's maximum-errors")
    );
    let fetched: i64 = client.query_one("select last_value from fetched", &[]).await.unwrap().get(0);
    assert_eq!(fetched, 200, "two fetches of a hundred");
}

#[tokio::test]
async fn a_hundred_thousand_rows_pass() {
    let (world, _, client) = world().await;
    client.batch_execute("create table seen (n int8)").await.unwrap();
    let query = "statement = \"select n, repeat('x', 1000) from generate_series(1, 100000) n\"";
    let sum = "[variables.sum]\ntype = \"int64\"\nvalue = 0\n\
               [tasks.each.tasks.add]\nkind = \"expression\"\nassign = \"@sum = @sum + @n\"\n\
               [tasks.keep]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = \"insert into seen values ($1)\"\n\
               arguments = [\"@sum\"]\nafter = [\"each\"]\n";
    world.start(&format!("{}{sum}", over(query, ""))).drain().await;
    let seen: i64 = client.query_one("select n from seen", &[]).await.unwrap().get(0);
    assert_eq!(seen, 5_000_050_000);
}

#[tokio::test]
async fn a_stop_cancels_the_query_of_a_loop() {
    let (world, _, client) = world().await;
    let query = "statement = \"select 1, 's' from pg_sleep(1000)\"";
    let running = world.start(&format!("{}{SHOW}", over(query, "")));
    wait_for_sleepers(&client, 1).await;
    running.stopper.stop(StopCause::Told);
    assert_eq!(running.end().await.kind(), OutcomeKind::Stopped);
    wait_for_sleepers(&client, 0).await;
}

#[tokio::test]
async fn a_loop_whose_query_loses_its_connection_fails() {
    let (world, _, _) = world().await;
    let query = "statement = \"select n, 's' from generate_series(1, 1000) n\"";
    let kill = "[tasks.each.tasks.kill]\nkind = \"sql\"\nconnection = \"warehouse\"\nstatement = \"\"\"select \
                pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and \
                state = 'idle in transaction'\"\"\"\n";
    let went = world.run(&format!("{}{kill}", over(query, ""))).await;
    assert_eq!(went.kind(), OutcomeKind::Failed);
    assert!(went.error().starts_with(r"\Package\each: "), "{}", went.error());
    let iterations =
        went.texts(MessageType::Information).iter().filter(|text| text.contains("s = s")).count();
    assert_eq!(iterations, 100, "those that were here");
}
