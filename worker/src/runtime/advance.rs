//! What a container does between its tasks: answers the conditions of constraints, and finds out what is disabled. It asks
//! the owner of variables and nobody else: its tasks do not move meanwhile.

use scaleout_package::expression::Datum;
use scaleout_package::flow::{Answer, Flow, Question};
use scaleout_package::model::{Container, Task, TaskIndex};

use super::activation::Place;
use super::context::Context;

/// What happened when a container went on.
#[derive(Default)]
pub(super) struct Next<'a> {
    /// The tasks that have been started, and why it cannot be told of one whether it is disabled.
    pub(super) started: Vec<(TaskIndex, Option<String>)>,
    /// Those whose conditions cannot be evaluated, and why.
    pub(super) faults: Vec<(&'a Task, String)>,
    /// What came of the conditions of tasks, for the verbose log.
    pub(super) seen: Vec<(&'a Task, String)>,
}

/// Answers the conditions that are asked for, starts what is ready, and passes over what is disabled, until nothing more
/// comes of it.
pub(super) async fn advance<'a>(
    context: &Context<'_>,
    container: &'a Container,
    place: &Place<'_>,
    flow: &mut Flow,
) -> Next<'a> {
    let mut next = Next::default();
    loop {
        answer_all(context, container, place, flow, &mut next).await;
        let ready = flow.ready();
        if ready.is_empty() {
            return next;
        }
        for index in ready {
            let task = &container.tasks()[index.0];
            match context.resolve("disable", &task.disable, Some(task), place.frame).await {
                Ok(true) => flow.pass_over(index),
                told => {
                    flow.start(index);
                    next.started.push((index, told.err().map(|error| error.to_string())));
                }
            }
        }
    }
}

/// Evaluates every condition that is asked for, and those that come of it.
async fn answer_all<'a>(
    context: &Context<'_>,
    container: &'a Container,
    place: &Place<'_>,
    flow: &mut Flow,
    next: &mut Next<'a>,
) {
    loop {
        let questions = flow.take_questions();
        if questions.is_empty() {
            return;
        }
        for question in questions {
            let answer = answer(context, container, place, question, next).await;
            flow.answer(question, answer);
        }
    }
}

async fn answer<'a>(
    context: &Context<'_>,
    container: &'a Container,
    place: &Place<'_>,
    question: Question,
    next: &mut Next<'a>,
) -> Answer {
    let task = &container.tasks()[question.task.0];
    let constraint = task.after.constraints().get(question.constraint);
    let Some((before, when)) =
        constraint.and_then(|constraint| Some((constraint.task, constraint.when.as_ref()?)))
    else {
        return Answer::True;
    };
    match when.condition.evaluate(&context.scope_of(task, place).await) {
        Ok(truth) => {
            let is_true = truth == Some(Datum::Bool(true));
            if context.log.is_verbose() {
                let before = &container.tasks()[before.0].name;
                let how = if is_true { "true" } else { "not true" };
                next.seen.push((task, format!("its condition after {before} is {how}")));
            }
            if is_true { Answer::True } else { Answer::Untrue }
        }
        Err(error) => {
            next.faults.push((task, format!("its condition cannot be evaluated: {error}")));
            Answer::Failed
        }
    }
}
