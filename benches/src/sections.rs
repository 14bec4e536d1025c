//! What is measured in which order, and how it is told. Rounds are interleaved: what the machine does beside is spread
//! over all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use scaleout_local::testing;

use crate::backlog::{self, Backlog};
use crate::ceiling;
use crate::cpu::Part;
use crate::latency::{self, Latency};
use crate::machine;
use crate::peers::{self, Peer};
use crate::quantiles::Quantiles;
use crate::report::{Rounds, grouped};
use crate::scale;
use crate::slow::{self, Slow};
use crate::stand::{Load, Stand};
use crate::throughput::{self, Throughput};
use crate::work;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub rounds: usize,
    /// Executions of one run of throughput, and messages and rows of a ceiling.
    pub executions: u64,
    /// Of one rate of latency.
    pub latency: Duration,
    /// Packages of one process.
    pub processes: u64,
    /// The part of the usual tasks that each peer runs: 1 for all of them.
    pub peers: u64,
    /// What takes long, if it is measured.
    pub millions: Option<Millions>,
}

/// How much waits, and how much has ended.
#[derive(Clone, Copy, Debug)]
pub struct Millions {
    pub pending: u64,
    pub ended: u64,
}

/// What is written.
#[derive(Debug, Default)]
pub struct Results {
    /// Markdown.
    pub text: String,
    /// Names of files and their SVG.
    pub plots: Vec<(String, String)>,
}

/// Under how many workers, with how many executions in each request.
const CASES: [Case; 4] = [SMALL, LARGE, Case(2, 1_000), Case(4, 1_000)];
/// So few that each has a task message of its own.
pub(crate) const SMALL: Case = Case(1, 50);
pub(crate) const LARGE: Case = Case(1, 1_000);
/// What a large backlog is held against.
pub(crate) const FEW_PENDING: u64 = 10_000;
/// As a task message of one execution.
pub(crate) const BODY_BYTES: usize = 48;
pub(crate) const CLIENTS: usize = 4;
/// Shares of the highest rate at which latency is measured.
pub(crate) const LOADS: [f64; 3] = [0.1, 0.5, 0.9];
const IDLE_EXECUTIONS: u32 = 400;
/// As people do who enqueue one after the other.
pub(crate) const ONE: Case = Case(1, 1);

/// Workers, and executions in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case(usize, u64);

/// All rounds of all measurements of one kind.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) broker: Vec<ceiling::broker::Ceiling>,
    pub(crate) postgres: Vec<ceiling::postgres::Ceiling>,
    pub(crate) throughput: BTreeMap<Case, Vec<Throughput>>,
    /// Of packages without tasks, with a request for each.
    pub(crate) one_by_one: Rounds,
    /// Of packages of one task.
    pub(crate) one_task: BTreeMap<Case, Rounds>,
    pub(crate) spawn: Rounds,
    pub(crate) processes: Rounds,
    pub(crate) in_one: Rounds,
    pub(crate) chained: Rounds,
    pub(crate) demo: Rounds,
    pub(crate) peers: BTreeMap<usize, Rounds>,
    /// Executions a second, and their share, by workers.
    pub(crate) scale: BTreeMap<usize, (Rounds, Rounds)>,
    /// By how many were pending.
    pub(crate) backlogs: BTreeMap<u64, Vec<Backlog>>,
    /// How many had ended when others were pending again.
    pub(crate) ended: Option<(u64, Backlog)>,
    /// How long a master took from its start until it was ready, on the catalog of the end.
    pub(crate) master_ready: Option<Duration>,
    /// Of a catalog that stood still.
    pub(crate) slow: Option<Slow>,
}

/// Measures everything; `say` is told what is done now, and `keep` what there is until now: what takes long may fail late.
pub async fn measure(size: Size, say: &mut dyn FnMut(&str), keep: &mut dyn FnMut(&Results)) -> Results {
    let mut measured = Measured::default();
    let mut described = Vec::new();
    for round in 1..=size.rounds {
        say(&format!("round {round} of {}: ceilings", size.rounds));
        measured.ceilings(size).await;
        for case in CASES {
            say(&format!("round {round} of {}: throughput, {case}", size.rounds));
            let mut stand = Stand::start(case.0, &[]).await;
            measured.throughput(&mut stand, case, size).await;
            if case == SMALL || case == LARGE {
                measured.one_task(&mut stand, case, size).await;
            }
            if case == SMALL {
                measured.one_by_one(&mut stand, size).await;
                say(&format!("round {round} of {}: work", size.rounds));
                measured.work(&mut stand, size).await;
                described = machine::described(&stand).await;
            }
        }
        measured.peers(size, |peer| say(&format!("round {round} of {}: {peer}", size.rounds))).await;
        keep(&measured.tell(&described, size, &[]));
    }
    if let Some(millions) = size.millions {
        measured.millions(size, millions, say).await;
        keep(&measured.tell(&described, size, &[]));
    }
    say("a catalog that stands still");
    measured.slow = Some(slow::run(&mut Stand::start(1, &[]).await).await);
    let highest = measured.rate(SMALL).median();
    let mut latencies = vec![Latency::default(); LOADS.len() + 1];
    for round in 1..=size.rounds {
        say(&format!("round {round} of {}: latency", size.rounds));
        let mut stand = Stand::start(1, &[]).await;
        latencies[0].add(latency::idle(&mut stand, IDLE_EXECUTIONS).await);
        for (latencies, load) in latencies[1..].iter_mut().zip(LOADS) {
            latencies.add(latency::loaded(&mut stand, highest * load, size.latency).await);
        }
    }
    measured.tell(&described, size, &latencies)
}

/// Throughput of one package alone, for whoever is making it faster: a line for each round.
pub async fn throughput_only(
    workers: usize,
    package: &'static str,
    per_request: u64,
    size: Size,
    say: &mut dyn FnMut(&str),
) {
    let load = Load { package, executions: size.executions, per_request, clients: CLIENTS };
    let mut stand = Stand::start(workers, &[]).await;
    for _ in 0..size.rounds {
        let run = throughput::run(&mut stand, load).await;
        let cost = |(name, part): (&str, Part)| {
            format!("{name} {:.0}", run.per_execution(part.cpu.as_secs_f64() * 1e6))
        };
        let costs: Vec<String> = run.usage.parts().into_iter().map(cost).collect();
        let rates = format!("{}/s, accepted {}/s", grouped(run.rate(), 0), grouped(run.enqueue_rate(), 0));
        say(&format!("{rates}, {:.2} messages, CPU in µs each: {}", run.messages, costs.join(", ")));
    }
}

/// Latency of an idle cluster alone: a line for each round.
pub async fn idle_only(rounds: usize, say: &mut dyn FnMut(&str)) {
    let mut stand = Stand::start(1, &[]).await;
    for _ in 0..rounds {
        let round = latency::idle(&mut stand, IDLE_EXECUTIONS).await;
        let told = |times: &Quantiles| {
            let at = |share| grouped(times.at(share).as_secs_f64() * 1e3, 1);
            format!("p50 {}, p99 {} ms", at(0.5), at(0.99))
        };
        say(&format!("to running {}; to terminal {}", told(&round.to_running), told(&round.to_terminal)));
    }
}

/// The peers alone: a line for each.
pub async fn peers_only(size: Size, say: &mut dyn FnMut(&str)) {
    let mut measured = Measured::default();
    measured.peers(size, |_| ()).await;
    for (index, rates) in &measured.peers {
        say(&format!("{}: {}/s", Peer::ALL[*index].name(), rates.told(0)));
    }
}

/// A catalog that stands still, alone, as it is told in the results.
pub async fn slow_only() -> String {
    let slow = Some(slow::run(&mut Stand::start(1, &[]).await).await);
    Measured { slow, ..Measured::default() }.tell_slow()
}

/// Scale and backlog alone, as they are told in the results.
pub async fn millions_only(size: Size, millions: Millions, say: &mut dyn FnMut(&str)) -> String {
    let mut measured = Measured::default();
    measured.millions(size, millions, say).await;
    [measured.tell_scale(), measured.tell_backlog()].join("\n")
}

impl Measured {
    async fn ceilings(&mut self, size: Size) {
        let (database, vhost) = tokio::join!(testing::database(), testing::vhost());
        self.broker.push(ceiling::broker::run(&vhost.amqp_url, size.executions, BODY_BYTES).await);
        self.postgres.push(ceiling::postgres::run(&database.url, size.executions).await);
    }

    async fn throughput(&mut self, stand: &mut Stand, case: Case, size: Size) {
        let load =
            Load { package: "empty", executions: size.executions, per_request: case.1, clients: CLIENTS };
        self.throughput.entry(case).or_default().push(throughput::run(stand, load).await);
    }

    /// A fifth as many: they cost several times as much.
    async fn one_task(&mut self, stand: &mut Stand, case: Case, size: Size) {
        let executions = size.executions / 5;
        let load = Load { package: "task", executions, per_request: case.1, clients: CLIENTS };
        self.one_task.entry(case).or_default().add(throughput::rate(stand, load).await);
    }

    /// Each request waits for its answer, as a peer's does.
    async fn one_by_one(&mut self, stand: &mut Stand, size: Size) {
        let executions = size.executions / 10;
        let load = Load { package: "empty", executions, per_request: ONE.1, clients: CLIENTS };
        self.one_by_one.add(throughput::rate(stand, load).await);
    }

    async fn work(&mut self, stand: &mut Stand, size: Size) {
        let slots = 2 * std::thread::available_parallelism().map_or(1, usize::from);
        let bare = ceiling::spawn::run(usize::try_from(size.processes).unwrap_or(usize::MAX), slots).await;
        self.spawn.add(size.processes as f64 / bare.as_secs_f64());
        work::processes(stand, size.processes / 10).await;
        let ours = work::processes(stand, size.processes).await;
        self.processes.add(size.processes as f64 / ours.as_secs_f64());
        self.in_one.add(work::tasks_in_one_package(stand).await.as_secs_f64());
        self.chained.add(work::chained_executions(stand).await.as_secs_f64());
        let _warehouse = work::prepare_demo(stand).await;
        self.demo.add(work::demo(stand).await.as_secs_f64());
    }

    async fn peers(&mut self, size: Size, mut say: impl FnMut(&str)) {
        let Some(folder) = peers::folder() else { return };
        for (index, peer) in Peer::ALL.into_iter().enumerate() {
            say(&peer.name());
            // A peer that fails has no figure; the others, and ours, have.
            match tokio::spawn(peers::run(peer, folder.clone(), size.peers)).await {
                Ok(rate) => self.peers.entry(index).or_default().add(rate),
                Err(error) => say(&format!("{} has no figure: {error}", peer.name())),
            }
        }
    }

    /// Scale in rounds, and the backlog once: it takes many minutes.
    async fn millions(&mut self, size: Size, millions: Millions, say: &mut dyn FnMut(&str)) {
        for round in 1..=size.rounds {
            for workers in scale::WORKERS {
                say(&format!("round {round} of {}: scale, {workers} workers", size.rounds));
                let (rate, share) = scale::run(workers).await;
                let (rates, shares) = self.scale.entry(workers).or_default();
                rates.add(rate);
                shares.add(share);
            }
        }
        self.backlog(size, millions, say).await;
    }

    async fn backlog(&mut self, size: Size, millions: Millions, say: &mut dyn FnMut(&str)) {
        let mut stand = Stand::start(1, &[]).await;
        // What is done once is not measured.
        let load = Load { package: "empty", executions: 10_000, per_request: 1_000, clients: CLIENTS };
        throughput::rate(&mut stand, load).await;
        for round in 1..=size.rounds {
            for pending in [FEW_PENDING, millions.pending] {
                say(&format!(
                    "round {round} of {}: a backlog of {}",
                    size.rounds,
                    grouped(pending as f64, 0)
                ));
                let run = backlog::run(&mut stand, pending).await;
                self.backlogs.entry(pending).or_default().push(run);
            }
        }
        say(&format!("until {} have ended", grouped(millions.ended as f64, 0)));
        loop {
            let ended = stand.ended().await;
            if ended >= millions.ended {
                self.ended = Some((ended, backlog::run(&mut stand, FEW_PENDING).await));
                let began = std::time::Instant::now();
                stand.cluster.start_master(&[]).await;
                self.master_ready = Some(began.elapsed());
                return;
            }
            let executions = (millions.ended - ended).min(500_000);
            stand.enqueue(Load { package: "empty", executions, per_request: 1_000, clients: CLIENTS }).await;
            stand.all_have_ended().await;
        }
    }

    pub(crate) fn rate(&self, case: Case) -> Rounds {
        self.throughput.get(&case).into_iter().flatten().map(Throughput::rate).collect()
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(workers, per_request) = self;
        let workers = if *workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
        write!(f, "{workers}, {} a request", grouped(*per_request as f64, 0))
    }
}
