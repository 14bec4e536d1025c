//! Runs random packages, and compares what the log tells with what the reference says.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use scaleout_common::wire::{LogRecord, OutcomeKind};
use tokio::runtime::Runtime;

use super::package::Package;
use super::random::{DEPTH_MAX, packages};
use super::reference::{PACKAGE, Reference};
use super::seen::{Became, Seen};
use crate::world::{Went, World};

/// How many packages are run, each of a seed of its own.
const PACKAGES: u64 = 400;

/// No package takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Names the seed of the first package.
const SEED: &str = "SCALEOUT_GRAPHS_SEED";

/// How often what became of tasks so deep in their packages, in all of these.
type Tally = BTreeMap<(usize, Became), u64>;

#[test]
fn packages_agree_with_the_reference() {
    let first: u64 = std::env::var(SEED).map_or(1, |seed| seed.parse().expect("the seed is a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let tally = RefCell::new(Tally::new());
    for seed in first..first + PACKAGES {
        let mut runner = TestRunner::new_with_rng(config(), generator(seed));
        let run = |package: Package| {
            let became = agrees(&runtime, &world, &package)?;
            count(&mut tally.borrow_mut(), &became);
            Ok(())
        };
        match runner.run(&packages(), run) {
            Ok(()) => {}
            Err(TestError::Fail(why, least)) => {
                panic!("{SEED}={seed}; the least package that fails so:\n{}\n{why}", least.text())
            }
            Err(TestError::Abort(why)) => panic!("{SEED}={seed}: {why}"),
        }
    }
    let tally = tally.into_inner();
    for depth in 1..=DEPTH_MAX {
        for became in [Became::Succeeded, Became::Failed, Became::Disabled, Became::Skipped] {
            assert!(
                tally.contains_key(&(depth, became)),
                "{became:?} at depth {depth} was never tried: {tally:?}"
            );
        }
    }
}

/// One package for each generator, which is made smaller if it fails.
fn config() -> Config {
    Config { cases: 1, max_shrink_iters: 2_000, failure_persistence: None, ..Config::default() }
}

fn generator(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

fn count(tally: &mut Tally, became: &BTreeMap<String, Became>) {
    for (path, became) in became {
        // The package itself is at depth 0.
        *tally.entry((path.matches('\\').count() - 1, *became)).or_default() += 1;
    }
}

/// What became of everything in it, if that is what the reference says.
fn agrees(
    runtime: &Runtime,
    world: &World,
    package: &Package,
) -> Result<BTreeMap<String, Became>, TestCaseError> {
    let text = package.text();
    let run = async { tokio::time::timeout(PATIENCE, world.run(&text)).await };
    let Ok(went) = runtime.block_on(run) else { return Err(TestCaseError::fail("it does not end")) };
    compare(package, &went).map_err(|why| {
        let log = went.log.iter().enumerate();
        let line = |(moment, record): (usize, &LogRecord)| {
            format!("\n{moment} {} {} {}", record.kind.as_str(), record.path, record.text)
        };
        TestCaseError::fail(format!("{why}\nits log:{}", log.map(line).collect::<String>()))
    })
}

fn compare(package: &Package, went: &Went) -> Result<BTreeMap<String, Became>, String> {
    let seen = Seen::of(&went.log);
    let became = seen.became()?;
    let (expected, mut problems) = Reference::walk(package, &seen);
    let paths: BTreeSet<&str> = expected.keys().map(String::as_str).chain(became.keys().copied()).collect();
    for path in paths {
        let (found, expected) = (became.get(path), expected.get(path));
        if found != expected {
            problems.push(format!("{path}: {found:?}, expected {expected:?}"));
        }
    }
    let succeeds = expected[PACKAGE] == Became::Succeeded;
    if (went.kind() == OutcomeKind::Succeeded) != succeeds {
        problems.push(format!("the outcome is {:?}", went.kind()));
    }
    if problems.is_empty() { Ok(expected) } else { Err(problems.join("\n")) }
}
