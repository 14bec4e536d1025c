//! Reading the catalog for whoever watches: at most once within a second however many ask, and for a bounded time. It
//! owns what was read last.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use crate::catalog::Catalog;
use crate::catalog::requests::CatalogFigures;

/// What was read is told again for so long.
const READ_EVERY: Duration = Duration::from_secs(1);

/// How long reading may take: whoever asks gives up after 10 s by default, and shall hear what else is known.
const READ_MAX: Duration = Duration::from_secs(3);

/// Answers that are made at the same time at most.
const ANSWERS_MAX: usize = 4;

/// What was read of the catalog, or that it did not answer.
pub(crate) struct Read {
    at: Instant,
    pub(super) took: Duration,
    pub(super) figures: Option<CatalogFigures>,
}

impl Read {
    pub(super) fn of(figures: Option<CatalogFigures>, took: Duration) -> Self {
        Self { at: Instant::now(), took, figures }
    }
}

/// Reads the catalog.
pub(crate) struct Scraper {
    turns: Semaphore,
    /// Locked while it is read: who comes meanwhile waits for that, and takes the same.
    last: Mutex<Option<Arc<Read>>>,
}

impl Default for Scraper {
    fn default() -> Self {
        Self { turns: Semaphore::new(ANSWERS_MAX), last: Mutex::new(None) }
    }
}

impl Scraper {
    /// A turn to answer, unless too many have one.
    pub(crate) fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.try_acquire().ok()
    }

    /// What the catalog says, not older than [`READ_EVERY`]. One that is known to be away is not asked.
    pub(crate) async fn read(&self, catalog: &Catalog, is_reachable: bool) -> Arc<Read> {
        let mut last = self.last.lock().await;
        if let Some(read) = last.as_ref().filter(|read| is_reachable && read.at.elapsed() < READ_EVERY) {
            return Arc::clone(read);
        }
        let began = Instant::now();
        let figures = if is_reachable { figures(catalog).await } else { None };
        let read = Arc::new(Read::of(figures, began.elapsed()));
        *last = Some(Arc::clone(&read));
        read
    }
}

async fn figures(catalog: &Catalog) -> Option<CatalogFigures> {
    match timeout(READ_MAX, catalog.figures()).await.unwrap_or_else(|_| Err(catalog.silent(READ_MAX))) {
        Ok(figures) => Some(figures),
        Err(error) => {
            tracing::warn!(%error, "the catalog gave no figures for /metrics");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use scaleout_common::settings::Postgres;
    use secrecy::SecretString;

    use super::*;

    /// Nobody listens there.
    fn away() -> Catalog {
        let url = SecretString::from("postgres://me@127.0.0.1:1/x".to_owned());
        let settings = Postgres {
            url,
            ca_file: Default::default(),
            connections_max: 2,
            wait_ms: 1_000,
            statement_timeout_ms: 1_000,
        };
        Catalog::open(&settings).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_catalog_is_read_once_in_a_second_however_many_ask() {
        let (catalog, scraper) = (away(), Scraper::default());
        let (one, two) = tokio::join!(scraper.read(&catalog, true), scraper.read(&catalog, true));
        assert!(one.figures.is_none());
        assert!(Arc::ptr_eq(&one, &two));
        tokio::time::advance(READ_EVERY).await;
        let three = scraper.read(&catalog, true).await;
        assert!(!Arc::ptr_eq(&one, &three));
        // One that is known to be away is not waited for, and what was read before is not told.
        let four = scraper.read(&catalog, false).await;
        assert!(!Arc::ptr_eq(&three, &four));
        assert_eq!(four.took, Duration::ZERO);
    }

    #[test]
    fn turns_are_bounded() {
        let scraper = Scraper::default();
        let turns: Vec<_> = (0..ANSWERS_MAX).map(|_| scraper.turn().unwrap()).collect();
        assert!(scraper.turn().is_none());
        drop(turns);
        assert!(scraper.turn().is_some());
    }
}
