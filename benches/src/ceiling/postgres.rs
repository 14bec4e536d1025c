//! PostgreSQL alone: the writes that every execution costs (accepted, granted, ended), in batches as ours, three
//! connections at the same time, each commit on the disk.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use crate::cpu::{Parts, Usage};

/// Executions in a batch that is accepted, and in one that is granted or ends.
const ACCEPTED: usize = 1_000;
const MOVED: usize = 400;

/// As our own table: nothing that changes is in an index, and pages have room for new versions of their rows.
const TABLE: &str = "
    drop table if exists ceiling;
    create table ceiling (
        id uuid primary key, batch_id uuid not null, package_id int8 not null, status int2 not null,
        attempt int4 not null, worker_id uuid, session int8, claim int8, started_at timestamptz,
        ended_at timestamptz, pool text not null
    ) with (fillfactor = 50)";
const ACCEPT: &str = "insert into ceiling (id, batch_id, package_id, status, attempt, pool) \
                      select id, $2, 1, 5, 1, 'default' from unnest($1::uuid[]) as id";
const GRANT: &str = "update ceiling set status = 2, worker_id = $2, session = 1, claim = 1, \
                     started_at = clock_timestamp() where id = any ($1::uuid[]) and status = 5";
const END: &str = "update ceiling set status = 7, ended_at = clock_timestamp() \
                   where id = any ($1::uuid[]) and worker_id = $2 and status = 2";

/// What one run gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceiling {
    pub(crate) executions: u64,
    pub(crate) whole: Duration,
    pub(crate) usage: Usage,
}

impl Ceiling {
    /// Executions a second, three writes each.
    pub(crate) fn rate(&self) -> f64 {
        self.executions as f64 / self.whole.as_secs_f64()
    }
}

/// Writes `executions` rows three times.
///
/// # Panics
/// When the database does not do what it is told.
pub(crate) async fn run(url: &str, executions: u64) -> Ceiling {
    let [accepting, granting, ending] = [connect(url).await, connect(url).await, connect(url).await];
    accepting.batch_execute(TABLE).await.expect("a table can be made");
    let prepare = async |client: &Client, text: &str| client.prepare(text).await.expect("it can be prepared");
    let accept_these = prepare(&accepting, ACCEPT).await;
    let (grant_these, end_these) = (prepare(&granting, GRANT).await, prepare(&ending, END).await);
    let worker = Uuid::new_v4();
    let (accepted, to_grant) = mpsc::channel(64);
    let (granted, to_end) = mpsc::channel(64);
    let before = Usage::now(&Parts::default());
    let began = Instant::now();
    let accept = async move {
        let mut left = usize::try_from(executions).unwrap_or(usize::MAX);
        while left > 0 {
            let ids: Vec<Uuid> = (0..left.min(ACCEPTED)).map(|_| Uuid::now_v7()).collect();
            left -= ids.len();
            write(&accepting, &accept_these, &ids, worker).await;
            for part in ids.chunks(MOVED) {
                // Its receiver lives for as long as this sends.
                let _ = accepted.send(part.to_vec()).await;
            }
        }
    };
    tokio::join!(
        accept,
        pass_on(granting, grant_these, worker, to_grant, Some(granted)),
        pass_on(ending, end_these, worker, to_end, None)
    );
    let whole = began.elapsed();
    let usage = Usage::now(&Parts::default()).since(before);
    Ceiling { executions, whole, usage }
}

/// Writes each batch that comes, and hands it on.
async fn pass_on(
    client: Client,
    statement: Statement,
    worker: Uuid,
    mut batches: mpsc::Receiver<Vec<Uuid>>,
    next: Option<mpsc::Sender<Vec<Uuid>>>,
) {
    while let Some(ids) = batches.recv().await {
        write(&client, &statement, &ids, worker).await;
        if let Some(next) = &next {
            let _ = next.send(ids).await;
        }
    }
}

async fn write(client: &Client, statement: &Statement, ids: &[Uuid], worker: Uuid) {
    let written = client.execute(statement, &[&ids, &worker]).await.expect("rows can be written");
    assert_eq!(written, ids.len() as u64, "rows are written once");
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the database answers");
    tokio::spawn(connection);
    // Without statistics of a table that is new, plans that join would read all of it.
    let careful = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; \
                   set plan_cache_mode = force_custom_plan";
    client.batch_execute(careful).await.expect("a setting can be set");
    client
}
