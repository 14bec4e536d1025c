//! Transactions over several tasks: who begins one, and who joins it.

use crate::property::Word;

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
}

/// A transaction that is begun, on one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// Name of the connection, the same for every statement inside.
    pub connection: String,
    /// What it sees of others.
    pub isolation: Isolation,
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
