//! Waiting: for a condition, with a deadline, never for a time.

use std::time::{Duration, Instant};

/// For what takes milliseconds on an idle machine.
pub const MOMENT: Duration = Duration::from_secs(30);
/// For a lease that has to run out, or a long batch.
pub const WHILE: Duration = Duration::from_secs(120);

const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Looks again and again until `look` gives a value.
///
/// # Panics
/// With `what` and what was seen last, when `within` is over.
pub async fn until<T>(what: &str, within: Duration, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + within;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => {
                panic!("waited {within:?} until {what}; seen last: {seen}")
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
