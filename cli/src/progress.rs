//! A progress bar on standard error; hidden when that is no terminal. Shows, decides nothing.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scaleout_common::api::BatchDetail;
use scaleout_common::status::Status;

const TEMPLATE: &str = "{bar:30} {pos}/{len}  {elapsed}  {msg}";

/// The bar of one batch; cleared when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(executions: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(executions), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub(crate) fn show(&self, batch: &BatchDetail) {
        self.bar.set_message(counts(batch));
        self.bar.set_position(batch.ended());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `running 3, failed 1`: what has not ended, and what ended badly.
fn counts(batch: &BatchDetail) -> String {
    let told = batch.counts.iter().filter(|(status, count)| **status != Status::Succeeded && **count > 0);
    told.map(|(status, count)| format!("{status} {count}")).collect::<Vec<_>>().join(", ")
}
