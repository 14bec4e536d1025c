//! Why work on files ended early, and who can end it.

use std::io;

use tokio_util::sync::CancellationToken;

use crate::guard::Guard;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Fault {
    /// What was to be worked on is not there.
    Missing(String),
    /// Anything else, in words.
    Failed(String),
    /// It was told to end.
    Interrupted,
}

impl Fault {
    /// `attempted` and what the system said to it.
    pub(crate) fn of(attempted: &str, error: &io::Error) -> Fault {
        if error.kind() == io::ErrorKind::NotFound {
            return Fault::Missing(format!("{attempted}: it is not there"));
        }
        Fault::Failed(match error.kind() {
            io::ErrorKind::PermissionDenied => {
                format!("{attempted}: whom the package runs as may not; give it the right")
            }
            io::ErrorKind::AlreadyExists => {
                format!("{attempted}: it is there already; overwrite = true replaces a file")
            }
            io::ErrorKind::StorageFull => format!("{attempted}: the disk is full"),
            _ => format!("{attempted}: {error}"),
        })
    }

    /// With what was done before, if there was anything.
    pub(super) fn after(self, done: &str) -> Fault {
        match self {
            Fault::Missing(text) => Fault::Missing(format!("{text}; before, {done}")),
            Fault::Failed(text) => Fault::Failed(format!("{text}; before, {done}")),
            Fault::Interrupted => Fault::Interrupted,
        }
    }
}

/// Tells work that blocks when to end.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    token: CancellationToken,
    guard: Guard,
}

impl Watch {
    pub(crate) fn new(token: CancellationToken, guard: Guard) -> Watch {
        Watch { token, guard }
    }

    /// To be asked before each step that changes anything.
    ///
    /// # Errors
    /// It is time to end. Behind the fence the execution may be another worker's already.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        if self.token.is_cancelled() {
            return Err(Fault::Interrupted);
        }
        if self.guard.is_over() {
            let text = "the session is over: its fence has passed or its guard is gone";
            return Err(Fault::Failed(text.to_owned()));
        }
        Ok(())
    }
}
