//! Measures how soon work goes on after each kind of loss, and prints a line for each: `make recovery`. The servers
//! are those of `scaleout-servers run`.

use std::io::Write as _;

use scaleout_benches::{Figures, recovery};

/// Rounds of what takes seconds, and of what waits for a lease.
const ROUNDS: usize = 5;
const ROUNDS_OF_A_LEASE: usize = 3;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    tell(&recovery::worker_restarts(ROUNDS).await)?;
    tell(&recovery::worker_stays_away(ROUNDS_OF_A_LEASE).await)?;
    tell(&recovery::master_dies(ROUNDS).await)?;
    tell(&recovery::broker_restarts(ROUNDS).await)
}

fn tell(figures: &Figures) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{figures}")
}
