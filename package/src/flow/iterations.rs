//! The state of one run of a loop: which iterations run, which is next, and how the loop ends.
//!
//! Owns counts only: it costs the same for ten iterations as for a million. It starts nothing and knows no time.

use super::state::{End, FlowEnd};
use crate::model::MaximumErrors;

/// One run of a loop.
#[derive(Debug, Clone)]
pub struct Iterations {
    total: u64,
    /// Iterations that were started; the next one has this number plus 1.
    started: u64,
    running: u64,
    at_once_max: u32,
    errors: u32,
    errors_max: u32,
    stopped: bool,
    /// It was stopped while the errors were not too many yet; those of what the stop ended do not count for why.
    stopped_first: bool,
}

/// Why a loop left out its last iterations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omitted {
    /// The errors reached `maximum-errors`.
    Errors {
        /// How many were counted.
        errors: u32,
        /// How many iterations never ran.
        iterations: u64,
    },
    /// The loop was stopped.
    Stopped {
        /// How many iterations never ran.
        iterations: u64,
    },
}

impl Iterations {
    /// A loop of `total` iterations, of which up to `at_once_max` (at least 1) run at the same time.
    pub fn new(total: u64, at_once_max: u32, maximum_errors: MaximumErrors) -> Iterations {
        Iterations {
            total,
            started: 0,
            running: 0,
            at_once_max: at_once_max.max(1),
            errors: 0,
            errors_max: maximum_errors.get(),
            stopped: false,
            stopped_first: false,
        }
    }

    /// How many run at the same time at most.
    pub fn at_once_max(&self) -> u32 {
        self.at_once_max
    }

    /// Whether [`Iterations::start_next`] would start one.
    pub fn may_start(&self) -> bool {
        self.goes_on() && self.started < self.total && self.running < u64::from(self.at_once_max)
    }

    /// The errors that were counted in its iterations so far.
    pub fn errors(&self) -> u32 {
        self.errors
    }

    /// How many iterations were started.
    pub fn started(&self) -> u64 {
        self.started
    }

    /// Starts the next iteration, if one may start now; returns its number, from 1. They start in order.
    pub fn start_next(&mut self) -> Option<u64> {
        if !self.may_start() {
            return None;
        }
        self.started += 1;
        self.running += 1;
        Some(self.started)
    }

    /// Notes that there are no more iterations than those that were started: the condition of a `for` loop is not true.
    pub fn exhaust(&mut self) {
        self.total = self.started;
    }

    /// Notes that an iteration has ended, with the errors that were counted in it.
    ///
    /// # Panics
    /// None runs.
    pub fn finish(&mut self, errors: u32) {
        assert!(self.running > 0, "an iteration ended without running");
        self.running -= 1;
        self.errors = self.errors.saturating_add(errors);
    }

    /// Notes that no further iteration may start. Those that run must still be finished.
    pub fn stop(&mut self) {
        self.stopped_first |= !self.stopped && self.errors < self.errors_max;
        self.stopped = true;
    }

    /// How the loop ended; `None` while iterations run or may start.
    pub fn end(&self) -> Option<FlowEnd> {
        if self.running > 0 || (self.goes_on() && self.started < self.total) {
            return None;
        }
        let failed = self.stopped || self.errors >= self.errors_max;
        Some(FlowEnd { end: if failed { End::Failure } else { End::Success }, errors: self.errors })
    }

    /// What was left out and why, once the loop has ended; `None` if every iteration ran.
    pub fn omitted(&self) -> Option<Omitted> {
        let iterations = self.total - self.started;
        if iterations == 0 || self.end().is_none() {
            None
        } else if self.stopped_first {
            Some(Omitted::Stopped { iterations })
        } else {
            Some(Omitted::Errors { errors: self.errors, iterations })
        }
    }

    fn goes_on(&self) -> bool {
        !self.stopped && self.errors < self.errors_max
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn maximum_errors(number: u32) -> MaximumErrors {
        MaximumErrors::new(number).unwrap()
    }

    #[test]
    fn a_loop_over_nothing_succeeds_at_once() {
        let mut iterations = Iterations::new(0, 1, maximum_errors(1));
        assert_eq!(iterations.start_next(), None);
        assert_eq!(iterations.end(), Some(FlowEnd { end: End::Success, errors: 0 }));
        assert_eq!(iterations.omitted(), None);
    }

    #[test]
    fn errors_add_up_over_iterations_and_end_the_loop_when_they_are_too_many() {
        let mut iterations = Iterations::new(5, 1, maximum_errors(3));
        for errors in [2, 0, 1] {
            assert!(iterations.start_next().is_some());
            assert_eq!(iterations.end(), None);
            iterations.finish(errors);
        }
        assert_eq!(iterations.start_next(), None);
        assert_eq!(iterations.end(), Some(FlowEnd { end: End::Failure, errors: 3 }));
        assert_eq!(iterations.omitted(), Some(Omitted::Errors { errors: 3, iterations: 2 }));
    }

    #[test]
    fn one_that_is_exhausted_has_left_nothing_out() {
        let mut iterations = Iterations::new(u64::MAX, 1, maximum_errors(1));
        assert_eq!(iterations.start_next(), Some(1));
        iterations.finish(0);
        assert_eq!(iterations.end(), None);
        iterations.exhaust();
        assert_eq!(iterations.start_next(), None);
        assert_eq!(iterations.end(), Some(FlowEnd { end: End::Success, errors: 0 }));
        assert_eq!(iterations.omitted(), None);
    }

    #[test]
    fn fewer_errors_than_the_maximum_are_handed_on_by_a_loop_that_succeeded() {
        let mut iterations = Iterations::new(2, 1, maximum_errors(3));
        for errors in [1, 1] {
            iterations.start_next();
            iterations.finish(errors);
        }
        assert_eq!(iterations.end(), Some(FlowEnd { end: End::Success, errors: 2 }));
    }

    #[test]
    fn a_stop_starts_nothing_more_and_waits_for_what_runs() {
        let mut iterations = Iterations::new(9, 2, maximum_errors(1));
        assert_eq!((iterations.start_next(), iterations.start_next()), (Some(1), Some(2)));
        iterations.stop();
        iterations.finish(1);
        assert_eq!((iterations.start_next(), iterations.end()), (None, None));
        iterations.finish(0);
        assert_eq!(iterations.end(), Some(FlowEnd { end: End::Failure, errors: 1 }));
        assert_eq!(iterations.omitted(), Some(Omitted::Stopped { iterations: 7 }));
    }

    proptest! {
        /// Iterations end in any order; what they did says how the loop must end.
        #[test]
        fn every_iteration_runs_once_in_order_until_the_errors_are_too_many(
            failures in proptest::collection::vec(0u32..3, 0..30),
            at_once in 1u32..6,
            maximum in 1u32..8,
            order in proptest::collection::vec(any::<prop::sample::Index>(), 30),
        ) {
            let mut iterations = Iterations::new(failures.len() as u64, at_once, maximum_errors(maximum));
            let (mut running, mut ran, mut errors) = (Vec::new(), Vec::new(), 0);
            let mut order = order.into_iter();
            loop {
                while let Some(number) = iterations.start_next() {
                    prop_assert!(errors < maximum, "started after too many errors");
                    running.push(number);
                    ran.push(number);
                }
                prop_assert!(running.len() <= at_once as usize);
                if running.is_empty() {
                    break;
                }
                let index = order.next().unwrap().index(running.len());
                let number = running.swap_remove(index);
                let failed = failures[usize::try_from(number).unwrap() - 1];
                errors += failed;
                iterations.finish(failed);
            }
            prop_assert_eq!(&ran, &(1..=ran.len() as u64).collect::<Vec<_>>());
            let end = if errors >= maximum { End::Failure } else { End::Success };
            prop_assert_eq!(iterations.end(), Some(FlowEnd { end, errors }));
            prop_assert_eq!(iterations.omitted().is_none(), ran.len() == failures.len());
            if errors < maximum {
                prop_assert_eq!(ran.len(), failures.len());
            }
        }
    }
}
