//! Decides which tasks share which transaction: going down the tasks with the one that is open around them.

use std::ops::Range;

use crate::model::{Begin, Isolation, Membership, Wanted};
use crate::property::Word;

use super::foreach::word;
use super::report::Report;
use super::table::Table;

/// What a task, a container or the package says of transactions.
#[derive(Default)]
pub(super) struct Said {
    wanted: Wanted,
    /// Where that is said.
    at: Range<usize>,
    isolation: Option<(Isolation, Range<usize>)>,
}

/// The transaction that is open around what is being read.
pub(super) struct Open {
    /// Who begins it, for messages.
    owner: String,
    isolation: Isolation,
    /// That of the first statement in it.
    connection: Option<String>,
    /// How many statements have joined.
    joined: usize,
}

/// What a task found when its inside began.
pub(super) struct Entered {
    /// The transaction that goes on behind it, if the inside has another one or none.
    behind: Option<Open>,
    role: Role,
    /// Whether it takes back what it did alone when it fails.
    alone: bool,
    joined_before: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Passes,
    Outside,
    Joins,
    Begins,
}

impl Said {
    /// Reads `transaction` and `isolation`.
    pub(super) fn read(table: &mut Table<'_>, report: &mut Report) -> Said {
        let item = table.take("transaction");
        let at = item.as_ref().map(|item| item.span()).unwrap_or_default();
        let wanted = item.and_then(|item| word(&item, report));
        let wanted = wanted.unwrap_or_default();
        let isolation = table.take("isolation").and_then(|item| {
            if wanted != Wanted::Required {
                let message = "`isolation` goes with transaction = \"required\"";
                report.add(item.key_span.clone(), message);
            }
            Some((word::<Isolation>(&item, report)?, item.span()))
        });
        Said { wanted, at, isolation }
    }

    /// Reports that iterations that may run at the same time cannot be one transaction.
    pub(super) fn check_parallel(&self, is_parallel: bool, report: &mut Report) {
        if self.wanted == Wanted::Required && is_parallel {
            report.add_with_help(
                self.at.clone(),
                "iterations that run at the same time cannot be one transaction",
                "take out `parallel`, or put a sequence with transaction = \"required\" into the loop: a \
                 transaction for each iteration",
            );
        }
    }

    /// Reports a task that runs another package where that would have to join a transaction: none reaches into it.
    pub(super) fn check_child(&self, open: Option<&Open>, task: Range<usize>, report: &mut Report) {
        match (self.wanted, open) {
            (Wanted::Required, _) => report.add_with_help(
                self.at.clone(),
                "a package that runs inside another one joins no transaction of it",
                "write transaction = \"required\" above the first table of that package: it begins its own",
            ),
            (Wanted::Supported, Some(open)) => report.add_with_help(
                task,
                format!(
                    "this is inside the transaction of {}, and another package joins none: it would wait for rows that \
                     the transaction has locked, and stay when that is rolled back",
                    open.owner
                ),
                "take it out, or write transaction = \"not-supported\" here if it has nothing to do with those rows",
            ),
            _ => {}
        }
    }
}

impl Open {
    fn begin(said: &Said, owner: &str) -> Open {
        let isolation = said.isolation.as_ref().map(|(isolation, _)| *isolation).unwrap_or_default();
        Open { owner: owner.to_owned(), isolation, connection: None, joined: 0 }
    }

    /// Takes in a statement on `connection`, which is named at `at`.
    pub(super) fn join(&mut self, connection: &str, at: Range<usize>, report: &mut Report) {
        self.joined += 1;
        let first = self.connection.get_or_insert_with(|| connection.to_owned());
        if first != connection {
            report.add_with_help(
                at,
                format!(
                    "this is inside the transaction of {}, on connection `{first}`: two databases cannot commit as one",
                    self.owner
                ),
                format!("use `{first}`, or keep it out with transaction = \"not-supported\""),
            );
        }
    }

    /// What has been begun; nothing if there is no statement in it.
    fn begun(self) -> Option<Begin> {
        Some(Begin { connection: self.connection?, isolation: self.isolation })
    }
}

/// The package's own transaction, which is around all of its tasks.
pub(super) fn of_package(said: &Said) -> Option<Open> {
    (said.wanted == Wanted::Required).then(|| Open::begin(said, "the package"))
}

/// What the package begins, when its tasks are read.
pub(super) fn begun(open: Option<Open>) -> Option<Begin> {
    open.and_then(Open::begun)
}

/// Goes into a task; `said` is none for kinds that transactions pass by. `retried` tells whether it may be tried again.
pub(super) fn enter(
    open: &mut Option<Open>,
    said: Option<&Said>,
    what: &str,
    retried: bool,
    report: &mut Report,
) -> Entered {
    let joined_before = open.as_ref().map_or(0, |open| open.joined);
    let entered = |behind, role, alone| Entered { behind, role, alone, joined_before };
    let Some(said) = said else { return entered(None, Role::Passes, false) };
    match (said.wanted, open.as_ref()) {
        (Wanted::NotSupported, _) => entered(open.take(), Role::Outside, false),
        (Wanted::Supported, None) => entered(None, Role::Outside, false),
        (Wanted::Required, None) => {
            *open = Some(Open::begin(said, what));
            entered(None, Role::Begins, false)
        }
        (wanted, Some(around)) => {
            if let Some((isolation, at)) = &said.isolation
                && *isolation != around.isolation
            {
                let (owner, other) = (&around.owner, around.isolation.name());
                report.add_with_help(
                    at.clone(),
                    format!("{what} joins the transaction of {owner}, which is {other}"),
                    "say it there, and leave it out here",
                );
            }
            entered(None, Role::Joins, wanted == Wanted::Required || retried)
        }
    }
}

/// Goes out of a task again: `open` is the transaction around it as before.
pub(super) fn leave(open: &mut Option<Open>, entered: Entered) -> Membership {
    match entered.role {
        Role::Passes => Membership::Outside,
        Role::Outside => {
            *open = entered.behind;
            Membership::Outside
        }
        Role::Joins => {
            let some_joined = open.as_ref().is_some_and(|open| open.joined > entered.joined_before);
            Membership::Joins { savepoint: entered.alone && some_joined }
        }
        Role::Begins => open.take().and_then(Open::begun).map_or(Membership::Outside, Membership::Begins),
    }
}
