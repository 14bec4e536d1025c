//! What is measured and not tested: how soon work goes on after a loss. Throughput and latency beside the peers come
//! with the speed issue. Everything panics with what it saw, as tests do: a figure of a run that went wrong is none.

mod figures;
pub mod recovery;

pub use figures::Figures;
