//! Programs started and waited for, as fast as the system does it, a few at the same time.

use std::time::{Duration, Instant};

/// Starts `true` that many times, `at_once` at the same time; how long all took.
///
/// # Panics
/// When it cannot be started.
pub(crate) async fn run(times: usize, at_once: usize) -> Duration {
    let began = Instant::now();
    let left = std::sync::atomic::AtomicUsize::new(times);
    let spawner = async || {
        let take = |left: usize| left.checked_sub(1);
        let relaxed = std::sync::atomic::Ordering::Relaxed;
        while left.fetch_update(relaxed, relaxed, take).is_ok() {
            let status = tokio::process::Command::new("true").status().await.expect("`true` can be started");
            assert!(status.success());
        }
    };
    futures_util::future::join_all((0..at_once).map(|_| spawner())).await;
    began.elapsed()
}
