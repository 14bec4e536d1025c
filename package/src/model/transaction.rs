//! Transactions over several tasks: who begins one, and who joins it.

use std::collections::BTreeSet;

use crate::property::{Property, Word};

/// What a task or container says of transactions, in SSIS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wanted {
    /// It joins the transaction around it, or begins one.
    Required,
    /// It joins the transaction around it, if there is one.
    #[default]
    Supported,
    /// It and what is inside it stays out of the transaction around it.
    NotSupported,
}

/// What that comes to for a task where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Membership {
    /// No transaction reaches it.
    #[default]
    Outside,
    /// It belongs to the one around it.
    Joins {
        /// Whether a try that fails takes back what it did alone; the transaction goes on from there.
        savepoint: bool,
    },
    /// Each of its tries is a transaction: committed when the try succeeds, else rolled back.
    Begins(Begin),
    /// Which of them is found out when it starts ([`Membership::at_start`]): what it says is an expression, or what a
    /// container around it says.
    AtStart(Begin),
}

/// A transaction that is begun, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begin {
    /// Name of the connection of its statements, if the file says it for one. If not, the first statement decides.
    pub connection: Option<String>,
    /// Those of statements which may belong to it. Where a loop's query is of one of these and no statement has decided yet,
    /// that one does, and the transaction is on it: by itself it would keep what those statements wait for.
    pub likely: BTreeSet<String>,
    /// Whether a statement is inside that belongs to it or may.
    pub has_statements: bool,
}

/// What a package says of transactions.
#[derive(Debug, Clone, PartialEq)]
pub struct PackageTransaction {
    /// Whether it begins one.
    pub wanted: Property<Wanted>,
    /// What that sees of others.
    pub isolation: Option<Property<Isolation>>,
    /// What is begun.
    pub begin: Begin,
}

impl Membership {
    /// What it is for a task that has started, and wants this: with a transaction around it or not. `retried` tells
    /// whether the task may be tried again.
    pub fn at_start(&self, wanted: Wanted, is_around: bool, retried: bool) -> Membership {
        let Membership::AtStart(begin) = self else { return self.clone() };
        match (wanted, is_around) {
            (Wanted::NotSupported, _) | (Wanted::Supported, false) => Membership::Outside,
            (Wanted::Required, false) => Membership::Begins(begin.clone()),
            (Wanted::Required, true) => Membership::Joins { savepoint: begin.has_statements },
            (Wanted::Supported, true) => Membership::Joins { savepoint: begin.has_statements && retried },
        }
    }
}

/// How much a transaction sees of what others commit meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// Nothing, and it fails if no order of the transactions, one by one, could have given the same; SSIS's own default.
    Serializable,
    /// Nothing.
    RepeatableRead,
    /// What was committed when each statement began. The default, as PostgreSQL's: the others fail where this one waits,
    /// and what fails must be tried again as a whole.
    #[default]
    ReadCommitted,
}

impl Word for Wanted {
    const ALL: &'static [Wanted] = &[Wanted::Required, Wanted::Supported, Wanted::NotSupported];

    fn name(self) -> &'static str {
        match self {
            Wanted::Required => "required",
            Wanted::Supported => "supported",
            Wanted::NotSupported => "not-supported",
        }
    }
}

impl Word for Isolation {
    const ALL: &'static [Isolation] =
        &[Isolation::Serializable, Isolation::RepeatableRead, Isolation::ReadCommitted];

    fn name(self) -> &'static str {
        match self {
            Isolation::Serializable => "serializable",
            Isolation::RepeatableRead => "repeatable-read",
            Isolation::ReadCommitted => "read-committed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_out_at_the_start_is_as_if_it_had_been_known() {
        let begin = Begin { has_statements: true, ..Begin::default() };
        let open = Membership::AtStart(begin.clone());
        let joins = |savepoint| Membership::Joins { savepoint };
        for (wanted, is_around, retried, expected) in [
            (Wanted::Required, false, false, Membership::Begins(begin)),
            (Wanted::Required, true, false, joins(true)),
            (Wanted::Supported, true, false, joins(false)),
            (Wanted::Supported, true, true, joins(true)),
            (Wanted::Supported, false, true, Membership::Outside),
            (Wanted::NotSupported, true, true, Membership::Outside),
        ] {
            assert_eq!(open.at_start(wanted, is_around, retried), expected, "{wanted:?}, {is_around}");
        }
        assert_eq!(joins(false).at_start(Wanted::Required, false, true), joins(false));
        let idle = Membership::AtStart(Begin::default());
        assert_eq!(
            idle.at_start(Wanted::Required, true, true),
            joins(false),
            "there is nothing to take back"
        );
    }
}
