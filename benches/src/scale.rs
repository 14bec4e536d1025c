//! More workers: executions that take 100 ms and no processor, so that all workers fit on one machine.

use std::time::Instant;

use crate::stand::{Load, Stand};

/// Workers of each run.
pub(crate) const WORKERS: [usize; 5] = [1, 2, 4, 8, 16];
/// What an execution waits, in seconds.
const WAITS: f64 = 0.1;
const SLOTS: usize = 4;
/// For how long all slots have work, in seconds.
const LASTS: f64 = 8.0;

/// How many executions a second, and what share that is of what the slots could do.
///
/// # Panics
/// When anything goes wrong.
pub(crate) async fn run(workers: usize) -> (f64, f64) {
    let slots = SLOTS.to_string();
    let mut stand = Stand::start(workers, &[("worker.capacity", &slots)]).await;
    let ideal = (workers * SLOTS) as f64 / WAITS;
    let load = Load { package: "waits", executions: ideal as u64, per_request: 1_000, clients: 1 };
    stand.enqueue(load).await;
    stand.all_have_ended().await;
    let executions = (ideal * LASTS) as u64;
    let began = Instant::now();
    stand.enqueue(Load { executions, ..load }).await;
    stand.all_have_ended().await;
    let rate = executions as f64 / began.elapsed().as_secs_f64();
    (rate, 100.0 * rate / ideal)
}
