//! Control flow: named cases, and random graphs against a sequential reference.

use proptest::prelude::*;

use super::*;
use crate::expression::{Expression, Name, Names, Parsed, Type, UnknownName};
use crate::model::{
    After, Constraint, Container, Handlers, Join, MaximumErrors, On, Properties, Task, TaskIndex, TaskKind,
    TaskPath, When,
};
use crate::property::Property;

fn task(index: usize, after: After) -> Task {
    let name = format!("t{index}");
    Task {
        path: TaskPath::package().child(&name),
        name,
        description: Property::default(),
        variables: Default::default(),
        kind: TaskKind::Sequence(Container::default()),
        after,
        join: Join::All,
        properties: Properties::default(),
        handlers: Handlers::default(),
        transaction: Default::default(),
        disable: Property::default(),
    }
}

fn after(constraints: &[(usize, On)]) -> After {
    let constraint = |(task, on): &(usize, On)| Constraint { task: TaskIndex(*task), on: *on, when: None };
    After::Constraints(constraints.iter().map(constraint).collect())
}

/// A condition, which the tests answer themselves.
fn condition() -> Expression {
    struct Nothing;
    impl Names for Nothing {
        fn type_of(&self, _: &Name) -> Result<Type, UnknownName> {
            Err(UnknownName { message: "no names".to_owned(), help: None })
        }
    }
    Parsed::read("TRUE").and_then(|parsed| parsed.check(&Nothing)).expect("it is a condition")
}

/// One constraint with a condition: both are wanted, or (`or`) one is enough.
fn when(task: usize, on: On, or: bool) -> After {
    let when = Some(When { condition: condition(), or });
    After::Constraints(vec![Constraint { task: TaskIndex(task), on, when }])
}

fn container(tasks: Vec<Task>) -> Container {
    Container::new(tasks).expect("the test's graph is sound")
}

/// A run of `container`, which one error makes fail.
fn flow(container: &Container) -> Flow {
    Flow::new(container, MaximumErrors::default())
}

fn is_disabled(task: &Task) -> bool {
    task.disable.known() == Some(&true)
}

fn counts(task: &Task) -> bool {
    task.properties.fail_parent.known() == Some(&true)
}

/// Runs to the end, always starting the first ready task; `fails` says which fail.
fn run(container: &Container, fails: &[usize]) -> (Vec<usize>, Vec<Skipped>, FlowEnd) {
    run_to(flow(container), container, fails)
}

fn run_to(mut flow: Flow, container: &Container, fails: &[usize]) -> (Vec<usize>, Vec<Skipped>, FlowEnd) {
    let mut ran = Vec::new();
    while let Some(next) = flow.ready().first().copied() {
        let task = &container.tasks()[next.0];
        if is_disabled(task) {
            flow.pass_over(next);
            continue;
        }
        flow.start(next);
        ran.push(next.0);
        let end = if fails.contains(&next.0) { End::Failure } else { End::Success };
        flow.finish(next, end, 0, counts(task));
    }
    (ran, flow.take_skipped(), flow.end().expect("nothing is ready, so it has ended"))
}

#[test]
fn an_empty_container_succeeds_at_once() {
    assert_eq!(flow(&container(vec![])).end(), Some(FlowEnd { end: End::Success, errors: 0 }));
}

#[test]
fn a_failure_runs_its_handler_and_skips_what_needed_success() {
    let tasks = vec![
        task(0, after(&[])),
        task(1, after(&[(0, On::Success)])),
        task(2, after(&[(0, On::Failure)])),
        task(3, after(&[(1, On::Completion)])),
        task(4, After::End),
    ];
    let (ran, skipped, end) = run(&container(tasks), &[0]);
    assert_eq!(ran, [0, 2, 4], "a skipped task meets no constraint, not even completion");
    let unmet = |task, of, on, happened| Skipped {
        task: TaskIndex(task),
        because: SkipReason::Unmet { task: TaskIndex(of), on, happened },
    };
    assert_eq!(
        skipped,
        [unmet(1, 0, On::Success, Happened::Failed), unmet(3, 1, On::Completion, Happened::Skipped)]
    );
    assert_eq!(end, FlowEnd { end: End::Failure, errors: 1 });
}

#[test]
fn any_starts_once_at_the_first_that_is_met() {
    let mut join = task(2, after(&[(0, On::Success), (1, On::Success)]));
    join.join = Join::Any;
    let tasks = vec![task(0, after(&[])), task(1, after(&[])), join];
    let mut flow = self::flow(&container(tasks.clone()));
    flow.start(TaskIndex(0));
    flow.start(TaskIndex(1));
    flow.finish(TaskIndex(0), End::Success, 0, true);
    assert_eq!(flow.ready(), [TaskIndex(2)]);
    flow.start(TaskIndex(2));
    flow.finish(TaskIndex(2), End::Success, 0, true);
    flow.finish(TaskIndex(1), End::Success, 0, true);
    assert_eq!((flow.ready(), flow.end().map(|end| end.end)), (vec![], Some(End::Success)));

    let (ran, skipped, _) = run(&container(tasks), &[0, 1]);
    assert_eq!((ran, skipped.len()), (vec![0, 1], 1), "skipped only when none can be met any more");
}

#[test]
fn a_disabled_task_counts_as_succeeded_and_is_skipped_where_it_could_not_run() {
    let mut disabled = task(0, after(&[]));
    disabled.disable = Property::Value(true);
    let mut hopeless = task(2, after(&[(1, On::Failure)]));
    hopeless.disable = Property::Value(true);
    let tasks =
        vec![disabled, task(1, after(&[(0, On::Success)])), hopeless, task(3, after(&[(2, On::Completion)]))];
    let (ran, skipped, end) = run(&container(tasks), &[]);
    assert_eq!(ran, [1]);
    assert_eq!(skipped[0], Skipped { task: TaskIndex(0), because: SkipReason::Disabled });
    assert_eq!(skipped.iter().map(|s| s.task.0).collect::<Vec<_>>(), [0, 2, 3]);
    assert_eq!(end.end, End::Success);
}

#[test]
fn errors_are_counted_as_the_design_says() {
    let mut handled = task(0, after(&[]));
    handled.properties.fail_parent = Property::Value(false);
    let (_, _, end) = run(&container(vec![handled]), &[0]);
    assert_eq!(end, FlowEnd { end: End::Success, errors: 0 }, "fail-parent = false keeps it from counting");

    let three = MaximumErrors::new(3).unwrap();
    let many = |count| (0..count).map(|index| task(index, after(&[]))).collect::<Vec<_>>();
    let four = container(many(4));
    let tolerant = |fails: &[usize]| run_to(Flow::new(&four, three), &four, fails);
    let (ran, _, end) = tolerant(&[0, 1]);
    assert_eq!((ran.len(), end), (4, FlowEnd { end: End::Success, errors: 2 }));
    let (ran, _, end) = tolerant(&[0, 1, 2]);
    assert_eq!((ran.len(), end), (4, FlowEnd { end: End::Failure, errors: 3 }), "what may still run runs");

    // A container inside that succeeded with two errors hands them on.
    let mut flow = self::flow(&container(many(1)));
    flow.start(TaskIndex(0));
    flow.finish(TaskIndex(0), End::Success, 2, true);
    assert_eq!(flow.end(), Some(FlowEnd { end: End::Failure, errors: 2 }));
}

#[test]
fn stopping_starts_nothing_more_not_even_at_the_end() {
    let tasks = vec![task(0, after(&[])), task(1, after(&[(0, On::Success)])), task(2, After::End)];
    let mut flow = self::flow(&container(tasks));
    flow.start(TaskIndex(0));
    flow.stop();
    assert_eq!((flow.ready(), flow.end(), flow.running()), (vec![], None, 1));
    flow.finish(TaskIndex(0), End::Success, 0, true);
    assert_eq!(flow.end(), Some(FlowEnd { end: End::Failure, errors: 0 }));
    let stopped: Vec<_> = flow.take_skipped().iter().map(|s| (s.task.0, s.because)).collect();
    assert_eq!(stopped, [(1, SkipReason::Stopped), (2, SkipReason::Stopped)]);
    assert_eq!(flow.take_skipped(), []);
}

#[test]
fn thousands_of_tasks_are_skipped_one_by_one_on_a_small_stack() {
    let chained = |index: usize| match index {
        0 => task(0, after(&[])),
        _ => task(index, after(&[(index - 1, On::Success)])),
    };
    let container = container((0..10_000).map(chained).collect());
    let ends = move || {
        let (ran, skipped, end) = run(&container, &[0]);
        (ran.len(), skipped.len(), end.errors)
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(ends).unwrap();
    assert_eq!(thread.join().unwrap(), (1, 9_999, 1));
}

#[test]
fn tasks_of_the_end_wait_for_all_others() {
    let tasks = vec![task(0, After::End), task(1, after(&[])), task(2, After::End)];
    let mut flow = self::flow(&container(tasks));
    assert_eq!(flow.ready(), [TaskIndex(1)]);
    flow.start(TaskIndex(1));
    assert!(flow.ready().is_empty());
    flow.finish(TaskIndex(1), End::Failure, 0, true);
    assert_eq!(flow.ready(), [TaskIndex(0), TaskIndex(2)]);
}

/// The first task ends so; how many questions come of it, whether the second one may start then, and how it all ends.
fn conditional(on: On, or: bool, end: End, answer: Answer) -> (usize, bool, u32, Option<SkipReason>) {
    let mut flow = self::flow(&container(vec![task(0, after(&[])), task(1, when(0, on, or))]));
    flow.start(TaskIndex(0));
    flow.finish(TaskIndex(0), end, 0, true);
    let questions = flow.take_questions();
    if !questions.is_empty() {
        assert_eq!((flow.ready(), flow.end()), (vec![], None), "nothing goes on before the answer");
    }
    questions.iter().for_each(|question| flow.answer(*question, answer));
    let starts = flow.ready() == [TaskIndex(1)];
    if starts {
        flow.start(TaskIndex(1));
        flow.finish(TaskIndex(1), End::Success, 0, true);
    }
    let because = flow.take_skipped().first().map(|skipped| skipped.because);
    (questions.len(), starts, flow.end().expect("all is decided").errors, because)
}

#[test]
fn conditions_are_asked_for_only_where_they_decide() {
    let (zero, untrue) = (TaskIndex(0), Some(SkipReason::Untrue { task: TaskIndex(0) }));
    let unmet = |on, happened| Some(SkipReason::Unmet { task: zero, on, happened });
    use Answer::{Failed, True, Untrue};
    assert_eq!(conditional(On::Success, false, End::Success, True), (1, true, 0, None));
    assert_eq!(conditional(On::Success, false, End::Success, Untrue), (1, false, 0, untrue));
    assert_eq!(conditional(On::Success, false, End::Success, Failed), (1, false, 1, untrue));
    let failed = unmet(On::Success, Happened::Failed);
    assert_eq!(conditional(On::Success, false, End::Failure, True), (0, false, 1, failed));
    assert_eq!(conditional(On::Completion, false, End::Failure, True), (1, true, 1, None));
    assert_eq!(conditional(On::Success, true, End::Success, Untrue), (0, true, 0, None));
    assert_eq!(conditional(On::Success, true, End::Failure, True), (1, true, 1, None));
    assert_eq!(conditional(On::Success, true, End::Failure, Untrue), (1, false, 1, failed));
}

#[test]
fn a_skipped_task_raises_no_question_and_a_stop_takes_them_back() {
    let tasks = vec![
        task(0, after(&[])),
        task(1, after(&[(0, On::Failure)])),
        task(2, when(1, On::Completion, true)),
        task(3, when(0, On::Success, false)),
    ];
    let mut flow = self::flow(&container(tasks));
    flow.start(TaskIndex(0));
    flow.finish(TaskIndex(0), End::Success, 0, true);
    assert_eq!(flow.take_skipped().iter().map(|s| s.task.0).collect::<Vec<_>>(), [1, 2]);
    flow.stop();
    assert_eq!(flow.take_questions(), []);
    assert_eq!(flow.end().map(|end| end.end), Some(End::Failure));
}

#[test]
fn an_answer_that_comes_too_late_changes_nothing() {
    let mut join = task(2, when(0, On::Success, false));
    join.join = Join::Any;
    let After::Constraints(mut constraints) = join.after else { unreachable!("it has constraints") };
    constraints.push(Constraint { task: TaskIndex(1), on: On::Success, when: None });
    join.after = After::Constraints(constraints);
    let mut flow = self::flow(&container(vec![task(0, after(&[])), task(1, after(&[])), join]));
    for index in [0, 1] {
        flow.start(TaskIndex(index));
        flow.finish(TaskIndex(index), End::Success, 0, true);
    }
    let questions = flow.take_questions();
    assert_eq!((questions.len(), flow.ready()), (1, vec![TaskIndex(2)]));
    flow.start(TaskIndex(2));
    flow.answer(questions[0], Answer::Failed);
    flow.finish(TaskIndex(2), End::Success, 0, true);
    assert_eq!(flow.end(), Some(FlowEnd { end: End::Success, errors: 0 }));
}

/// What became of each task, by asking in rounds: no queue, no counters, written independently.
fn reference(container: &Container, fails: &[bool]) -> Vec<Option<Happened>> {
    let tasks = container.tasks();
    let mut became: Vec<Option<Happened>> = vec![None; tasks.len()];
    loop {
        let before = became.clone();
        for (index, task) in tasks.iter().enumerate() {
            if became[index].is_some() || task.after == After::End {
                continue;
            }
            if let Some(may_run) = may_run(task, &became) {
                became[index] = Some(run_or_skip(task, may_run, fails[index]));
            }
        }
        if before == became {
            break;
        }
    }
    for (index, task) in tasks.iter().enumerate() {
        if task.after == After::End {
            became[index] = Some(run_or_skip(task, true, fails[index]));
        }
    }
    became
}

/// `Some(true)` if the constraints are met, `Some(false)` if they cannot be any more.
fn may_run(task: &Task, became: &[Option<Happened>]) -> Option<bool> {
    let constraints = task.after.constraints();
    let ended = |c: &Constraint| match (became[c.task.0], c.on) {
        (None, _) => None,
        (Some(Happened::Skipped), _) => Some(false),
        (Some(_), On::Completion) => Some(true),
        (Some(happened), On::Success) => Some(happened == Happened::Succeeded),
        (Some(happened), On::Failure) => Some(happened == Happened::Failed),
    };
    let met = |c: &Constraint| match &c.when {
        None => ended(c),
        Some(_) if became[c.task.0] == Some(Happened::Skipped) => Some(false),
        Some(when) if when.or => ended(c).map(|ended| ended || holds(c)),
        Some(_) => ended(c).map(|ended| ended && holds(c)),
    };
    let answers: Vec<Option<bool>> = constraints.iter().map(met).collect();
    let (yes, no) = (answers.contains(&Some(true)), answers.contains(&Some(false)));
    let open = answers.contains(&None);
    match task.join {
        _ if answers.is_empty() => Some(true),
        Join::Any if yes => Some(true),
        Join::Any => (!open).then_some(false),
        Join::All if no => Some(false),
        Join::All => (!open).then_some(true),
    }
}

/// What the conditions of the random graphs give: of every second task it is true.
fn holds(constraint: &Constraint) -> bool {
    constraint.task.0.is_multiple_of(2)
}

fn run_or_skip(task: &Task, may_run: bool, fails: bool) -> Happened {
    match (may_run, is_disabled(task), fails) {
        (false, _, _) => Happened::Skipped,
        (true, true, _) | (true, false, false) => Happened::Succeeded,
        (true, false, true) => Happened::Failed,
    }
}

#[derive(Debug, Clone)]
struct Graph {
    container: Container,
    maximum_errors: MaximumErrors,
    fails: Vec<bool>,
    /// Which of the ready or running tasks is taken at each step.
    choices: Vec<usize>,
}

fn graphs() -> impl Strategy<Value = Graph> {
    let on = prop_oneof![Just(On::Success), Just(On::Failure), Just(On::Completion)];
    let conditions = prop_oneof![3 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    let one = (
        proptest::collection::vec((any::<prop::sample::Index>(), on, conditions), 0..4),
        any::<bool>(),
        proptest::bool::weighted(0.15),
        proptest::bool::weighted(0.15),
        any::<bool>(),
        proptest::bool::weighted(0.4),
    );
    let nodes = proptest::collection::vec(one, 0..12);
    (nodes, proptest::collection::vec(any::<usize>(), 40), 1u32..4).prop_map(|(nodes, choices, most)| {
        let fails = nodes.iter().map(|node| node.5).collect();
        let mut tasks: Vec<Task> = Vec::new();
        for (index, (constraints, all, disable, at_end, fail_parent, _)) in nodes.into_iter().enumerate() {
            // Only earlier tasks that are not of the end can be waited for.
            let earlier: Vec<usize> = (0..index).filter(|i| tasks[*i].after != After::End).collect();
            let constraint = |(pick, on, or): (prop::sample::Index, On, Option<bool>)| Constraint {
                task: TaskIndex(*pick.get(&earlier)),
                on,
                when: or.map(|or| When { condition: condition(), or }),
            };
            let constraints = constraints.into_iter().filter(|_| !earlier.is_empty()).map(constraint);
            let constraints = After::Constraints(constraints.collect());
            let mut made = task(index, if at_end { After::End } else { constraints });
            made.join = if all { Join::All } else { Join::Any };
            made.disable = Property::Value(disable);
            made.properties.fail_parent = Property::Value(fail_parent);
            tasks.push(made);
        }
        let maximum_errors = MaximumErrors::new(most).expect("at least 1");
        let container = Container::new(tasks).expect("earlier tasks only");
        Graph { container, maximum_errors, fails, choices }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn flow_agrees_with_the_reference(graph in graphs()) {
        let tasks = graph.container.tasks();
        let mut flow = Flow::new(&graph.container, graph.maximum_errors);
        let mut became: Vec<Option<Happened>> = vec![None; tasks.len()];
        let mut started = vec![0; tasks.len()];
        let mut running: Vec<TaskIndex> = Vec::new();
        let mut choices = graph.choices.iter().cycle();
        loop {
            let mut questions = flow.take_questions();
            while let Some(question) = questions.pop() {
                let constraint = &tasks[question.task.0].after.constraints()[question.constraint];
                let is_true = constraint.when.is_some() && holds(constraint);
                flow.answer(question, if is_true { Answer::True } else { Answer::Untrue });
                questions.extend(flow.take_questions());
            }
            if flow.end().is_some() {
                break;
            }
            let ready = flow.ready();
            prop_assert!(!ready.is_empty() || !running.is_empty(), "it neither runs nor ends");
            let choice = choices.next().copied().unwrap_or_default();
            if !ready.is_empty() && (running.is_empty() || choice % 2 == 0) {
                let task = ready[choice / 2 % ready.len()];
                for skipped in flow.take_skipped() {
                    let disabled = skipped.because == SkipReason::Disabled;
                    became[skipped.task.0] =
                        Some(if disabled { Happened::Succeeded } else { Happened::Skipped });
                }
                let allowed = may_run(&tasks[task.0], &became) == Some(true);
                let rest_done =
                    (0..tasks.len()).all(|i| tasks[i].after == After::End || became[i].is_some());
                prop_assert!(tasks[task.0].after != After::End || rest_done, "the end came too early");
                prop_assert!(allowed, "task {} started before its constraints allow", task.0);
                started[task.0] += 1;
                if is_disabled(&tasks[task.0]) {
                    flow.pass_over(task);
                } else {
                    flow.start(task);
                    running.push(task);
                }
            } else {
                let task = running.swap_remove(choice / 2 % running.len());
                let failed = graph.fails[task.0];
                let end = if failed { End::Failure } else { End::Success };
                flow.finish(task, end, 0, counts(&tasks[task.0]));
                became[task.0] = Some(if failed { Happened::Failed } else { Happened::Succeeded });
            }
        }
        for skipped in flow.take_skipped() {
            let disabled = skipped.because == SkipReason::Disabled;
            prop_assert_eq!(became[skipped.task.0], None, "told twice");
            became[skipped.task.0] = Some(if disabled { Happened::Succeeded } else { Happened::Skipped });
        }
        prop_assert!(started.iter().all(|count| *count <= 1));
        let expect = reference(&graph.container, &graph.fails);
        prop_assert_eq!(&became, &expect);
        let errors = (0..tasks.len())
            .filter(|i| expect[*i] == Some(Happened::Failed) && counts(&tasks[*i]))
            .count() as u32;
        let failed = errors >= graph.maximum_errors.get();
        let end = if failed { End::Failure } else { End::Success };
        prop_assert_eq!(flow.end(), Some(FlowEnd { end, errors }));
    }
}
