//! Random packages.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::package::{
    After, ByPlace, Constraint, FAULT, Graph, How, Kind, Loop, NO, NULL, On, Package, Task, When, YES,
};

/// How deep containers lie in each other, the package itself included.
pub(super) const DEPTH_MAX: usize = 3;

/// Tasks of a container, by how many levels there may be, its own included.
const TASKS_MAX: [usize; DEPTH_MAX] = [4, 4, 7];

/// What a task waits for, before it is known which tasks there are.
type Draft = (Index, On, Option<When>);

pub(super) fn packages() -> impl Strategy<Value = Package> {
    // Without tasks it would leave no trace.
    let tasks = vec(task(DEPTH_MAX), 1..=TASKS_MAX[DEPTH_MAX - 1]);
    (1u32..4, tasks, any::<bool>()).prop_map(|(maximum_errors, drafts, backwards)| Package {
        maximum_errors,
        graph: link(drafts, backwards),
    })
}

fn graph(levels: usize) -> impl Strategy<Value = Graph> {
    let tasks = vec(task(levels), 0..=TASKS_MAX[levels - 1]);
    (tasks, any::<bool>()).prop_map(|(drafts, backwards)| link(drafts, backwards))
}

/// Lets each task wait for earlier ones that are not of the end.
fn link(drafts: Vec<(Task, Vec<Draft>)>, backwards: bool) -> Graph {
    let mut tasks: Vec<Task> = Vec::new();
    for (mut task, constraints) in drafts {
        if let After::Constraints(linked) = &mut task.after {
            let is_early = |number: &usize| matches!(tasks[*number].after, After::Constraints(_));
            let early: Vec<usize> = (0..tasks.len()).filter(is_early).collect();
            let all = constraints.into_iter().filter(|_| !early.is_empty());
            *linked = all.map(|(task, on, when)| Constraint { task: *task.get(&early), on, when }).collect();
            let is_alone = linked.len() == 1;
            linked
                .iter_mut()
                .filter_map(|one| one.when.as_mut())
                .for_each(|when| unless_alone(when, is_alone));
        }
        tasks.push(task);
    }
    Graph { tasks, backwards }
}

/// Beside other constraints it is a matter of time whether a condition is asked for at all, and with it how many errors
/// there are.
fn unless_alone(when: &mut When, is_alone: bool) {
    if !is_alone {
        when.holds.0 = when.holds.0.replace(FAULT, "n");
    }
}

fn task(levels: usize) -> impl Strategy<Value = (Task, Vec<Draft>)> {
    let rest = (
        prop_oneof![6 => Just(false), 1 => Just(true)],
        vec(constraint(), 0..4),
        any::<bool>(),
        by_place(vec![(6, NO), (1, YES)]),
        proptest::bool::weighted(0.8),
        prop_oneof![6 => Just(None), 1 => any::<bool>().prop_map(Some)],
        prop_oneof![4 => Just(1), 3 => 2u32..4],
    );
    (kind(levels), rest).prop_map(
        |(kind, (at_end, constraints, any, disable, fail_parent, force, maximum_errors))| {
            let after = if at_end { After::End } else { After::Constraints(Vec::new()) };
            let any = any && !at_end;
            (Task { kind, after, any, disable, fail_parent, force, maximum_errors }, constraints)
        },
    )
}

fn kind(levels: usize) -> BoxedStrategy<Kind> {
    let fails = by_place(vec![(3, NO), (2, YES)]);
    let leaf = (0usize..5, fails).prop_map(|(sets, fails)| Kind::Leaf { sets, fails });
    if levels == 1 {
        return leaf.boxed();
    }
    let how = prop_oneof![Just(How::While), Just(How::InOrder), (2u32..4).prop_map(How::Parallel)];
    let repeat = (how, 0u64..=4, graph(levels - 1));
    let repeat = repeat.prop_map(|(how, iterations, graph)| Kind::Loop(Loop { how, iterations, graph }));
    prop_oneof![4 => leaf, 2 => graph(levels - 1).prop_map(Kind::Sequence), 3 => repeat].boxed()
}

fn constraint() -> impl Strategy<Value = Draft> {
    let on = prop_oneof![2 => Just(On::Success), 1 => Just(On::Failure), 2 => Just(On::Completion)];
    let holds = by_place(vec![(6, YES), (4, NO), (1, NULL), (1, FAULT)]);
    let when = (holds, any::<bool>()).prop_map(|(holds, or)| When { holds, or });
    (any::<Index>(), on, prop_oneof![1 => Just(None), 1 => when.prop_map(Some)])
}

/// One to three letters, each as likely as its number says.
fn by_place(letters: Vec<(u32, char)>) -> impl Strategy<Value = ByPlace> {
    let letter = proptest::strategy::Union::new_weighted(
        letters.into_iter().map(|(weight, letter)| (weight, Just(letter))).collect(),
    );
    vec(letter, 1..4).prop_map(|letters| ByPlace(letters.into_iter().collect()))
}
