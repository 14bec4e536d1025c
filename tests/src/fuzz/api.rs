//! The HTTP API of a real master on a catalog of its own: whatever is asked, it answers an error in the one shape or
//! does what was asked; it never fails, and what it refuses leaves nothing behind.

use scaleout_common::api::{ErrorBody, ErrorCode};
use tokio_postgres::Client;

use super::corpus::Corpus;
use super::effort::{Budget, Effort, Figures, Finding};
use super::request::{Ids, Request};
use super::seeds::{self, MANIFEST, PACKAGE};
use super::structure::mutate;
use crate::harness::{Cluster, Project, Random, Raw, RawAnswer, cluster};

/// Requests that one catalog takes: what was accepted would make the next ones slow.
const REQUESTS_PER_CATALOG: u64 = 20_000;

/// Executions one request may ask for.
const BATCH_MAX: &str = "50";

/// What a refused request may not have changed.
const COUNTS: &str =
    "select (select count(*) from internal.batches), (select count(*) from internal.executions),
    (select count(*) from internal.projects), (select count(*) from internal.project_versions),
    (select count(*) from internal.packages), (select count(*) from internal.project_values),
    (select count(*) from internal.folders), (select count(*) from internal.due),
    (select count(*) from internal.executions where status in (1, 2, 5))";

/// Fuzzes for as long as `budget` says. Wants private servers, and the `scaleout` that was built.
///
/// # Errors
/// What was found.
pub async fn fuzz_api(budget: &Budget) -> Result<Figures, Box<Finding>> {
    let mut corpus = Corpus::new(seeds::requests());
    let mut victim = Victim::new().await;
    let mut effort = Effort::begin("api", budget);
    let mut tally = Tally::default();
    while effort.goes_on() {
        let mut random = Random::of(budget.seed, &format!("api {}", effort.iteration));
        let request = match seeds::requests().get(effort.iteration as usize - 1) {
            Some(seed) if effort.iteration < REQUESTS_PER_CATALOG => seed.clone(),
            _ => {
                let mut request = corpus.pick(&mut random).clone();
                let other = corpus.pick(&mut random).clone();
                mutate(&mut random, &mut request, &other);
                request
            }
        };
        let answer = victim.try_one(&request, effort.iteration).await;
        let answer = answer.map_err(|what| Box::new(effort.finding(&request.to_bytes(), what)))?;
        tally.count(&answer);
        corpus.learn(&request, &format!("{} {} {}", request.route(), answer.status, message(&answer)));
        if effort.iteration.is_multiple_of(REQUESTS_PER_CATALOG) {
            victim = Victim::new().await;
        }
    }
    victim.is_well().map_err(|what| Box::new(effort.finding(b"", what)))?;
    Ok(effort
        .figures(corpus.shapes(), format!("{tally}; the last master held at most {} MiB", victim.peak_mib())))
}

/// One input again, on a catalog of its own.
///
/// # Errors
/// What is wrong with it.
pub async fn repeat_api(input: &[u8]) -> Result<String, String> {
    let request = Request::from_bytes(input).ok_or("the file holds no request")?;
    let mut victim = Victim::new().await;
    let answer = victim.try_one(&request, 1).await?;
    victim.is_well()?;
    Ok(format!("{} {}", answer.status, answer.text()))
}

/// How requests were answered.
#[derive(Debug, Default)]
struct Tally {
    done: u64,
    refused: u64,
    later: u64,
}

impl Tally {
    fn count(&mut self, answer: &RawAnswer) {
        match answer.status {
            200..300 => self.done += 1,
            503 => self.later += 1,
            _ => self.refused += 1,
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { done, refused, later } = self;
        write!(f, "{done} done, {refused} refused, {later} told to come later")
    }
}

/// A master, what it knows, and how much that is.
struct Victim {
    cluster: Cluster,
    client: Raw,
    token: String,
    ids: Ids,
    counts: Vec<i64>,
}

impl Victim {
    async fn new() -> Self {
        let settings = [
            ("master.batch_executions_max", BATCH_MAX),
            ("log.filter", "warn,scaleout_master=info,scaleout_worker=info"),
        ];
        let mut cluster = cluster(1, 1, &settings).await;
        let project = Project::new(cluster.folder(), "all").package("p", PACKAGE);
        cluster.deploy(&project.package("fine", "").file("project.toml", MANIFEST)).await;
        let execution = cluster.enqueue_one(&["t/all/fine"]).await;
        cluster.reaches(&execution, &["succeeded"], crate::harness::MOMENT).await;
        // From here on what is accepted stays pending.
        cluster.workers[0].service.kill9();
        let token = cluster.token("fuzz", "admin").await;
        let client = Raw::new(&cluster.masters[0].url);
        let ids = ids(&cluster.catalog, execution).await;
        let counts = counts(&cluster.catalog).await;
        Self { cluster, client, token, ids, counts }
    }

    /// Sends a request and holds its answer to all that is promised.
    async fn try_one(&mut self, request: &Request, number: u64) -> Result<RawAnswer, String> {
        let mut ids = self.ids.clone();
        ids.known.push(("{new}", format!("00000000-0000-4000-8000-{number:012x}")));
        let (target, body) = request.filled(&ids).map_err(|error| error.to_string())?;
        let (method, token) = (&request.method, &self.token);
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}",
            body.len()
        );
        let sent = self.client.send(&head, &body).await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => return Err(format!("{error}; {}", self.state())),
        };
        promised(&answer, &target).map_err(|what| format!("{what}\n{}", self.state()))?;
        if request.changes() {
            let counts = counts(&self.cluster.catalog).await;
            if answer.status >= 400 && counts != self.counts {
                return Err(format!(
                    "refused with {}, but the catalog went from {:?} to {counts:?}",
                    answer.status, self.counts
                ));
            }
            self.counts = counts;
        }
        Ok(answer)
    }

    /// What became of the master.
    fn state(&mut self) -> String {
        let master = &mut self.cluster.masters[0].service;
        let runs = if master.is_running() { "the master runs" } else { "the master has ended" };
        format!("{runs}; the end of its log:\n{}", master.tail())
    }

    fn is_well(&mut self) -> Result<(), String> {
        let master = &mut self.cluster.masters[0].service;
        if !master.is_running() || master.log().contains("panicked") {
            return Err(self.state());
        }
        Ok(())
    }

    /// The most memory the master ever held, in MiB.
    fn peak_mib(&self) -> u64 {
        let pid = self.cluster.masters[0].service.pid().as_raw_nonzero();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() >> 10
    }
}

fn is_no_json(target: &str) -> bool {
    ["/api/v1/bundles/", "/healthz", "/metrics"].iter().any(|start| target.starts_with(start))
}

/// Whether an answer is as every answer must be.
fn promised(answer: &RawAnswer, target: &str) -> Result<(), String> {
    let text = answer.text();
    match answer.status {
        200..300 if is_no_json(target) => Ok(()),
        200..300 => match serde_json::from_slice::<serde_json::Value>(&answer.body) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{} with no JSON: {error}: {text}", answer.status)),
        },
        400..600 => refusal(answer).map_err(|what| format!("{what}: {} {text}", answer.status)),
        other => Err(format!("answered {other}: {text}")),
    }
}

fn refusal(answer: &RawAnswer) -> Result<(), String> {
    let error: ErrorBody =
        serde_json::from_slice(&answer.body).map_err(|error| format!("not the shape of errors: {error}"))?;
    if error.message.is_empty() {
        return Err("an error says nothing".to_owned());
    }
    let may_come_later = matches!(error.code, ErrorCode::Busy | ErrorCode::Unavailable);
    match answer.status {
        503 if may_come_later && !answer.header("retry-after").is_empty() => Ok(()),
        500.. => Err("the master failed".to_owned()),
        _ if may_come_later || error.code == ErrorCode::Internal => Err("code and status differ".to_owned()),
        _ => Ok(()),
    }
}

fn message(answer: &RawAnswer) -> String {
    serde_json::from_slice::<ErrorBody>(&answer.body).map(|error| error.message).unwrap_or_default()
}

async fn counts(catalog: &Client) -> Vec<i64> {
    let row = catalog.query_one(COUNTS, &[]).await.expect("the catalog can be asked");
    (0..row.len()).map(|column| row.get(column)).collect()
}

async fn ids(catalog: &Client, execution: String) -> Ids {
    let text = async |query: &str| -> String {
        catalog.query_one(query, &[]).await.expect("the catalog can be asked").get(0)
    };
    Ids {
        known: vec![
            ("{execution}", execution),
            ("{batch}", text("select id::text from internal.batches limit 1").await),
            ("{hash}", text("select encode(hash, 'hex') from internal.bundles limit 1").await),
            ("{worker}", text("select id::text from internal.workers limit 1").await),
        ],
    }
}
