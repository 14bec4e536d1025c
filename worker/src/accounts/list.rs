//! Which users packages may run as on this worker. What a package asks for is decided here, before anything starts.

use std::sync::Arc;

use scaleout_common::run_as::RunAs;

use super::account::{Account, AccountError};

/// The users that the worker's settings allow; none: packages run as the worker's own user.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    allowed: Vec<Arc<Account>>,
}

/// Why a package may not run as the user it names.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error(
        "the package runs as {0} (its `run-as`), but this worker's setting worker.run_as is empty, so that packages run \
         as the worker's own user: list {0} there, or take `run-as` out of the package"
    )]
    NoneAllowed(String),
    #[error(
        "the package runs as {user} (its `run-as`), which this worker's setting worker.run_as does not allow (it lists \
         {allowed}): list {user} there, or enqueue to a pool whose workers do"
    )]
    NotListed { user: String, allowed: String },
}

impl Accounts {
    /// Looks up everybody that the settings list. Blocks for as long as the system's directory takes.
    ///
    /// # Errors
    /// One of them is not there, or this process may not become them.
    pub fn find(wanted: &[RunAs]) -> Result<Accounts, AccountError> {
        let allowed = wanted.iter().map(|entry| Account::find(entry).map(Arc::new));
        let allowed = allowed.collect::<Result<Vec<_>, _>>()?;
        match allowed.iter().find(|account| !account.is_ours() && !may_become_others()) {
            Some(account) => Err(AccountError::NoRight(account.name.clone())),
            None => Ok(Accounts { allowed }),
        }
    }

    /// Whom the processes of a package run as that names `wanted`; `None`: as the worker itself.
    ///
    /// # Errors
    /// The settings do not allow it.
    pub fn choose(&self, wanted: Option<&str>) -> Result<Option<Arc<Account>>, Denied> {
        // Who is that user already becomes nobody: without root's rights it could not even set its groups anew.
        let to_become =
            |account: &Arc<Account>| (!account.is_ours() || may_become_others()).then(|| account.clone());
        let Some(user) = wanted else { return Ok(self.allowed.first().and_then(to_become)) };
        if let Some(account) = self.allowed.iter().find(|account| account.name == user) {
            return Ok(to_become(account));
        }
        Err(match self.names() {
            None => Denied::NoneAllowed(user.to_owned()),
            Some(allowed) => Denied::NotListed { user: user.to_owned(), allowed },
        })
    }

    /// Their names, for people; `None` if there are none. What is beyond a few is counted.
    pub fn names(&self) -> Option<String> {
        const NAMED_MAX: usize = 3;
        let named: Vec<&str> =
            self.allowed.iter().take(NAMED_MAX).map(|account| account.name.as_str()).collect();
        let more = self.allowed.len().saturating_sub(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
    }

    /// Whether packages run as others than the worker.
    pub fn are_others(&self) -> bool {
        self.allowed.iter().any(|account| !account.is_ours())
    }

    /// Whether packages run as root here, because nobody said otherwise or because somebody listed it.
    pub fn include_root(&self) -> bool {
        match self.allowed.as_slice() {
            [] => rustix::process::geteuid().is_root(),
            some => some.iter().any(|account| account.user_id == 0),
        }
    }
}

/// Not by capabilities alone: what is not root keeps them when it becomes another user, and packages would have them.
fn may_become_others() -> bool {
    rustix::process::geteuid().is_root() && has_capabilities()
}

#[cfg(target_os = "linux")]
fn has_capabilities() -> bool {
    use rustix::thread::CapabilitySet;
    let needed = CapabilitySet::CHOWN | CapabilitySet::KILL | CapabilitySet::SETGID | CapabilitySet::SETUID;
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

/// Only Linux changes the user of one process of ours between fork and exec ([`super::switch`]).
#[cfg(not(target_os = "linux"))]
fn has_capabilities() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(names: &[&str]) -> Accounts {
        let account = |name: &&str| {
            let (name, home) = ((*name).to_owned(), "/".into());
            Arc::new(Account { name, user_id: 7, group_id: 7, groups: vec![7], home })
        };
        Accounts { allowed: names.iter().map(account).collect() }
    }

    #[test]
    fn a_package_gets_whom_it_names_or_the_first_and_nobody_else() {
        let name = |chosen: Option<Arc<Account>>| chosen.map(|account| account.name.clone());
        assert_eq!(name(accounts(&[]).choose(None).unwrap()), None);
        let two = accounts(&["etl", "batch"]);
        assert_eq!(name(two.choose(None).unwrap()).as_deref(), Some("etl"));
        assert_eq!(name(two.choose(Some("batch")).unwrap()).as_deref(), Some("batch"));
        let denied = two.choose(Some("root")).unwrap_err().to_string();
        assert!(denied.contains("runs as root") && denied.contains("it lists etl, batch"), "{denied}");
        assert_eq!(accounts(&[]).choose(Some("etl")), Err(Denied::NoneAllowed("etl".into())));
    }

    #[test]
    fn names_are_few() {
        assert_eq!(accounts(&["a", "b", "c", "d", "e"]).names().unwrap(), "a, b, c and 2 more");
        assert_eq!(accounts(&[]).names(), None);
    }
}
