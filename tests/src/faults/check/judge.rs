//! The whole judgement. Pure.

use serde::Serialize;

use super::super::evidence::Evidence;
use super::figures::Figures;
use super::index::Index;
use super::violation::{Promise, Violation};
use super::{cancels, endings, figures, limits, starts};

/// After the last fault was over and what it lost was found.
pub(super) const DRAIN_MAX_US: i64 = 60_000_000;

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub violations: Vec<Violation>,
    pub figures: Figures,
}

impl Verdict {
    pub fn is_well(&self) -> bool {
        self.violations.is_empty()
    }

    pub fn of(&self, promise: Promise) -> usize {
        self.violations.iter().filter(|violation| violation.promise == promise).count()
    }
}

/// Judges a run by its evidence.
pub fn judge(evidence: &Evidence) -> Verdict {
    let index = Index::of(evidence);
    let mut violations = Vec::new();
    endings::nothing_is_lost(&index, &mut violations);
    endings::terminal_stays(&index, &mut violations);
    starts::one_at_a_time(&index, &mut violations);
    cancels::cancels_hold(&index, &mut violations);
    limits::the_limit_holds(&index, &mut violations);
    endings::endings_are_true(&index, &mut violations);
    figures::doubles_are_explained(evidence, &index, &mut violations);
    endings::all_drained(evidence, &mut violations);
    Verdict { violations, figures: Figures::of(evidence, &index) }
}
