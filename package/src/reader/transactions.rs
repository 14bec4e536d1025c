//! Decides which tasks share which transaction: going down the tasks with the one that is open around them.
//!
//! What says so by an expression is decided when it starts. What is inside may then be in a transaction or not, and what
//! depends on that is checked when it runs.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::model::{Begin, Isolation, Membership, PackageTransaction, Wanted};
use crate::property::{Property, Word};

use super::names::Names;
use super::report::Report;
use super::table::Table;

/// What a task, a container or the package says of transactions.
#[derive(Default)]
pub(super) struct Said {
    pub(super) wanted: Property<Wanted>,
    /// Where that is said.
    at: Range<usize>,
    pub(super) isolation: Option<Property<Isolation>>,
    isolation_at: Range<usize>,
}

/// The transaction that is open around what is being read.
pub(super) struct Open {
    /// Who begins it, for messages.
    owner: String,
    /// Whether it is certain that there is one.
    is_certain: bool,
    /// If it is known.
    isolation: Option<Isolation>,
    /// That of the first statement in it whose connection is known.
    connection: Option<String>,
    /// Those of statements that may be in it.
    likely: BTreeSet<String>,
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
    /// One of those, which is known when it starts.
    Undecided,
}

impl Said {
    /// Reads `transaction` and `isolation`.
    pub(super) fn read(names: &Names<'_>, table: &mut Table<'_>, report: &mut Report) -> Said {
        let problems = report.count();
        let said = Said::of_child(names, table, report);
        let Some(item) = table.take("isolation") else { return said };
        let is_faulty = report.count() > problems;
        if said.wanted().is_some_and(|wanted| wanted != Wanted::Required) && !is_faulty {
            let message = "`isolation` goes with transaction = \"required\"";
            report.add(item.key_span.clone(), message);
        }
        Said { isolation: names.property_of(&item, report), isolation_at: item.span(), ..said }
    }

    /// Reads `transaction` of a task that runs another package, and begins none.
    pub(super) fn of_child(names: &Names<'_>, table: &mut Table<'_>, report: &mut Report) -> Said {
        let Some(item) = table.take("transaction") else { return Said::default() };
        let wanted = names.property_of(&item, report).unwrap_or_default();
        Said { wanted, at: item.span(), ..Said::default() }
    }

    fn wanted(&self) -> Option<Wanted> {
        self.wanted.known().copied()
    }

    /// Reports that iterations that may run at the same time cannot be one transaction.
    pub(super) fn check_parallel(&self, is_parallel: bool, report: &mut Report) {
        if self.wanted() == Some(Wanted::Required) && is_parallel {
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
        match (self.wanted(), open.filter(|open| open.is_certain)) {
            (Some(Wanted::Required), _) => report.add_with_help(
                self.at.clone(),
                "a package that runs inside another one joins no transaction of it",
                "write transaction = \"required\" above the first table of that package: it begins its own",
            ),
            (Some(Wanted::Supported), Some(open)) => report.add_with_help(
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
        let usual = Property::default();
        let isolation = said.isolation.as_ref().unwrap_or(&usual).known().copied();
        let is_certain = said.wanted() == Some(Wanted::Required);
        Open {
            owner: owner.to_owned(),
            is_certain,
            isolation,
            connection: None,
            likely: BTreeSet::new(),
            joined: 0,
        }
    }

    /// Takes in a statement, whose connection is named at `at`; `None` if it is not known yet which one that is.
    pub(super) fn join(&mut self, connection: Option<&str>, at: Range<usize>, report: &mut Report) {
        self.joined += 1;
        let Some(connection) = connection else { return };
        let first = self.connection.get_or_insert_with(|| connection.to_owned());
        if first != connection && self.is_certain {
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
        (self.joined > 0).then(|| self.what())
    }

    fn what(self) -> Begin {
        Begin { connection: self.connection, likely: self.likely, has_statements: self.joined > 0 }
    }
}

/// The package's own transaction, which is around all of its tasks.
pub(super) fn of_package(said: &Said) -> Option<Open> {
    let may_be = said.wanted().is_none_or(|wanted| wanted == Wanted::Required);
    may_be.then(|| Open::begin(said, "the package"))
}

/// What the package begins, when its tasks are read.
pub(super) fn begun(said: Said, open: Option<Open>) -> Option<PackageTransaction> {
    let is_known = said.wanted().is_some() && said.isolation.as_ref().is_none_or(|one| one.known().is_some());
    let begin = match open.and_then(Open::begun) {
        Some(begin) => begin,
        // What an expression says is evaluated all the same: a faulty one must not go unseen.
        None if !is_known => Begin::default(),
        None => return None,
    };
    Some(PackageTransaction { wanted: said.wanted, isolation: said.isolation, begin })
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
    match (said.wanted(), open.as_ref()) {
        (None, _) => entered(open.replace(Open::begin(said, what)), Role::Undecided, false),
        (Some(Wanted::NotSupported), _) => entered(open.take(), Role::Outside, false),
        (Some(Wanted::Supported), None) => entered(None, Role::Outside, false),
        (Some(Wanted::Required), None) => {
            *open = Some(Open::begin(said, what));
            entered(None, Role::Begins, false)
        }
        (Some(Wanted::Required), Some(around)) if !around.is_certain => {
            entered(open.replace(Open::begin(said, what)), Role::Undecided, false)
        }
        (Some(wanted), Some(around)) => {
            check_isolation(said, around, what, report);
            entered(None, Role::Joins, wanted == Wanted::Required || retried)
        }
    }
}

/// Reports a task that joins a transaction and says another isolation, as far as both are known.
fn check_isolation(said: &Said, around: &Open, what: &str, report: &mut Report) {
    let isolation = said.isolation.as_ref().and_then(Property::known);
    if let (Some(isolation), Some(other)) = (isolation, around.isolation)
        && *isolation != other
    {
        report.add_with_help(
            said.isolation_at.clone(),
            format!("{what} joins the transaction of {}, which is {}", around.owner, other.name()),
            "say it there, and leave it out here",
        );
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
        Role::Undecided => {
            let inside = std::mem::replace(open, entered.behind);
            if let (Some(around), Some(inside)) = (open, &inside) {
                around.joined += inside.joined;
                around.likely.extend(inside.connection.iter().chain(&inside.likely).cloned());
            }
            // Also without a statement inside: queries of loops belong to it, and packages inside do not.
            Membership::AtStart(inside.map(Open::what).unwrap_or_default())
        }
    }
}
