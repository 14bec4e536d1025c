//! How long a target is fuzzed, what came of it, and where a failing input goes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How much is tried.
#[derive(Clone, Debug)]
pub struct Budget {
    pub seed: u64,
    pub time: Duration,
    /// Where failing inputs are written.
    pub folder: PathBuf,
}

/// What was tried without a finding.
#[derive(Clone, Debug)]
pub struct Figures {
    pub target: &'static str,
    pub seed: u64,
    pub iterations: u64,
    pub time: Duration,
    /// Answers that differ by more than numbers and what they quote.
    pub shapes: usize,
    /// What else was counted, for people.
    pub counted: String,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { target, seed, iterations, time, shapes, counted } = self;
        let per_second = *iterations as f64 / time.as_secs_f64();
        write!(
            f,
            "{target}: seed {seed}, {iterations} inputs in {:.1} s ({per_second:.0}/s), {shapes} shapes of answers; {counted}",
            time.as_secs_f64()
        )
    }
}

/// An input that a promise does not hold for.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{target}: seed {seed}, input {iteration}: {what}\nthe input is in {}; again: {again}", .file.display())]
pub struct Finding {
    pub target: &'static str,
    pub seed: u64,
    pub iteration: u64,
    pub what: String,
    pub file: PathBuf,
    pub again: String,
}

/// A run in progress.
#[derive(Debug)]
pub(super) struct Effort<'a> {
    target: &'static str,
    budget: &'a Budget,
    began: Instant,
    pub(super) iteration: u64,
}

impl<'a> Effort<'a> {
    pub(super) fn begin(target: &'static str, budget: &'a Budget) -> Self {
        Self { target, budget, began: Instant::now(), iteration: 0 }
    }

    /// Counts one more input, if there is time for it.
    pub(super) fn goes_on(&mut self) -> bool {
        let goes_on = self.began.elapsed() < self.budget.time;
        self.iteration += u64::from(goes_on);
        goes_on
    }

    pub(super) fn figures(&self, shapes: usize, counted: String) -> Figures {
        let time = self.began.elapsed();
        Figures {
            target: self.target,
            seed: self.budget.seed,
            iterations: self.iteration,
            time,
            shapes,
            counted,
        }
    }

    /// Writes the failing input down.
    pub(super) fn finding(&self, input: &[u8], what: String) -> Finding {
        let Budget { seed, folder, .. } = self.budget;
        let file = folder.join(format!("{}-{seed}-{}.input", self.target, self.iteration));
        let written = write(&file, input);
        let what =
            written.map_or_else(|error| format!("{what} (the input is lost: {error})"), |()| what.clone());
        let again = format!("scaleout-fuzz {} --input {}", self.target, file.display());
        Finding { target: self.target, seed: *seed, iteration: self.iteration, what, file, again }
    }
}

fn write(file: &Path, input: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, input)
}
