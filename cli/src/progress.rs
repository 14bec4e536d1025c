//! Progress on standard error: a bar on a terminal, elsewhere a line every few seconds. Shows, decides nothing.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scaleout_common::api::BatchDetail;
use scaleout_common::status::Status;

const TEMPLATE: &str = "{bar:30} {pos}/{len}  {elapsed}  {msg}";

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one batch; a bar is cleared when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// When the last line was written; `None` on a terminal.
    told: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(executions: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(executions), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self { bar, told: (!std::io::stderr().is_terminal()).then(Instant::now) }
    }

    pub(crate) fn show(&mut self, batch: &BatchDetail) {
        self.bar.set_message(counts(batch));
        self.bar.set_position(batch.ended());
        if let Some(told) = &mut self.told
            && told.elapsed() >= LINE_EVERY
        {
            *told = Instant::now();
            eprintln!("{}", line(batch));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `12 of 36 ended: running 3, failed 1`.
fn line(batch: &BatchDetail) -> String {
    let ended = format!("{} of {} ended", batch.ended(), batch.executions);
    match counts(batch).as_str() {
        "" => ended,
        counts => format!("{ended}: {counts}"),
    }
}

/// `running 3, failed 1`: what has not ended, and what ended badly.
fn counts(batch: &BatchDetail) -> String {
    let told = batch.counts.iter().filter(|(status, count)| **status != Status::Succeeded && **count > 0);
    told.map(|(status, count)| format!("{status} {count}")).collect::<Vec<_>>().join(", ")
}
