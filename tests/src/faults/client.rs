//! The client of a run: asks masters in turn for what the seed says, repeats a request with the same id after any error,
//! cancels, and writes down what it hears, synced, before it goes on.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::Client as Http;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::clock::boot_us;
use super::evidence::{CLIENT_FILE, CancelAnswer, Heard};
use super::kind::Kind;
use super::requests::Request;

const ANSWER_MAX: Duration = Duration::from_secs(5);
const REPEAT_AFTER: Duration = Duration::from_millis(200);
const RETRY_DELAY_MS: u64 = 500;
/// Above what travels by the broker.
const FILLER_BYTES: usize = 20_000;
/// Requests under way; more wait their turn.
const REQUESTS_MAX: usize = 32;
/// Lines that wait to be written.
const LINES_MAX: usize = 1_000;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    master_urls: Arc<Vec<String>>,
    token: Arc<str>,
    journal: mpsc::Sender<(Heard, oneshot::Sender<()>)>,
    turns: Arc<Semaphore>,
    accepted: Arc<AtomicU64>,
}

impl Client {
    /// # Errors
    /// When its file cannot be made.
    pub fn new(folder: &Path, master_urls: &[String], token: &str) -> anyhow::Result<Self> {
        let file = File::create(folder.join(CLIENT_FILE))?;
        let (journal, lines) = mpsc::channel(LINES_MAX);
        std::thread::spawn(move || keep_journal(file, lines));
        Ok(Self {
            http: scaleout_local::plain_http().timeout(ANSWER_MAX).build()?,
            master_urls: Arc::new(master_urls.to_vec()),
            token: token.into(),
            journal,
            turns: Arc::new(Semaphore::new(REQUESTS_MAX)),
            accepted: Arc::default(),
        })
    }

    /// Executions accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Makes all requests at their times, and ends when each is accepted and each cancel answered, or `deadline` has come.
    ///
    /// # Errors
    /// When a master refuses what is right, or the journal cannot be kept.
    pub async fn run(&self, requests: Vec<Request>, began: Instant, deadline: Instant) -> anyhow::Result<()> {
        let mut running = JoinSet::new();
        for request in requests {
            tokio::time::sleep_until(began + request.at).await;
            let client = self.clone();
            running.spawn(async move { tokio::time::timeout_at(deadline, client.make(request)).await });
            while let Some(ended) = running.try_join_next() {
                heed(ended?)?;
            }
        }
        while let Some(ended) = running.join_next().await {
            heed(ended?)?;
        }
        Ok(())
    }

    /// Asks for empty executions until a master has accepted them; notes nothing. `number` is part of the request's id.
    ///
    /// # Errors
    /// When a master refuses what is right.
    pub async fn enqueue_empty(&self, number: u64, executions: u64) -> anyhow::Result<()> {
        let body = json!({
            "request_id": format!("50a20000-0000-4000-8000-{number:012x}"),
            "executions": [{ "package": format!("t/faults/{}", Kind::Empty), "count": executions }],
        });
        let master = (number % self.master_urls.len() as u64) as usize;
        self.insist(master, "POST", "/batches", Some(&body)).await.map(drop)
    }

    async fn make(&self, request: Request) -> anyhow::Result<()> {
        let Request { id, kind, executions, .. } = &request;
        let (id, kind, executions) = (id.clone(), *kind, *executions);
        let ids = {
            let _turn = self.turns.acquire().await?;
            self.note(Heard::Asked { at_us: boot_us(), request: id.clone(), kind, executions }).await?;
            let answer = self.insist(request.master, "POST", "/batches", Some(&body(&request))).await?;
            let (count, repeated) = (answer["executions"].as_u64(), answer["repeated"].as_bool());
            let executions = count.context("an answer says how many executions it accepted")?;
            let repeated = repeated.context("an answer says whether it is repeated")?;
            self.note(Heard::Accepted { at_us: boot_us(), request: id.clone(), executions, repeated })
                .await?;
            self.accepted.fetch_add(executions, Ordering::Relaxed);
            let path = format!("/executions?batch={id}&limit=100");
            let listed = self.insist(request.master, "GET", &path, None).await?;
            let listed = listed.as_array().context("a list of executions")?.clone();
            listed.iter().filter_map(|one| Some(one["id"].as_str()?.to_owned())).collect::<Vec<_>>()
        };
        for execution in &ids {
            let (request, execution) = (id.clone(), execution.clone());
            self.note(Heard::Id { at_us: boot_us(), request, execution }).await?;
        }
        if kind == Kind::Canceled {
            tokio::time::sleep(request.cancel_after).await;
            for execution in ids {
                self.cancel(request.master, execution).await?;
            }
        }
        Ok(())
    }

    async fn cancel(&self, master: usize, execution: String) -> anyhow::Result<()> {
        let _turn = self.turns.acquire().await?;
        self.note(Heard::Canceling { at_us: boot_us(), execution: execution.clone() }).await?;
        let body = json!({ "executions": [execution] });
        let answer = self.insist(master, "POST", "/executions/cancel", Some(&body)).await?;
        let is_one = |field: &str| answer[field].as_u64() == Some(1);
        let answer = match () {
            () if is_one("canceled") => CancelAnswer::Canceled,
            () if is_one("stopping") => CancelAnswer::Stopping,
            () if is_one("unchanged") => CancelAnswer::Unchanged,
            () => CancelAnswer::NotFound,
        };
        self.note(Heard::CancelAnswered { at_us: boot_us(), execution, answer }).await
    }

    /// Asks one master after the other until one answers.
    async fn insist(
        &self,
        first: usize,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        for number in first.. {
            let url = format!("{}/api/v1{path}", self.master_urls[number % self.master_urls.len()]);
            let mut ask = self.http.request(method.parse()?, &url).bearer_auth(&self.token);
            if let Some(body) = body {
                ask = ask.json(body);
            }
            if let Ok(answer) = ask.send().await {
                let status = answer.status();
                let text = answer.text().await;
                match text {
                    Ok(text) if status.is_success() => return Ok(serde_json::from_str(&text)?),
                    Ok(text)
                        if status.is_client_error() && status.as_u16() != 429 && status.as_u16() != 408 =>
                    {
                        bail!("{method} {path} was refused: {status} {text}")
                    }
                    // A master that cannot, or an answer that broke off.
                    _ => {}
                }
            }
            tokio::time::sleep(REPEAT_AFTER).await;
        }
        unreachable!("numbers do not end")
    }

    /// Comes back when the line is on disk.
    async fn note(&self, heard: Heard) -> anyhow::Result<()> {
        let (done, written) = oneshot::channel();
        self.journal.send((heard, done)).await.ok().context("the client's journal cannot be kept")?;
        written.await.context("the client's journal cannot be kept")
    }
}

/// Past the deadline is no error of the client: the checker finds what was not accepted or has not ended.
fn heed(ended: Result<anyhow::Result<()>, tokio::time::error::Elapsed>) -> anyhow::Result<()> {
    ended.unwrap_or(Ok(()))
}

fn body(request: &Request) -> Value {
    let mut item = json!({ "package": format!("t/faults/{}", request.kind), "count": request.executions });
    if request.kind == Kind::Fetching {
        item["parameters"] = json!({ "filler": "x".repeat(FILLER_BYTES) });
    }
    json!({
        "request_id": request.id,
        "executions": [item],
        "priority": request.priority,
        "retries": request.kind.retries(),
        "retry_delay_ms": RETRY_DELAY_MS,
    })
}

/// Writes what has come together and syncs once for all of it.
fn keep_journal(mut file: File, mut lines: mpsc::Receiver<(Heard, oneshot::Sender<()>)>) {
    let mut told = Vec::new();
    let mut bytes = Vec::new();
    while lines.blocking_recv_many(&mut told, LINES_MAX) > 0 {
        bytes.clear();
        for (heard, _) in &told {
            serde_json::to_writer(&mut bytes, heard).expect("what was heard has only texts and numbers");
            bytes.push(b'\n');
        }
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
            // Whoever waits hears that it was not written.
            return;
        }
        for (_, done) in told.drain(..) {
            // A request past its deadline no longer waits.
            let _ = done.send(());
        }
    }
}
