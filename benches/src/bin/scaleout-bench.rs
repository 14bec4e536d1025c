//! Measures throughput, latency and work, and writes `RESULTS.md` and its plots into a folder: `make bench`. The servers
//! are those of `scaleout-servers run --durable`.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use scaleout_benches::{
    Millions, Results, Size, idle_only, measure, millions_only, peers_only, slow_only, throughput_only,
};

const USAGE: &str = "usage: scaleout-bench standard|full|quick FOLDER
       scaleout-bench throughput WORKERS EXECUTIONS [empty|task|process [PER_REQUEST]]
       scaleout-bench idle ROUNDS | slow | peers
       scaleout-bench millions PENDING ENDED";

/// What `make bench` does: well under a quarter of an hour.
const STANDARD: Size = Size {
    rounds: 3,
    executions: 50_000,
    latency: Duration::from_secs(10),
    processes: 1_000,
    peers: 1,
    millions: None,
};
/// The budgets' sustained load.
const FULL: Size = Size {
    rounds: 3,
    executions: 200_000,
    latency: Duration::from_secs(30),
    processes: 5_000,
    peers: 1,
    millions: Some(MILLIONS),
};
const MILLIONS: Millions = Millions { pending: 1_000_000, ended: 10_000_000 };
/// To see that it works; the figures mean little.
const QUICK: Size = Size {
    rounds: 1,
    executions: 10_000,
    latency: Duration::from_secs(2),
    processes: 200,
    peers: 10,
    millions: None,
};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let began = Instant::now();
    let mut say = |text: &str| {
        // Who has closed the stream does not want to know.
        let _ = writeln!(std::io::stderr(), "{:4} s  {text}", began.elapsed().as_secs());
    };
    let (size, folder) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["standard", folder] => (STANDARD, folder),
        ["full", folder] => (FULL, folder),
        ["quick", folder] => (QUICK, folder),
        ["throughput", workers, executions, ref rest @ ..] => {
            let (package, each) = match *rest {
                [] => ("empty", "1000"),
                [package] => (package, "1000"),
                [package, each] => (package, each),
                _ => return usage(),
            };
            let package = ["empty", "task", "process"].into_iter().find(|known| *known == package);
            let (Some(package), Ok(workers), Ok(executions), Ok(per_request)) =
                (package, workers.parse(), executions.parse(), each.parse())
            else {
                return usage();
            };
            let size = Size { executions, ..STANDARD };
            throughput_only(workers, package, per_request, size, &mut say).await;
            return Ok(());
        }
        ["idle", rounds] => {
            let Ok(rounds) = rounds.parse() else { return usage() };
            idle_only(rounds, &mut say).await;
            return Ok(());
        }
        ["slow"] => {
            say(&slow_only().await);
            return Ok(());
        }
        ["peers"] => {
            peers_only(STANDARD, &mut say).await;
            return Ok(());
        }
        ["millions", pending, ended] => {
            let (Ok(pending), Ok(ended)) = (pending.parse(), ended.parse()) else { return usage() };
            let text = millions_only(QUICK, Millions { pending, ended }, &mut say).await;
            return write!(std::io::stdout(), "{text}");
        }
        _ => return usage(),
    };
    let command = match arguments[0].as_str() {
        "standard" => "make bench",
        "full" => "make bench-full",
        _ => "scaleout-bench quick",
    };
    let folder = Path::new(folder);
    let mut failed = None;
    let mut keep = |results: &Results| {
        let minutes = began.elapsed().as_secs().div_ceil(60);
        failed = keep(folder, command, minutes, results).err();
    };
    let results = measure(size, &mut say, &mut keep).await;
    keep(&results);
    failed.map_or(Ok(()), Err)?;
    write!(std::io::stdout(), "{}", results.text)
}

fn keep(folder: &Path, command: &str, minutes: u64, results: &Results) -> std::io::Result<()> {
    let head = format!(
        "# Results\n\nWritten by `{command}` in {minutes} minutes. Whoever runs it gets the same tables for their machine, those of scale and backlog from `make bench-full`; \
         how each figure is taken stands beside it and in `src/`.\n"
    );
    std::fs::write(folder.join("RESULTS.md"), format!("{head}\n{}", results.text))?;
    results.plots.iter().try_for_each(|(name, svg)| std::fs::write(folder.join(name), svg))
}

fn usage() -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{USAGE}")?;
    std::process::exit(2);
}
