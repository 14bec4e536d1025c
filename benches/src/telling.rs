//! What was measured, as Markdown and plots.

use crate::backlog::{self, Backlog};
use crate::ceiling;
use crate::cpu::{IS_KNOWN, Part, Usage};
use crate::latency::Latency;
use crate::peers::{self, Peer};
use crate::plot;
use crate::quantiles::{Quantiles, SHARES};
use crate::report::{Rounds, grouped, table};
use crate::sections::{BODY_BYTES, CLIENTS, Case, LARGE, LOADS, Measured, Results, SMALL, Size};
use crate::throughput::Throughput;
use crate::work::TASKS;

impl Measured {
    pub(crate) fn tell(&self, described: &[String], size: Size, latencies: &[Latency]) -> Results {
        let plot = ("latency.svg".to_owned(), curves(latencies));
        let described: String = described.iter().map(|line| format!("- {line}\n")).collect();
        let text = [
            format!("## Machine\n\n{described}"),
            format!(
                "With brackets: the median of {} interleaved rounds, and the least and the most. A share or a factor is that of \
                 its own round. What has none was measured once, or is of all rounds together.\n",
                size.rounds
            ),
            self.tell_budgets(latencies),
            self.tell_throughput(size),
            self.tell_costs(),
            tell_latency(latencies),
            self.tell_work(size),
            self.tell_peers(),
            self.tell_scale(),
            self.tell_backlog(),
            self.tell_slow(),
        ]
        .join("\n");
        Results { text, plots: vec![plot] }
    }

    fn tell_throughput(&self, size: Size) -> String {
        let broker: Rounds = self.broker.iter().map(ceiling::broker::Ceiling::rate).collect();
        let postgres: Rounds = self.postgres.iter().map(ceiling::postgres::Ceiling::rate).collect();
        let each = |usage: Usage, of: u64| usage.cpu().as_secs_f64() * 1e6 / of as f64;
        let broker_cpu: Rounds = self.broker.iter().map(|run| each(run.usage, run.messages)).collect();
        let postgres_cpu: Rounds = self.postgres.iter().map(|run| each(run.usage, run.executions)).collect();
        let mut rows = vec![
            vec![
                "lapin and RabbitMQ alone".to_owned(),
                broker.told(0),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                if_known(broker_cpu.told(0)),
            ],
            vec![
                "PostgreSQL alone".to_owned(),
                postgres.told(0),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                if_known(postgres_cpu.told(0)),
            ],
        ];
        for (case, runs) in &self.throughput {
            let enqueued: Rounds = runs.iter().map(Throughput::enqueue_rate).collect();
            let rate = self.rate(*case);
            // Of the same round: what the machine did beside was the same.
            let of_broker = |figure: &dyn Fn(&Throughput) -> f64| -> Rounds {
                let alone = self.broker.iter().map(ceiling::broker::Ceiling::rate);
                runs.iter().zip(alone).map(|(run, alone)| 100.0 * figure(run) / alone).collect()
            };
            let alone = self.postgres.iter().map(ceiling::postgres::Ceiling::rate);
            let of_postgres: Rounds =
                runs.iter().zip(alone).map(|(run, alone)| 100.0 * run.rate() / alone).collect();
            let cpu: Rounds = runs.iter().map(|run| each(run.usage, run.executions)).collect();
            rows.push(vec![
                format!("Scaleout, {case}"),
                rate.told(0),
                enqueued.told(0),
                of_broker(&Throughput::rate).told(0),
                of_broker(&|run| run.rate() * run.messages).told(0),
                of_postgres.told(0),
                if_known(cpu.told(0)),
            ]);
        }
        let head = [
            "",
            "executions/s",
            "accepted/s meanwhile",
            "% of lapin alone",
            "messages, % of lapin alone",
            "% of PostgreSQL alone",
            "CPU of all, µs each",
        ];
        format!(
            "## Throughput\n\n{} empty packages, from the first HTTP request ({CLIENTS} clients) to the last terminal status in the catalog. Quorum queues, publisher confirms, fsync on. \
             Alone means: messages of {BODY_BYTES} bytes published, confirmed, delivered and acknowledged at the same \
             time on a quorum queue; plain rows inserted, granted and ended in batches on three connections, without our \
             partitions, counters and dispatches. Of large requests one task message names eight executions: what the broker does \
             is told by the share of messages.\n\n{}",
            grouped(size.executions as f64, 0),
            table(&head, &rows)
        )
    }

    fn tell_costs(&self) -> String {
        let cost = |runs: &[Throughput], part: usize| -> Rounds {
            let cpu = |run: &Throughput| run.per_execution(run.usage.parts()[part].1.cpu.as_secs_f64() * 1e6);
            runs.iter().map(cpu).collect()
        };
        let resident = |runs: &[Throughput], part: usize| -> Rounds {
            runs.iter().map(|run| run.usage.parts()[part].1.resident as f64 / 1e6).collect()
        };
        let names = Usage::default().parts().map(|(name, _)| name);
        let mut rows = Vec::new();
        for (part, name) in names.iter().enumerate() {
            let mut row = vec![format!("CPU, {name}, µs")];
            row.extend(self.throughput.values().map(|runs| if_known(cost(runs, part).told(0))));
            rows.push(row);
        }
        let mut add = |name: &str, digits: usize, figure: &dyn Fn(&Throughput) -> f64| {
            let mut row = vec![name.to_owned()];
            let told = |runs: &Vec<Throughput>| runs.iter().map(figure).collect::<Rounds>().told(digits);
            row.extend(self.throughput.values().map(told));
            rows.push(row);
        };
        add("messages published", 2, &|run| run.messages);
        add("write-ahead log, bytes", 0, &|run| run.wal);
        add("catalog, bytes", 0, &|run| run.stored);
        add("updates in place (HOT), %", 1, &|run| 100.0 * run.hot);
        for (part, name) in names.iter().enumerate() {
            let mut row = vec![format!("resident at the end, {name}, MB")];
            row.extend(self.throughput.values().map(|runs| if_known(resident(runs, part).told(0))));
            rows.push(row);
        }
        let heads: Vec<String> = self.throughput.keys().map(Case::to_string).collect();
        let head: Vec<&str> = std::iter::once("").chain(heads.iter().map(String::as_str)).collect();
        format!(
            "## Cost of one execution\n\nOf all processes of a kind together; resident memory counts what PostgreSQL's \
             processes share for each of them.\n\n{}",
            table(&head, &rows)
        )
    }

    pub(crate) fn tell_scale(&self) -> String {
        let row = |(workers, (rates, shares)): (&usize, &(Rounds, Rounds))| {
            vec![format!("{workers}"), rates.told(0), shares.told(0)]
        };
        let rows: Vec<Vec<String>> = self.scale.iter().map(row).collect();
        let measured = match rows.as_slice() {
            [] => "With more workers on this machine: measured by `make bench-full`.\n".to_owned(),
            rows => format!(
                "Executions that wait for 100 ms without a program (between two tries of a task that fails), on workers of 4 slots \
                 each, all on this machine.\n\n{}",
                table(&["workers", "executions/s", "% of what the slots could do"], rows)
            ),
        };
        // It is made of the costs of throughput.
        let paper = if self.throughput.is_empty() { String::new() } else { self.tell_paper() };
        format!("## Scale\n\n{measured}\n{paper}")
    }

    /// What so many workers of four slots would need, from the costs measured here.
    fn tell_paper(&self) -> String {
        let costs = |case: Case| -> [Rounds; 5] {
            let runs = self.throughput.get(&case).map(Vec::as_slice).unwrap_or_default();
            let of = |part: usize| {
                runs.iter()
                    .map(|run| run.per_execution(run.usage.parts()[part].1.cpu.as_secs_f64()))
                    .collect()
            };
            [0, 1, 2, 3, 4].map(of)
        };
        let (small, large) = (costs(SMALL), costs(LARGE));
        let row = |workers: u32| {
            let rate = f64::from(workers) * 40.0;
            let cores = |part: usize| {
                let [few, many] = [&large[part], &small[part]].map(|cost| grouped(rate * cost.median(), 1));
                if_known(format!("{few} – {many}"))
            };
            vec![format!("{workers}"), grouped(rate, 0), cores(0), cores(1), cores(2)]
        };
        let rows: Vec<Vec<String>> = [16, 100, 1_000].into_iter().map(row).collect();
        let alone = self.broker.iter().map(ceiling::broker::Ceiling::rate).collect::<Rounds>().median();
        format!(
            "On paper, from the costs above: processors that each part needs, at least, for workers of 4 slots with \
             executions of 100 ms, enqueued 1,000 or 50 at a time.\n\n{}\n\
             At least: these are the costs of a worker that has much to do, whose messages carry a hundred executions. Of many \
             workers with few slots each sends a claim and an outcome for one or two executions, which cost the broker and \
             PostgreSQL several times as much. First to be full is then the \
             queue of outcomes: a quorum queue is one Erlang process, and lapin alone came to {} messages a second here, which \
             is what {} such workers send with a message for each execution. Next is PostgreSQL, with a transaction for each \
             batch of what has arrived. What an operator adds, in this order: more slots on fewer workers (their messages \
             carry more), processors and a faster disk for PostgreSQL, a second master (each takes a part of claims and \
             outcomes, and one may be lost). Broker nodes make it safer, not faster: each message is written by all. Beyond \
             that several queues of outcomes would have to be built, or clusters be parted by pools.\n",
            table(&["workers", "executions/s", "broker", "PostgreSQL", "masters"], &rows),
            grouped(alone, 0),
            grouped(alone / 40.0, 0)
        )
    }

    pub(crate) fn tell_backlog(&self) -> String {
        if self.backlogs.is_empty() {
            return "## Backlog\n\nMeasured by `make bench-full`.\n".to_owned();
        }
        let mut costs = Vec::new();
        let mut asked = Vec::new();
        let mut row = |name: String, runs: &[Backlog]| {
            let told = |digits, figure: &dyn Fn(&Backlog) -> f64| {
                runs.iter().map(figure).collect::<Rounds>().told(digits)
            };
            let megabytes =
                |part: fn(&Usage) -> Part| if_known(told(0, &|run| part(&run.usage).resident as f64 / 1e6));
            costs.push(vec![
                name.clone(),
                told(0, &|run| run.accepted),
                told(1, &|run| run.dispatched.as_secs_f64()),
                told(0, &|run| run.run_off),
                megabytes(|usage| usage.broker),
                megabytes(|usage| usage.masters),
                megabytes(|usage| usage.workers),
            ]);
            let p95 = |of: fn(&backlog::Answers) -> &Quantiles| {
                told(1, &|run| of(&run.answers).at(0.95).as_secs_f64() * 1e3)
            };
            asked.push(vec![
                name,
                p95(|answers| &answers.status),
                p95(|answers| &answers.list),
                p95(|answers| &answers.list_of_status),
                p95(|answers| &answers.explain),
            ]);
        };
        for (pending, runs) in &self.backlogs {
            row(format!("{} pending", grouped(*pending as f64, 0)), runs);
        }
        if let Some((ended, run)) = &self.ended {
            let [pending, ended] = [run.pending as f64, *ended as f64].map(|many| grouped(many, 0));
            row(format!("{pending} pending, {ended} ended"), std::slice::from_ref(run));
        }
        let head = [
            "",
            "accepted/s",
            "in the broker after, s",
            "run off/s",
            "broker, MB",
            "master, MB",
            "worker, MB",
        ];
        format!(
            "## Backlog\n\nEmpty packages that wait for the only worker, which is disabled until all lie in the broker; then \
             the rate at which the first 100,000 of them run (the first tenth left out).\n\n{}\nAnswers of the \
             API, p95 of 100 each, in milliseconds.\n\n{}{}",
            table(&head, &costs),
            table(&["", "status", "execution list", "execution list of one status", "explain"], &asked),
            self.master_ready
                .map(|took| {
                    let ms = grouped(took.as_secs_f64() * 1e3, 0);
                    format!("\nA second master on that catalog was ready {ms} ms after its start.\n")
                })
                .unwrap_or_default()
        )
    }

    pub(crate) fn tell_slow(&self) -> String {
        let Some(slow) = &self.slow else { return String::new() };
        let megabytes = |bytes: u64| if_known(grouped(bytes as f64 / 1e6, 0));
        format!(
            "## A catalog that stands still\n\nNothing can be written for 10 seconds while 500 clients enqueue. {} requests, all \
             accepted in the end, and all that they asked for has run; {} answers told to come later (429, 503), of which {} said \
             when (Retry-After); the longest wait for any answer was {} s. The master held {} MB before, and {} MB at most.\n",
            grouped(slow.requests as f64, 0),
            grouped(slow.later as f64, 0),
            grouped(slow.said_when as f64, 0),
            grouped(slow.longest.as_secs_f64(), 1),
            megabytes(slow.before),
            megabytes(slow.most)
        )
    }

    fn tell_peers(&self) -> String {
        if self.peers.is_empty() {
            let variable = peers::FOLDER_VARIABLE;
            return format!("## Beside the peers\n\nNot measured: {variable} names no folder with them.\n");
        }
        let one_task = |case| self.one_task.get(&case).cloned().unwrap_or_default();
        let ours = [&self.one_by_one, &one_task(SMALL), &one_task(LARGE), &self.rate(LARGE)];
        let row = |(index, peer): (usize, &Peer)| {
            let (stores, promises) = peer.keeps();
            let (name, stores) = (peer.name(), stores.to_owned());
            let Some(rates) = self.peers.get(&index) else {
                let nothing = vec![String::new(); ours.len()];
                return [vec![name, "no figure".to_owned()], nothing, vec![stores, promises.to_owned()]]
                    .concat();
            };
            let times = ours.map(|ours| {
                let each: Rounds =
                    ours.each().zip(rates.each()).map(|(ours, theirs)| ours / theirs).collect();
                grouped(each.median(), 1)
            });
            [vec![name, rates.told(0)], times.to_vec(), vec![stores, promises.to_owned()]].concat()
        };
        let mut rows: Vec<Vec<String>> = Peer::ALL.iter().enumerate().map(row).collect();
        let stores = "every execution: status, times, attempts, worker";
        let log = "the same, the task's times and its log";
        let promises =
            "the catalog, a quorum queue, confirms: runs once, and says so if a loss makes it twice";
        let [small, large] = [SMALL, LARGE].map(|case| case.to_string());
        for (name, rate, stores) in [
            ("Scaleout, packages without tasks, 1 worker, one by one".to_owned(), ours[0], stores),
            (format!("Scaleout, packages of one task, {small}"), ours[1], log),
            (format!("Scaleout, packages of one task, {large}"), ours[2], log),
            (format!("Scaleout, packages without tasks, {large}"), ours[3], stores),
        ] {
            let mut row = vec![name, rate.told(0)];
            row.extend(vec![String::new(); ours.len()]);
            row.extend([stores.to_owned(), promises.to_owned()]);
            rows.push(row);
        }
        let head = [
            "nothing to do",
            "tasks/s",
            "Scaleout without tasks, one by one: times",
            "one task, 50 a request: times",
            "one task, 1,000 a request: times",
            "without tasks, 1,000 a request: times",
            "stores",
            "promises",
        ];
        format!(
            "## Beside the peers\n\nOn the same RabbitMQ and PostgreSQL, in the same rounds. Theirs: a task that writes one \
             byte, enqueued by {CLIENTS} client processes, each of which waits for each confirm or commit, to the end of the \
             last task, on one worker, set as `peers/` says. Ours: packages without tasks, as in the first \
             table, and packages of one task that sets a variable, from {CLIENTS} clients; one by one means a request for each, which waits for the commit. Of all of them a tenth more ran before, \
             and is not measured.\n\n{}",
            table(&head, &rows)
        )
    }

    fn tell_work(&self, size: Size) -> String {
        let share: Rounds =
            self.processes.each().zip(self.spawn.each()).map(|(ours, bare)| 100.0 * ours / bare).collect();
        let rows = vec![
            vec!["packages of one process (`true`), executions/s".to_owned(), self.processes.told(0)],
            vec!["the same programs started bare, programs/s".to_owned(), self.spawn.told(0)],
            vec!["share, %".to_owned(), share.told(0)],
            vec![
                format!("{TASKS} tasks of 10 ms one after the other in one package, s"),
                self.in_one.told(2),
            ],
            vec![
                format!("{TASKS} such executions, each enqueued when the one before has ended, s"),
                self.chained.told(2),
            ],
            vec![
                "the batch of `make demo`: 336,776 flights in 36 executions of several programs, s"
                    .to_owned(),
                self.demo.told(1),
            ],
        ];
        format!(
            "## Work\n\n{} packages of one process; both use as many at the same time as the worker has slots.\n\n{}\nFor {TASKS} tasks \
             of 10 ms one after the other Windmill's makers published, on their machine: Airflow 116 s, Prefect 4.9, Windmill 4.4, \
             Temporal 3.0, Hatchet 1.2.\n",
            grouped(size.processes as f64, 0),
            table(&["", "one worker"], &rows)
        )
    }
}

/// A cost, where the kernel tells it.
fn if_known(told: String) -> String {
    if IS_KNOWN { told } else { "not known here".to_owned() }
}

fn name_of(index: usize, latency: &Latency) -> String {
    match index.checked_sub(1) {
        None => "idle".to_owned(),
        Some(load) => format!("{:.0} %: {}/s", 100.0 * LOADS[load], grouped(latency.rate, 0)),
    }
}

fn curves(latencies: &[Latency]) -> String {
    let named: Vec<(String, &Quantiles)> = latencies
        .iter()
        .enumerate()
        .map(|(index, latency)| (name_of(index, latency), &latency.to_terminal))
        .collect();
    plot::latencies("From the moment a request was due to the terminal status", &named)
}

fn tell_latency(latencies: &[Latency]) -> String {
    let milliseconds =
        |quantiles: &Quantiles| SHARES.map(|share| grouped(quantiles.at(share).as_secs_f64() * 1e3, 1));
    let mut rows = Vec::new();
    for (index, latency) in latencies.iter().enumerate() {
        for (end, quantiles) in [("running", &latency.to_running), ("terminal", &latency.to_terminal)] {
            let mut row = vec![format!("{}, to {end}", name_of(index, latency))];
            row.extend(milliseconds(quantiles));
            row.push(grouped(quantiles.count() as f64, 0));
            row.push(grouped(100.0 * latency.in_time as f64 / quantiles.count().max(1) as f64, 1));
            rows.push(row);
        }
    }
    format!(
        "## Latency\n\nOf empty packages, one worker, in milliseconds from the moment at which the request was due (not \
         from that at which it was sent: a slow moment counts for all that was due in it). Shares of the median rate of \
         small requests above; all rounds together. Ended in time: before the last request was due; with far fewer than \
         all, the rate was more than the machine sustains.\n\n{}\n![curves](latency.svg)\n",
        table(&["", "p50", "p90", "p99", "p99.9", "executions", "ended in time, %"], &rows)
    )
}
