//! `scaleout-faults run …`: a fault run; `judge FOLDER` judges the evidence of one again; `soak …`: an hour of steady load;
//! `work FOLDER KIND` is what the packages of a run start. Without arguments it says which there are. Exit codes: 0 all is
//! well, 1 it is not, 2 wrong usage, 3 it could not be run, 128 + a signal's number.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scaleout_local::keeper;
use scaleout_tests::faults::{self, Format, Options};
use scaleout_tests::soak;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: scaleout-faults run --seed N [--seconds S] [--executions N] [--folder DIR] [--only WORDS] [--keep] \
                     [--format text|json] [--end-with-parent]\n       scaleout-faults judge FOLDER\n       \
                     scaleout-faults soak [--seconds S] [--folder DIR] [--format text|json] [--end-with-parent]";
const NOT_WELL: i32 = 1;
const WRONG_USAGE: i32 = 2;
const COULD_NOT: i32 = 3;
const SECONDS_DEFAULT: u64 = 600;
const SOAK_SECONDS_DEFAULT: u64 = 3_600;

fn main() {
    keeper::run_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let code = match words.as_slice() {
        ["work", folder, kind] => work(folder, kind),
        ["judge", folder] => judge(Path::new(folder)),
        ["run", rest @ ..] => match options(rest, SECONDS_DEFAULT) {
            Ok(options) => run(&options),
            Err(error) => wrong_usage(&error),
        },
        ["soak", rest @ ..] => match options(rest, SOAK_SECONDS_DEFAULT) {
            Ok(options) => soak(&options),
            Err(error) => wrong_usage(&error),
        },
        _ => wrong_usage("expected run, judge or soak"),
    };
    std::process::exit(code);
}

fn wrong_usage(error: &str) -> i32 {
    complain(&format!("{error}\n{USAGE}"));
    WRONG_USAGE
}

fn options(words: &[&str], seconds: u64) -> Result<Options, String> {
    let mut options = Options {
        seed: 0,
        window: Duration::from_secs(seconds),
        executions: None,
        folder: None,
        format: Format::Text,
        keep: false,
        only: String::new(),
        end_with_parent: false,
    };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} wants a value"));
        let number =
            |text: &str| text.parse::<u64>().map_err(|_| format!("{word} wants a number, found {text:?}"));
        match word {
            "--seed" => options.seed = number(value()?)?,
            "--seconds" => options.window = Duration::from_secs(number(value()?)?),
            "--only" => options.only = value()?.to_owned(),
            "--executions" => options.executions = Some(number(value()?)?),
            "--folder" => options.folder = Some(PathBuf::from(value()?)),
            "--keep" => options.keep = true,
            "--end-with-parent" => options.end_with_parent = true,
            "--format" => {
                options.format = match value()? {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    other => return Err(format!("--format is text or json, found {other:?}")),
                }
            }
            other => return Err(format!("{other:?} is no option")),
        }
    }
    Ok(options)
}

fn work(folder: &str, kind: &str) -> i32 {
    let done =
        kind.parse().map_err(anyhow::Error::msg).and_then(|kind| faults::work(Path::new(folder), kind));
    done.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        COULD_NOT
    })
}

fn judge(folder: &Path) -> i32 {
    match faults::judge_again(folder) {
        Ok(verdict) => {
            tell(&serde_json::to_string_pretty(&verdict).expect("a verdict has only texts and numbers"));
            if verdict.is_well() { 0 } else { NOT_WELL }
        }
        Err(error) => {
            complain(&format!("{error:#}"));
            COULD_NOT
        }
    }
}

fn run(options: &Options) -> i32 {
    // Before there are threads: a namespace of mounts is its thread's.
    let disks = faults::enter_own_mounts();
    until_told(options, async {
        let outcome = faults::run(options, disks).await?;
        tell(&match options.format {
            Format::Text => faults::table(options, &outcome),
            Format::Json => faults::document(options, &outcome).to_string(),
        });
        Ok(outcome.is_well())
    })
}

fn soak(options: &Options) -> i32 {
    let soaking = soak::Options { window: options.window, folder: options.folder.clone() };
    until_told(options, async {
        let outcome = soak::run(&soaking).await?;
        let is_flat = outcome.is_well();
        tell(&match options.format {
            Format::Text => format!(
                "{}\n{} executions ended, {} are open; samples in {}\nVERDICT  {}",
                outcome.verdict.table(),
                outcome.ended,
                outcome.open,
                outcome.csv.display(),
                if is_flat { "flat" } else { "NOT flat" }
            ),
            Format::Json => serde_json::json!({
                "is_flat": is_flat,
                "ended": outcome.ended,
                "open": outcome.open,
                "samples": outcome.csv,
                "findings": outcome.verdict.findings,
            })
            .to_string(),
        });
        Ok(is_flat)
    })
}

/// Runs to the end, or to a signal; the answer is the exit code.
fn until_told(options: &Options, running: impl Future<Output = anyhow::Result<bool>>) -> i32 {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error.to_string());
            return COULD_NOT;
        }
    };
    runtime.block_on(async {
        tokio::select! {
            ended = running => match ended {
                Ok(true) => 0,
                Ok(false) => NOT_WELL,
                Err(error) => {
                    complain(&format!("seed {}: {error:#}", options.seed));
                    COULD_NOT
                }
            },
            number = interrupted() => 128 + number,
            () = parent_gone(), if options.end_with_parent => COULD_NOT,
        }
    })
}

/// The number of the signal that wants this to end.
async fn interrupted() -> i32 {
    let heard = |kind: SignalKind| async move {
        match signal(kind) {
            Ok(mut stream) => drop(stream.recv().await),
            // One that cannot be heard ends this process by itself.
            Err(_) => std::future::pending().await,
        }
        kind.as_raw_value()
    };
    tokio::select! {
        number = heard(SignalKind::interrupt()) => number,
        number = heard(SignalKind::terminate()) => number,
        number = heard(SignalKind::hangup()) => number,
    }
}

/// Standard input is a pipe that closes when the parent ends, however it does.
async fn parent_gone() {
    let (gone, told) = tokio::sync::oneshot::channel();
    // A read of standard input cannot be given up, and so has a thread that ends with the process.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        // Nobody listens when the run is over already.
        let _ = gone.send(());
    });
    // The thread sends before it ends.
    let _ = told.await;
}

fn tell(text: &str) {
    // Without a standard output there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

fn complain(text: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "scaleout-faults: {text}");
}
