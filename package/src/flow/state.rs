//! The state of one run of one container.
//!
//! Owns which tasks wait, are ready, run or have ended, and the container's error count. It never
//! starts anything and knows no time: the runtime calls [`Flow::start`] and [`Flow::finish`].

use std::collections::BTreeSet;

use crate::model::{After, Container, Join, MaximumErrors, On, TaskIndex};

/// How a task or container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// It succeeded.
    Success,
    /// It failed, all its tries included.
    Failure,
}

/// How a container ended, to be passed on to [`Flow::finish`] of the one around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowEnd {
    /// Failed if its errors reached `maximum-errors`, or it was stopped.
    pub end: End,
    /// The errors counted in it and in the containers inside.
    pub errors: u32,
}

/// A task that was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// The task.
    pub task: TaskIndex,
    /// Why.
    pub because: SkipReason,
}

/// Why a task was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// It is disabled; those after it go on as if it had succeeded.
    Disabled,
    /// Its constraints cannot be met any more: this one (with `any`, the last of them) asked for
    /// `on`, and `task` did something else.
    Unmet {
        /// The task it waited for.
        task: TaskIndex,
        /// How that should have ended.
        on: On,
        /// What happened instead.
        happened: Happened,
    },
    /// As [`SkipReason::Unmet`], but `task` did what it should: the condition of the constraint was not true.
    Untrue {
        /// The task it waited for.
        task: TaskIndex,
    },
    /// The container was stopped before it could start.
    Stopped,
}

/// A condition that must be evaluated now: [`Flow::answer`] wants to know what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The task that waits.
    pub task: TaskIndex,
    /// Which of its constraints has the condition.
    pub constraint: usize,
    on: On,
    asked_of: TaskIndex,
    happened: Happened,
}

/// What came of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is true.
    True,
    /// It is false or NULL.
    Untrue,
    /// It could not be evaluated: it is not true, and that is an error of the container.
    Failed,
}

/// What became of a task, as constraints see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happened {
    /// It succeeded, or was disabled.
    Succeeded,
    /// It failed all its tries.
    Failed,
    /// It was skipped, which meets no constraint.
    Skipped,
}

/// One run of one container. Steps cost in total what the container has tasks and constraints.
#[derive(Debug, Clone)]
pub struct Flow {
    nodes: Vec<Node>,
    ready: BTreeSet<TaskIndex>,
    /// Reported once, by [`Flow::take_skipped`].
    skipped: Vec<Skipped>,
    /// Asked once, by [`Flow::take_questions`].
    questions: Vec<Question>,
    /// Tasks not of the end that have not ended; at 0 those of the end become ready.
    undone: usize,
    /// Tasks of the end that have not ended.
    undone_at_end: usize,
    running: usize,
    errors: u32,
    errors_max: u32,
    stopped: bool,
    /// Whether the tasks of the end have been let go.
    end_opened: bool,
}

#[derive(Debug, Clone)]
struct Node {
    state: State,
    join: Join,
    at_end: bool,
    /// Constraints whose task has not ended.
    undecided: usize,
    followers: Vec<Follower>,
}

/// A constraint as the task sees it that others wait for.
#[derive(Debug, Clone, Copy)]
struct Follower {
    task: TaskIndex,
    constraint: usize,
    on: On,
    /// Whether there is a condition, and whether it alone is enough.
    or: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Ready,
    Running,
    Done,
}

impl Flow {
    /// The start of a run: what waits for nothing is ready. `maximum_errors` of its tasks make it fail.
    pub fn new(container: &Container, maximum_errors: MaximumErrors) -> Flow {
        let tasks = container.tasks();
        let mut nodes: Vec<Node> = tasks
            .iter()
            .map(|task| Node {
                state: State::Waiting,
                join: task.join,
                at_end: task.after == After::End,
                undecided: task.after.constraints().len(),
                followers: Vec::new(),
            })
            .collect();
        for (index, task) in tasks.iter().enumerate() {
            for (number, constraint) in task.after.constraints().iter().enumerate() {
                nodes[constraint.task.0].followers.push(Follower {
                    task: TaskIndex(index),
                    constraint: number,
                    on: constraint.on,
                    or: constraint.when.as_ref().map(|when| when.or),
                });
            }
        }
        let undone_at_end = nodes.iter().filter(|node| node.at_end).count();
        let mut flow = Flow {
            undone: nodes.len() - undone_at_end,
            undone_at_end,
            nodes,
            ready: BTreeSet::new(),
            skipped: Vec::new(),
            questions: Vec::new(),
            running: 0,
            errors: 0,
            errors_max: maximum_errors.get(),
            stopped: false,
            end_opened: false,
        };
        flow.release(|node| !node.at_end && node.undecided == 0);
        flow.open_end();
        flow
    }

    /// The tasks that may start now, in the order of the file. A task stays in this list until
    /// [`Flow::start`] takes it out.
    pub fn ready(&self) -> Vec<TaskIndex> {
        self.ready.iter().copied().collect()
    }

    /// The tasks that run now.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Notes that a ready task was started.
    ///
    /// # Panics
    /// The task is not ready: it would run twice or too early.
    pub fn start(&mut self, task: TaskIndex) {
        assert!(self.ready.remove(&task), "task {} was started without being ready", task.0);
        self.nodes[task.0].state = State::Running;
        self.running += 1;
    }

    /// Notes that a ready task is disabled: it is passed over, and what waits for it goes on as if it had succeeded.
    ///
    /// # Panics
    /// The task is not ready.
    pub fn pass_over(&mut self, task: TaskIndex) {
        assert!(self.ready.remove(&task), "task {} was passed over without being ready", task.0);
        self.nodes[task.0].state = State::Done;
        self.skipped.push(Skipped { task, because: SkipReason::Disabled });
        self.settle(task, Happened::Succeeded);
    }

    /// Notes that a running task has ended, all its tries included. `errors` are those counted
    /// inside it, if it is a container; a failure counts at least 1. They count here if `counts`.
    ///
    /// # Panics
    /// The task is not running.
    pub fn finish(&mut self, task: TaskIndex, end: End, errors: u32, counts: bool) {
        let node = &self.nodes[task.0];
        assert!(node.state == State::Running, "task {} ended without running", task.0);
        let (counted, happened) = match end {
            End::Success => (errors, Happened::Succeeded),
            End::Failure => (errors.max(1), Happened::Failed),
        };
        if counts {
            self.errors = self.errors.saturating_add(counted);
        }
        self.running -= 1;
        self.nodes[task.0].state = State::Done;
        self.settle(task, happened);
    }

    /// Notes that nothing more may start: the execution was cancelled or its time is over. Tasks of
    /// the end do not start either; those that run must still be finished.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.ready.clear();
        self.questions.clear();
        for index in 0..self.nodes.len() {
            if matches!(self.nodes[index].state, State::Waiting | State::Ready) {
                self.nodes[index].state = State::Done;
                self.skipped.push(Skipped { task: TaskIndex(index), because: SkipReason::Stopped });
                self.count_down(TaskIndex(index));
            }
        }
    }

    /// The tasks passed over since the last call, each told once.
    pub fn take_skipped(&mut self) -> Vec<Skipped> {
        std::mem::take(&mut self.skipped)
    }

    /// The conditions to evaluate since the last call, each asked once. Answers may raise further ones: nothing is ready
    /// or at its end for good before there are none.
    pub fn take_questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.questions)
    }

    /// Notes what came of a condition.
    pub fn answer(&mut self, question: Question, answer: Answer) {
        if self.nodes[question.task.0].state != State::Waiting {
            return;
        }
        if answer == Answer::Failed {
            self.errors = self.errors.saturating_add(1);
        }
        let Question { task, on, asked_of, happened, .. } = question;
        let because = if is_met(on, happened) {
            SkipReason::Untrue { task: asked_of }
        } else {
            SkipReason::Unmet { task: asked_of, on, happened }
        };
        if let Some(happened) = self.decide(task, answer == Answer::True, because) {
            self.settle(task, happened);
        }
    }

    /// How the container ended; `None` while tasks are ready, wait or run.
    pub fn end(&self) -> Option<FlowEnd> {
        if self.undone > 0 || self.undone_at_end > 0 {
            return None;
        }
        let failed = self.stopped || self.errors >= self.errors_max;
        Some(FlowEnd { end: if failed { End::Failure } else { End::Success }, errors: self.errors })
    }

    /// Ends `task` and whatever is decided by that alone; opens the end when all else is done. A loop and no recursion: a
    /// container may have thousands of tasks that are skipped one by one.
    fn settle(&mut self, task: TaskIndex, happened: Happened) {
        let mut settled = vec![(task, happened)];
        while let Some((task, happened)) = settled.pop() {
            self.count_down(task);
            for follower in self.nodes[task.0].followers.clone() {
                if let Some(decided) = self.follow(follower, task, happened) {
                    settled.push((follower.task, decided));
                }
            }
        }
        self.open_end();
    }

    /// Lets the tasks of the end go, once, when all else is done.
    fn open_end(&mut self) {
        if self.undone == 0 && !self.end_opened {
            self.end_opened = true;
            self.release(|node| node.at_end);
        }
    }

    /// What `task` did decides a constraint of a follower, or raises the question of its condition. What became of the
    /// follower, if that ends it.
    fn follow(&mut self, follower: Follower, task: TaskIndex, happened: Happened) -> Option<Happened> {
        if self.nodes[follower.task.0].state != State::Waiting {
            return None;
        }
        let Follower { on, constraint, .. } = follower;
        let met = is_met(on, happened);
        // A skipped task satisfies no constraint, whatever the condition says.
        let asks = happened != Happened::Skipped && follower.or.is_some_and(|or| or != met);
        if asks {
            self.questions.push(Question { task: follower.task, constraint, on, asked_of: task, happened });
            return None;
        }
        self.decide(follower.task, met, SkipReason::Unmet { task, on, happened })
    }

    /// One constraint of `follower` is decided. What became of the follower, if that ends it.
    fn decide(&mut self, follower: TaskIndex, met: bool, because: SkipReason) -> Option<Happened> {
        let node = &mut self.nodes[follower.0];
        node.undecided -= 1;
        let starts = met && (node.join == Join::Any || node.undecided == 0);
        let hopeless = !met && (node.join == Join::All || node.undecided == 0);
        if starts {
            self.make_ready(follower);
        } else if hopeless {
            // Done at once: another task settled in the same step must not decide it again.
            node.state = State::Done;
            self.skipped.push(Skipped { task: follower, because });
            return Some(Happened::Skipped);
        }
        None
    }

    /// A task's constraints are met.
    fn make_ready(&mut self, task: TaskIndex) {
        self.nodes[task.0].state = State::Ready;
        self.ready.insert(task);
    }

    /// Makes those ready that wait for nothing but this.
    fn release(&mut self, which: impl Fn(&Node) -> bool) {
        for index in 0..self.nodes.len() {
            let node = &self.nodes[index];
            if node.state == State::Waiting && which(node) {
                self.make_ready(TaskIndex(index));
            }
        }
    }

    fn count_down(&mut self, task: TaskIndex) {
        if self.nodes[task.0].at_end {
            self.undone_at_end -= 1;
        } else {
            self.undone -= 1;
        }
    }
}

fn is_met(on: On, happened: Happened) -> bool {
    match happened {
        Happened::Succeeded => matches!(on, On::Success | On::Completion),
        Happened::Failed => matches!(on, On::Failure | On::Completion),
        Happened::Skipped => false,
    }
}
