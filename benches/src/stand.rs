//! What is measured: a cluster of real processes with a project of small packages, and a client that enqueues over HTTP.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use scaleout_tests::harness::{Cluster, Project};
use serde_json::json;
use uuid::Uuid;

use crate::cpu::Parts;
use crate::work::TASKS;

/// How often what is measured is looked at, where the end of something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A request that is told to come later does at most this often.
const LATER: Duration = Duration::from_millis(50);

/// The packages: one that does nothing, and those of [`work`](crate::work).
fn packages() -> [(&'static str, String); 6] {
    let task = |number: usize, command: &str| {
        let after = if number > 1 { format!("after = [\"t{}\"]\n", number - 1) } else { String::new() };
        format!("[tasks.t{number}]\nkind = \"process\"\ncommand = [{command}]\n{after}")
    };
    let sleep = "\"sleep\", \"0.01\"";
    [
        ("empty", "description = \"Nothing\"\n".to_owned()),
        // Fails, waits, fails, and counts as succeeded: the wait needs no program.
        (
            "waits",
            "[variables.n]\ntype = \"int64\"\nvalue = 0\n[tasks.wait]\nkind = \"expression\"\nassign = \"@n = 1 / @n\"\n\
             retries = 1\nretry-delay = \"100ms\"\nforce-result = \"success\"\n"
                .to_owned(),
        ),
        // A task that needs no program, as those of peers.
        (
            "task",
            "[variables.n]\ntype = \"int64\"\n[tasks.set]\nkind = \"expression\"\nassign = \"@n = 1\"\n".to_owned(),
        ),
        ("process", task(1, "\"true\"")),
        ("short", task(1, sleep)),
        ("forty", (1..=TASKS).map(|number| task(number, sleep)).collect()),
    ]
}

/// A running cluster, ready to be measured.
pub(crate) struct Stand {
    pub(crate) cluster: Cluster,
    http: reqwest::Client,
    token: String,
    /// Executions enqueued so far.
    enqueued: u64,
}

/// What the client asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) package: &'static str,
    pub(crate) executions: u64,
    /// Executions in one request.
    pub(crate) per_request: u64,
    /// Requests at the same time.
    pub(crate) clients: usize,
}

/// One request for executions of a package.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) id: Uuid,
    pub(crate) package: &'static str,
    pub(crate) count: u64,
}

/// A request on its way.
type Posting = std::pin::Pin<Box<dyn Future<Output = (StatusCode, Option<u64>)> + Send>>;

impl Stand {
    /// One master, and workers with these settings.
    ///
    /// # Panics
    /// When anything cannot be started.
    pub(crate) async fn start(workers: usize, settings: &[(&str, &str)]) -> Self {
        let mut cluster = Cluster::new(settings).await;
        cluster.start_master(&[]).await;
        for number in 1..=workers {
            cluster.start_worker(&format!("worker-{number}"), &[]);
        }
        cluster.workers_are_online().await;
        let add = |project: Project, (name, text): (&str, String)| project.package(name, &text);
        cluster.deploy(&packages().into_iter().fold(Project::new(cluster.folder(), "bench"), add)).await;
        let token = cluster.token("bench", "operator").await;
        let http = scaleout_local::plain_http().build().expect("an HTTP client can be made");
        Self { cluster, http, token, enqueued: 0 }
    }

    /// The processes of each part.
    pub(crate) fn parts(&self) -> Parts {
        let pid = |pid: rustix::process::Pid| pid.as_raw_nonzero().get();
        Parts {
            masters: self.cluster.masters.iter().map(|master| pid(master.service.pid())).collect(),
            workers: self.cluster.workers.iter().map(|worker| pid(worker.service.pid())).collect(),
        }
    }

    /// Enqueues all of `load`; returns when the last request is answered, and how long that took.
    ///
    /// # Panics
    /// When a request is refused for good.
    pub(crate) async fn enqueue(&mut self, load: Load) -> Duration {
        let began = Instant::now();
        let requests = load.executions.div_ceil(load.per_request);
        let next = AtomicU64::new(0);
        let client = async || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return;
                }
                let count = (load.executions - number * load.per_request).min(load.per_request);
                self.request(Request { id: Uuid::now_v7(), package: load.package, count }).await;
            }
        };
        futures_util::future::join_all((0..load.clients).map(|_| client())).await;
        self.asked_for(load.executions);
        began.elapsed()
    }

    /// How many executions were enqueued so far.
    pub(crate) fn executions(&self) -> u64 {
        self.enqueued
    }

    /// Counts executions that were asked for one by one.
    pub(crate) fn asked_for(&mut self, executions: u64) {
        self.enqueued += executions;
    }

    /// One request, which goes on by itself; one that is told to come later does.
    pub(crate) fn request(&self, request: Request) -> impl Future<Output = ()> + Send + 'static {
        let post = self.posting(request);
        async move {
            loop {
                let (status, _) = post().await;
                match status {
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        tokio::time::sleep(LATER).await;
                    }
                    status => return assert!(status.is_success(), "POST: {status}"),
                }
            }
        }
    }

    /// One request, once: the status, and in how many seconds to come again.
    pub(crate) fn post(&self, request: Request) -> impl Future<Output = (StatusCode, Option<u64>)> {
        self.posting(request)()
    }

    fn posting(&self, request: Request) -> impl Fn() -> Posting + Send + Sync + 'static {
        let item = json!({ "package": format!("t/bench/{}", request.package), "count": request.count });
        let body = json!({ "request_id": request.id, "executions": [item] });
        let url = format!("{}/api/v1/batches", self.cluster.masters[0].url);
        let (http, token) = (self.http.clone(), self.token.clone());
        move || {
            let sent = http.post(&url).bearer_auth(&token).json(&body).send();
            let url = url.clone();
            Box::pin(async move {
                let answer = sent.await.unwrap_or_else(|error| panic!("POST {url}: {error}"));
                let status = answer.status();
                let after = answer.headers().get(reqwest::header::RETRY_AFTER);
                let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
                // Read, so that the connection can be used again.
                let text = answer.text().await.unwrap_or_default();
                assert!(
                    !status.is_client_error() || status == StatusCode::TOO_MANY_REQUESTS,
                    "POST {url}: {status} {text}"
                );
                (status, after)
            })
        }
    }

    /// What the API answers to a question, as JSON.
    ///
    /// # Panics
    /// When it does not answer.
    pub(crate) async fn get(&self, path: &str) -> serde_json::Value {
        let url = format!("{}/api/v1{path}", self.cluster.masters[0].url);
        let answer = self.http.get(&url).bearer_auth(&self.token).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("GET {url}: {error}"));
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "GET {url}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("GET {url}: {error}"))
    }

    /// How many executions have ended well.
    ///
    /// # Panics
    /// When the catalog does not answer.
    pub(crate) async fn ended(&self) -> u64 {
        let ended = "select coalesce(sum(n) filter (where status = 7), 0)::int8 from internal.counts";
        self.ask::<i64>(ended).await.unsigned_abs()
    }

    /// Waits until all that was enqueued has ended, well.
    ///
    /// # Panics
    /// When something ends otherwise.
    pub(crate) async fn all_have_ended(&self) {
        self.until_ended(self.enqueued).await;
    }

    /// Waits until so many have ended, well.
    ///
    /// # Panics
    /// When something ends otherwise.
    pub(crate) async fn until_ended(&self, executions: u64) {
        let enqueued = i64::try_from(executions).expect("so many can be counted");
        // A few rows for each status, kept by the transactions that change it: to look costs next to nothing.
        let ended = "select coalesce(sum(n) filter (where status = 7), 0)::int8,
                            coalesce(sum(n) filter (where status in (3, 4, 6)), 0)::int8
                     from internal.counts";
        let ended = self.cluster.catalog.prepare(ended).await.expect("the catalog answers");
        loop {
            let row = self.cluster.catalog.query_one(&ended, &[]).await.expect("the catalog answers");
            assert_eq!(row.get::<_, i64>(1), 0, "executions ended badly");
            if row.get::<_, i64>(0) >= enqueued {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The only value of a query's only row.
    ///
    /// # Panics
    /// When the catalog does not answer, or with something else.
    pub(crate) async fn ask<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, query: &str) -> T {
        self.cluster.catalog.query_one(query, &[]).await.expect("the catalog answers").get(0)
    }
}
