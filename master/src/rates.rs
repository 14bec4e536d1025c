//! How fast each pool works: samples the catalog's counts, and tells how many executions of a pool start in a minute.
//! For display only; nothing is decided by it. It owns the samples of the last minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use scaleout_common::names::PoolName;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::Context;

const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// What was counted longer ago does not matter any more.
const WINDOW: Duration = Duration::from_secs(60);

/// Less than this says nothing yet.
const WATCHED_MIN: Duration = Duration::from_secs(10);

type Counts = BTreeMap<PoolName, i64>;

/// Executions started per minute, by pool; absent while it has not watched for long enough.
pub type Rates = BTreeMap<PoolName, u64>;

/// Runs until `stop`.
pub(crate) async fn run(context: Context, stop: CancellationToken) {
    let mut samples = Samples::default();
    while stop.run_until_cancelled(tokio::time::sleep(SAMPLE_EVERY)).await.is_some() {
        match context.catalog.started_so_far().await {
            Ok(counts) => {
                samples.add(Instant::now(), counts);
                context.rates.send_replace(samples.rates());
            }
            Err(error) => tracing::debug!(%error, "the catalog did not say how much has started"),
        }
    }
}

/// Samples of the last minute, oldest first.
#[derive(Default)]
struct Samples(VecDeque<(Instant, Counts)>);

impl Samples {
    fn add(&mut self, now: Instant, counts: Counts) {
        self.0.push_back((now, counts));
        while self.0.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.0.pop_front();
        }
    }

    fn rates(&self) -> Rates {
        let (Some((from, before)), Some((to, counts))) = (self.0.front(), self.0.back()) else {
            return Rates::new();
        };
        let watched = to.duration_since(*from);
        if watched < WATCHED_MIN {
            return Rates::new();
        }
        let per_minute = |(pool, count): (&PoolName, &i64)| {
            let more = count - before.get(pool).copied().unwrap_or(0);
            // What is tried again or purged lowers a count.
            let more = u32::try_from(more.max(0)).unwrap_or(u32::MAX);
            let minutes = watched.as_secs_f64() / 60.0;
            (pool.clone(), (f64::from(more) / minutes).round() as u64)
        };
        counts.iter().map(per_minute).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(default: i64) -> Counts {
        BTreeMap::from([(PoolName::default(), default)])
    }

    #[test]
    fn a_rate_is_that_of_the_last_minute() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut samples = Samples::default();
        samples.add(at(0), counts(100));
        samples.add(at(5), counts(200));
        assert_eq!(samples.rates(), Rates::new());
        samples.add(at(15), counts(400));
        assert_eq!(samples.rates()[&PoolName::default()], 1_200);
        // The burst is over, and was more than a minute ago.
        samples.add(at(70), counts(400));
        samples.add(at(80), counts(401));
        assert_eq!(samples.rates()[&PoolName::default()], 6);
    }

    #[test]
    fn what_was_purged_is_no_rate_below_none() {
        let began = Instant::now();
        let mut samples = Samples::default();
        samples.add(began, counts(100));
        samples.add(began + Duration::from_secs(20), counts(10));
        assert_eq!(samples.rates()[&PoolName::default()], 0);
    }
}
