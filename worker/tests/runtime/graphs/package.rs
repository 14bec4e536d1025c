//! The packages of the tests: containers of tasks that do nothing but succeed or fail.

#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) maximum_errors: u32,
    pub(super) graph: Graph,
}

/// The tasks of a container. Each waits for none but those before it here; its name is `t` and its number.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    pub(super) tasks: Vec<Task>,
    /// The file has the last one first.
    pub(super) backwards: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) kind: Kind,
    pub(super) after: After,
    /// `join = "any"`.
    pub(super) any: bool,
    pub(super) disable: ByPlace,
    pub(super) fail_parent: bool,
    /// What `force-result` says; true is success.
    pub(super) force: Option<bool>,
    pub(super) maximum_errors: u32,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// It sets a variable so often, and then fails or does not. What sets more takes longer.
    Leaf {
        sets: usize,
        fails: ByPlace,
    },
    Sequence(Graph),
    Loop(Loop),
}

#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) how: How,
    pub(super) iterations: u64,
    pub(super) graph: Graph,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// A `for`.
    While,
    /// A `foreach` in order.
    InOrder,
    /// A `foreach` with so many iterations at the same time.
    Parallel(u32),
}

#[derive(Debug, Clone)]
pub(super) enum After {
    Constraints(Vec<Constraint>),
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Constraint {
    pub(super) task: usize,
    pub(super) on: On,
    pub(super) when: Option<When>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Success,
    Failure,
    Completion,
}

#[derive(Debug, Clone)]
pub(super) struct When {
    /// A condition that is [`NULL`] or [`FAULT`] is not true, and the latter is an error.
    pub(super) holds: ByPlace,
    /// The condition is enough.
    pub(super) or: bool,
}

pub(super) const YES: char = 'y';
pub(super) const NO: char = 'n';
pub(super) const NULL: char = '-';
/// It cannot be evaluated.
pub(super) const FAULT: char = '!';

/// Something that may be otherwise in each iteration of the loops around. Places take its letters in turn.
#[derive(Debug, Clone)]
pub(super) struct ByPlace(pub(super) String);

/// More than the iterations of any loop, so that no two places have the same number.
const PLACES: u64 = 5;

impl ByPlace {
    /// What it is in these iterations, the outermost loop's first.
    pub(super) fn at(&self, iterations: &[u64]) -> char {
        let place = iterations.iter().fold(0, |place, iteration| place * PLACES + iteration);
        let letters: Vec<char> = self.0.chars().collect();
        letters[usize::try_from(place).unwrap() % letters.len()]
    }

    /// Whether it ever is `letter`.
    pub(super) fn may_be(&self, letter: char) -> bool {
        self.0.contains(letter)
    }

    /// The same as an expression, within so many loops: their iterations are in `@n1`, `@n2`, …, and `@n0` is 0.
    pub(super) fn expression(&self, loops: usize) -> String {
        let place = (1..=loops).fold("@n0".to_owned(), |place, n| format!("({place} * {PLACES} + @n{n})"));
        format!(r#"SUBSTRING("{}", 1 + {place} % {}, 1)"#, self.0, self.0.len())
    }
}

impl Task {
    /// Whether it succeeds after so many errors in it, and how many it hands on.
    pub(super) fn result(&self, errors: u32) -> (bool, u32) {
        match self.force {
            None => (errors < self.maximum_errors, errors),
            Some(true) => (true, 0),
            Some(false) => (false, errors.max(1)),
        }
    }
}
