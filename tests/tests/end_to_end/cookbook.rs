//! `examples/cookbook`: each of its packages runs on a worker, on good data and on bad.

use std::fs;
use std::path::Path;

use scaleout_tests::harness::{Cluster, MOMENT, cluster, repository, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_postgres::{Client, NoTls};

/// A cluster with the cookbook deployed, and its warehouse.
async fn kitchen() -> (Cluster, Client) {
    let warehouse = scaleout_local::testing::database().await;
    let (client, connection) = tokio_postgres::connect(&warehouse.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let book = repository().join("examples/cookbook");
    client.batch_execute(&fs::read_to_string(book.join("tables.sql")).unwrap()).await.unwrap();
    client
        .batch_execute(
            "insert into marks values ('orders', 0);
             insert into orders select n, n * 10 from generate_series(1, 5) n;
             insert into sales select date '2024-02-27' + n % 3, (array['North', 'South'])[1 + n % 2], n
             from generate_series(1, 12) n",
        )
        .await
        .unwrap();
    let cluster = cluster(1, 1, &[]).await;
    let book = book.display().to_string();
    cluster.scaleout(&["project", "deploy", &book, "--folder", "t"]).await.ok();
    let url = format!("warehouse_url={}", warehouse.url);
    cluster.scaleout(&["project", "set", "t/cookbook", &url]).await.ok();
    (cluster, client)
}

/// Runs a package to its end, and returns its id.
async fn cook(cluster: &Cluster, package: &str, set: &[&str], ends_with: i32) -> String {
    let path = format!("t/cookbook/{package}");
    let set = set.iter().flat_map(|value| ["--set", *value]);
    let arguments: Vec<&str> = [path.as_str()].into_iter().chain(set).collect();
    let id = cluster.enqueue_one(&arguments).await;
    cluster.scaleout(&["execution", "wait", &id]).await.ended_with(ends_with);
    id
}

async fn number(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.unwrap().get(0)
}

/// The names in a folder, sorted; none if it is not there.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_where_they_belong() {
    let (cluster, _) = kitchen().await;
    let inbox = cluster.folder().join("inbox");
    let (new, set) = (inbox.join("new"), format!("inbox={}", inbox.display()));
    fs::create_dir_all(&new).unwrap();
    for name in ["a.csv", "b.csv"] {
        fs::write(new.join(name), "day,region,amount\n").unwrap();
    }
    fs::write(new.join("bad.csv"), "nothing\n").unwrap();
    fs::write(inbox.join("left.tmp"), "").unwrap();
    cook(&cluster, "load-inbox", &[&set], 0).await;
    assert_eq!(names(&inbox.join("done")), ["a.csv", "b.csv"]);
    assert_eq!(names(&inbox.join("rejected")), ["bad.csv"]);
    assert!(names(&new).is_empty());

    cook(&cluster, "archive", &[&set, "day=2024-02-05"], 0).await;
    assert_eq!(names(&inbox.join("archive/2024-02")), ["a.csv", "b.csv"]);
    assert!(!inbox.join("left.tmp").exists() && names(&inbox.join("done")).is_empty());

    // Not yet there, and not for ever waited for; then there.
    let (file, late) = (inbox.join("late.txt"), format!("file={}", inbox.join("late.txt").display()));
    cook(&cluster, "wait-for-file", &[&late, "seconds=1"], 1).await;
    fs::write(file, "x\n").unwrap();
    cook(&cluster, "wait-for-file", &[&late], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_change_as_a_whole_or_not_at_all() {
    let (cluster, client) = kitchen().await;
    cook(&cluster, "incremental", &[], 0).await;
    client.batch_execute("insert into orders values (6, 60)").await.unwrap();
    cook(&cluster, "incremental", &[], 0).await;
    assert_eq!(number(&client, "select count(*) * 100 + (select last_id from marks) from facts").await, 606);
    // One that cannot be copied takes the mark back, too.
    client.batch_execute("insert into orders values (7, 70); insert into facts values (7, 0)").await.unwrap();
    cook(&cluster, "incremental", &[], 1).await;
    assert_eq!(number(&client, "select last_id from marks").await, 6);
    client.batch_execute("delete from orders where id = 7; delete from facts where id = 7").await.unwrap();

    for _ in 0..2 {
        cook(&cluster, "backfill", &["first=2024-02-27", "last=2024-02-29"], 0).await;
    }
    assert_eq!(number(&client, "select count(*) * 1000 + sum(amount)::int8 from sales_by_day").await, 3078);
    cook(&cluster, "swap-table", &[], 0).await;
    cook(&cluster, "swap-table", &[], 0).await;
    assert_eq!(number(&client, "select sum(amount)::int8 from totals").await, 78);
    let folder = format!("folder={}", cluster.folder().display());
    cook(&cluster, "fan-out", &[&folder], 0).await;
    let told = |name| fs::read_to_string(cluster.folder().join(name)).unwrap();
    assert_eq!((told("north.txt"), told("south.txt")), ("42\n".to_owned(), "36\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_not_published_and_the_night_is_told() {
    let (cluster, client) = kitchen().await;
    let (inbox, notes) = (cluster.folder().join("inbox"), cluster.folder().join("notes"));
    fs::create_dir_all(inbox.join("new")).unwrap();
    fs::write(inbox.join("new/bad.csv"), "nothing\n").unwrap();
    let (inbox, told) = (format!("inbox={}", inbox.display()), format!("notes={}", notes.display()));
    let id = cook(&cluster, "nightly", &[&inbox, &told], 0).await;
    assert_eq!(fs::read_to_string(&notes).unwrap(), "nightly: 1 errors\n");
    assert_eq!(number(&client, "select sum(amount)::int8 from published").await, 150);
    // What the packages inside did is in the tree of this execution.
    until("the tree is whole", MOMENT, async || {
        let tree = cluster.scaleout(&["execution", "show", &id]).await.ok().stdout;
        // Each behind the task that ran its package, and before the next one.
        let place = |name: &str| tree.lines().position(|line| line.contains(name));
        let names = ["─ load ", "─ reject ", "─ new-orders ", "─ copy ", "─ gate ", "─ report "];
        let places: Option<Vec<usize>> = names.into_iter().map(place).collect();
        if places.is_some_and(|places| places.is_sorted()) { Ok(()) } else { Err(tree) }
    })
    .await;

    client.batch_execute("insert into facts values (99, -1)").await.unwrap();
    cook(&cluster, "quality-gate", &[&told], 1).await;
    assert!(fs::read_to_string(&notes).unwrap().ends_with("1 of 6 facts are wrong\n"));
    assert_eq!(number(&client, "select count(*) from published").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paged_api_is_read_to_its_end() {
    let (cluster, _) = kitchen().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("api=http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let is_last = head.starts_with(b"GET /items?page=3 ");
            let body = if is_last { r#"[{"id":5}]"# } else { r#"[{"id":1},{"id":2}],"next":true"# };
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let id = cook(&cluster, "paged-api", &[&api], 0).await;
    let shown = cluster.scaleout(&["execution", "show", &id, "--format", "json"]).await.ok();
    assert_eq!(shown.json()["result"], serde_json::json!({ "pages": 3, "items": 5 }));
}
