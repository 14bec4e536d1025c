//! `scaleout-fuzz decoder|expression|api|all [--seed N] [--seconds S] [--folder DIR]`: fuzzes the decoder of messages,
//! the expression language, the HTTP API, or all for that long each. With `--input FILE` one input is tried again. The API wants
//! private servers around it: `make fuzz`. Exit codes: 0 nothing was found, 1 something was, 2 wrong usage.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use scaleout_local::keeper;
use scaleout_tests::fuzz::{self, Budget, Counting};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "usage: scaleout-fuzz decoder|expression|api|all [--seed N] [--seconds S] [--folder DIR]\n       \
                     scaleout-fuzz decoder|expression|api --input FILE";
const FOUND: i32 = 1;
const WRONG_USAGE: i32 = 2;

fn main() {
    keeper::run_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let code = match words.as_slice() {
        [target @ ("decoder" | "expression" | "api"), "--input", file] => repeat(target, file),
        [target @ ("decoder" | "expression" | "api" | "all"), rest @ ..] => match budget(rest) {
            Ok(budget) => run(target, &budget),
            Err(error) => wrong_usage(&error),
        },
        _ => wrong_usage("expected decoder, expression, api, or all"),
    };
    std::process::exit(code);
}

fn budget(words: &[&str]) -> Result<Budget, String> {
    let folder = std::env::temp_dir().join("scaleout-fuzz");
    let mut budget = Budget { seed: 1, time: Duration::from_secs(60), folder };
    let (pairs, []) = words.as_chunks::<2>() else { return Err("an option wants a value".to_owned()) };
    for [option, value] in pairs {
        let number = || value.parse::<u64>().map_err(|_| format!("{option} wants a number, found {value:?}"));
        match *option {
            "--seed" => budget.seed = number()?,
            "--seconds" => budget.time = Duration::from_secs(number()?),
            "--folder" => budget.folder = PathBuf::from(value),
            other => return Err(format!("{other:?} is no option")),
        }
    }
    Ok(budget)
}

fn run(target: &str, budget: &Budget) -> i32 {
    let mut worst = 0;
    let asks = |one: &str| target == one || target == "all";
    let results = [
        asks("decoder").then(|| fuzz::fuzz_decoder(budget)),
        asks("expression").then(|| fuzz::fuzz_expression(budget)),
        asks("api").then(|| runtime().block_on(Box::pin(fuzz::fuzz_api(budget)))),
    ];
    for result in results.into_iter().flatten() {
        match result {
            Ok(figures) => tell(&figures.to_string()),
            Err(finding) => {
                tell(&finding.to_string());
                worst = FOUND;
            }
        }
    }
    worst
}

fn repeat(target: &str, file: &str) -> i32 {
    let input = match std::fs::read(file) {
        Ok(input) => input,
        Err(error) => return wrong_usage(&format!("{file}: {error}")),
    };
    let tried = match target {
        "expression" => fuzz::repeat_expression(&input),
        "api" => runtime().block_on(Box::pin(fuzz::repeat_api(&input))),
        _ => fuzz::repeat_decoder(&input),
    };
    match tried {
        Ok(answer) => {
            tell(&answer);
            0
        }
        Err(what) => {
            tell(&what);
            FOUND
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().expect("a runtime can be made")
}

fn wrong_usage(error: &str) -> i32 {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "scaleout-fuzz: {error}\n{USAGE}");
    WRONG_USAGE
}

fn tell(text: &str) {
    // Without a standard output there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{text}");
}
