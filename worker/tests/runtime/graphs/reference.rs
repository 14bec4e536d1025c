//! What must become of every task of a package: a walk through it, one task after the other, in the order in which they
//! wait for each other.
//!
//! It reads the log for two things only: whether what happened had its time, and how many iterations of a loop were begun
//! that runs several at once. That is a matter of time; the reference says between which bounds.

use std::collections::BTreeMap;

use super::package::{After, Constraint, FAULT, Graph, How, Kind, Loop, On, Package, Task, YES};
use super::seen::{Became, Moment, Seen};

pub(super) const PACKAGE: &str = "\\Package";

pub(super) struct Reference<'s> {
    seen: &'s Seen,
    became: BTreeMap<String, Became>,
    /// What happened too early, too late, or too often.
    breaches: Vec<String>,
}

/// One run of a container.
struct Place {
    path: String,
    /// Of the loops around it, the outermost first.
    iterations: Vec<u64>,
    begun: Moment,
}

/// A task of which is known what became of it.
#[derive(Clone, Copy)]
struct Done {
    became: Became,
    /// The first moment at which the scheduler could know.
    at: Moment,
}

/// What the constraints of a task say, and since when.
struct Turn {
    starts: bool,
    at: Moment,
    /// Conditions that could not be evaluated.
    faults: u32,
}

impl Reference<'_> {
    /// What must become of everything, by path, and what breaches that in time.
    pub(super) fn walk(package: &Package, seen: &Seen) -> (BTreeMap<String, Became>, Vec<String>) {
        let mut reference = Reference { seen, became: BTreeMap::new(), breaches: Vec::new() };
        let begun = reference.start(PACKAGE, 0);
        let place = Place { path: PACKAGE.to_owned(), iterations: Vec::new(), begun };
        let (errors, at) = reference.container(&package.graph, &place);
        reference.end(PACKAGE, errors < package.maximum_errors, at);
        (reference.became, reference.breaches)
    }

    /// Walks through a container; returns its errors, and when all was done.
    fn container(&mut self, graph: &Graph, place: &Place) -> (u32, Moment) {
        let mut done: Vec<Option<Done>> = vec![None; graph.tasks.len()];
        let (mut errors, mut last) = (0, place.begun);
        for at_end in [false, true] {
            let rest_done = last;
            for (number, task) in graph.tasks.iter().enumerate() {
                let turn = match &task.after {
                    After::Constraints(all) if !at_end => turn(task, all, &done, place),
                    After::End if at_end => Turn { starts: true, at: rest_done, faults: 0 },
                    _ => continue,
                };
                let path = format!("{}\\t{number}", place.path);
                let (became, counted, at) = self.task(task, &path, &turn, place);
                errors += counted + turn.faults;
                last = last.max(at);
                self.became.insert(path, became);
                done[number] = Some(Done { became, at });
            }
        }
        (errors, last)
    }

    /// What becomes of a task, how many errors it hands on, and when it is done.
    fn task(&mut self, task: &Task, path: &str, turn: &Turn, around: &Place) -> (Became, u32, Moment) {
        if !turn.starts {
            return (Became::Skipped, 0, turn.at);
        }
        if task.disable.at(&around.iterations) == YES {
            return (Became::Disabled, 0, turn.at);
        }
        let begun = self.start(path, turn.at);
        let place = Place { path: path.to_owned(), iterations: around.iterations.clone(), begun };
        let (errors, at) = match &task.kind {
            Kind::Leaf { fails, .. } => (u32::from(fails.at(&place.iterations) == YES), begun),
            Kind::Sequence(graph) => self.container(graph, &place),
            Kind::Loop(one) if matches!(one.how, How::Parallel(_)) => self.at_once(task, one, &place),
            Kind::Loop(one) => self.in_order(task, one, &place),
        };
        let (succeeds, errors) = task.result(errors);
        let (became, at) = self.end(path, succeeds, at);
        (became, if task.fail_parent { errors } else { 0 }, at)
    }

    /// One iteration after the other, until there are too many errors.
    fn in_order(&mut self, task: &Task, one: &Loop, place: &Place) -> (u32, Moment) {
        let (mut errors, mut last, mut number) = (0, place.begun, 0);
        let begun = self.seen.iterations(&place.path);
        while number < one.iterations && errors < task.maximum_errors {
            number += 1;
            let item = usize::try_from(number).ok().and_then(|number| begun.get(number - 1));
            if item.is_some_and(|item| *item < last) {
                self.breaches
                    .push(format!("{}[{number}] began before the one before it was done", place.path));
            }
            let (more, at) = self.iteration(one, place, number, last);
            (errors, last) = (errors + more, at);
        }
        if one.how == How::InOrder {
            self.is_left_out(place, one.iterations - number);
        }
        (errors, last)
    }

    /// As many iterations as were begun.
    fn at_once(&mut self, task: &Task, one: &Loop, place: &Place) -> (u32, Moment) {
        let How::Parallel(at_once) = one.how else { unreachable!("it runs several at once") };
        let at_once = usize::try_from(at_once).unwrap();
        let begun = self.seen.iterations(&place.path);
        let mut all: Vec<(u32, Moment)> = Vec::new();
        for (number, moment) in (1..).zip(&begun) {
            let running = all.iter().filter(|(_, at)| at > moment).count();
            if running >= at_once {
                self.breaches.push(format!("{}[{number}] began beside {running} others", place.path));
            }
            // All but those that may have run beside it had ended.
            let mut ended: Vec<u32> = all.iter().map(|(errors, _)| *errors).collect();
            ended.sort_unstable();
            if ended.iter().rev().skip(at_once - 1).sum::<u32>() >= task.maximum_errors {
                self.breaches.push(format!("{}[{number}] began after too many errors", place.path));
            }
            all.push(self.iteration(one, place, number, *moment));
        }
        let errors = all.iter().map(|(errors, _)| errors).sum();
        let left_out = one.iterations.saturating_sub(begun.len() as u64);
        if left_out > 0 && (errors < task.maximum_errors || begun.len() < at_once) {
            self.breaches.push(format!("{} left out {left_out} iterations", place.path));
        }
        if begun.len() as u64 > one.iterations {
            self.breaches.push(format!("{} has {} iterations", place.path, begun.len()));
        }
        self.is_left_out(place, left_out);
        (errors, all.iter().map(|(_, at)| *at).fold(place.begun, Moment::max))
    }

    fn iteration(&mut self, one: &Loop, around: &Place, number: u64, begun: Moment) -> (u32, Moment) {
        let path = format!("{}[{number}]", around.path);
        let iterations = [&around.iterations[..], &[number]].concat();
        self.container(&one.graph, &Place { path, iterations, begun })
    }

    fn is_left_out(&mut self, place: &Place, expected: u64) {
        let told = self.seen.left_out(&place.path);
        if told != expected {
            self.breaches.push(format!("{} left out {expected} iterations and told {told}", place.path));
        }
    }

    /// Something starts, not before `allowed`; returns when it did.
    fn start(&mut self, path: &str, allowed: Moment) -> Moment {
        let Some(started) = self.seen.started(path) else { return allowed };
        if started < allowed {
            self.breaches
                .push(format!("{path} started at {started}, before {allowed}, when it was its turn"));
        }
        started
    }

    /// Something ends, not before all in it was `done`; returns when it did.
    fn end(&mut self, path: &str, succeeds: bool, done: Moment) -> (Became, Moment) {
        let became = if succeeds { Became::Succeeded } else { Became::Failed };
        self.became.insert(path.to_owned(), became);
        let Some(ended) = self.seen.ended(path) else { return (became, done) };
        if ended < done {
            self.breaches.push(format!("{path} ended at {ended}, before {done}, when all in it was done"));
        }
        (became, ended)
    }
}

fn turn(task: &Task, constraints: &[Constraint], done: &[Option<Done>], place: &Place) -> Turn {
    let before =
        |one: &Constraint| done[one.task].expect("tasks wait for earlier ones that are not of the end");
    let (met, unmet): (Vec<&Constraint>, Vec<&Constraint>) =
        constraints.iter().partition(|one| is_met(one, before(one).became, &place.iterations));
    let at = |all: &[&Constraint]| all.iter().map(|one| before(one).at).collect::<Vec<Moment>>();
    let starts = constraints.is_empty() || if task.any { !met.is_empty() } else { unmet.is_empty() };
    // The first that is met lets `any` start, and the first that cannot be met decides against `all`.
    let decided = match (task.any, starts) {
        (true, true) => at(&met).into_iter().min(),
        (true, false) => at(&unmet).into_iter().max(),
        (false, true) => at(&met).into_iter().max(),
        (false, false) => at(&unmet).into_iter().min(),
    };
    let is_fault = |one: &&Constraint| is_fault(one, before(one).became, &place.iterations);
    let faults = u32::try_from(constraints.iter().filter(is_fault).count()).unwrap();
    Turn { starts, at: decided.unwrap_or(place.begun), faults }
}

fn is_met(constraint: &Constraint, before: Became, iterations: &[u64]) -> bool {
    let holds = constraint.when.as_ref().map(|when| (when.holds.at(iterations) == YES, when.or));
    match (before, holds) {
        (Became::Skipped, _) => false,
        (_, None) => has_ended(constraint.on, before),
        (_, Some((holds, false))) => has_ended(constraint.on, before) && holds,
        (_, Some((holds, true))) => has_ended(constraint.on, before) || holds,
    }
}

/// Whether its condition decides something, and cannot be evaluated.
fn is_fault(constraint: &Constraint, before: Became, iterations: &[u64]) -> bool {
    let is_asked = |or: bool| before != Became::Skipped && has_ended(constraint.on, before) != or;
    constraint.when.as_ref().is_some_and(|when| is_asked(when.or) && when.holds.at(iterations) == FAULT)
}

fn has_ended(on: On, before: Became) -> bool {
    match on {
        On::Success => matches!(before, Became::Succeeded | Became::Disabled),
        On::Failure => before == Became::Failed,
        On::Completion => before != Became::Skipped,
    }
}
