//! What is measured and not tested: throughput, latency and recovery, beside the ceilings of the machine. Everything
//! panics with what it saw, as tests do: a figure of a run that went wrong is none.

mod backlog;
mod budgets;
mod ceiling;
mod cpu;
mod figures;
mod latency;
mod machine;
mod peers;
mod plot;
mod quantiles;
pub mod recovery;
mod report;
mod scale;
mod sections;
mod slow;
mod stand;
mod telling;
mod throughput;
mod work;

pub use figures::Figures;
pub use sections::{
    Millions, Results, Size, idle_only, measure, millions_only, peers_only, slow_only, throughput_only,
};
