//! What a master tells whoever watches, as Prometheus reads it: `/metrics`.
//!
//! Three sources, and each figure has one: what this master did is counted as it does it (`recorded`), how it stands
//! now is read from its own watches and from the system, and what the catalog knows of all masters is read when
//! somebody asks (`scrape`). Names, labels and help stand in `names` alone.

mod gauges;
pub mod names;
mod recorded;
mod registry;
mod scrape;

pub(crate) use gauges::Here;
pub use recorded::Metrics;
pub(crate) use recorded::keep_up;
pub(crate) use scrape::Scraper;
