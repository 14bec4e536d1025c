//! One user as the system knows it (through nsswitch: files, LDAP, whatever is configured). Owns nothing.

use std::path::PathBuf;

use scaleout_common::run_as::RunAs;
use uzers::os::unix::UserExt;

/// A user that processes run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub user_id: u32,
    /// The group of the settings, else the user's own.
    pub group_id: u32,
    /// All its groups, as `initgroups` would set them.
    pub groups: Vec<u32>,
    pub home: PathBuf,
}

/// A user of the settings that packages cannot run as.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error("worker.run_as names the user {0:?}, whom this machine does not know: make it, or take it out")]
    NoUser(String),
    #[error(
        "worker.run_as names the group {group:?} for {user}, which this machine does not know: make it, or take it out"
    )]
    NoGroup { user: String, group: String },
    #[error("cannot find out the groups of {0}, whom worker.run_as names")]
    Groups(String),
    #[error(
        "worker.run_as names {0}, but this worker may not become another user: run it as root, with the capabilities \
         CHOWN, KILL, SETGID and SETUID (deploy/systemd/run-as.conf), or empty the list"
    )]
    NoRight(String),
}

impl Account {
    /// Asks the system. Blocks for as long as its directory takes.
    ///
    /// # Errors
    /// There is no such user or group.
    pub fn find(wanted: &RunAs) -> Result<Account, AccountError> {
        let name = &wanted.user;
        let user = uzers::get_user_by_name(name).ok_or_else(|| AccountError::NoUser(name.clone()))?;
        let group_id = match &wanted.group {
            None => user.primary_group_id(),
            Some(group) => uzers::get_group_by_name(group)
                .ok_or_else(|| AccountError::NoGroup { user: name.clone(), group: group.clone() })?
                .gid(),
        };
        let groups =
            uzers::get_user_groups(name, group_id).ok_or_else(|| AccountError::Groups(name.clone()))?;
        let mut groups: Vec<u32> = groups.iter().map(uzers::Group::gid).chain([group_id]).collect();
        groups.sort_unstable();
        groups.dedup();
        let home = user.home_dir().to_owned();
        Ok(Account { name: name.clone(), user_id: user.uid(), group_id, groups, home })
    }

    /// Whether this very process runs as it already.
    pub(super) fn is_ours(&self) -> bool {
        use rustix::process::{getegid, geteuid};
        self.user_id == geteuid().as_raw() && self.group_id == getegid().as_raw()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Result<Account, AccountError> {
        Account::find(&RunAs::try_from(text.to_owned()).unwrap())
    }

    #[test]
    fn users_and_groups_are_looked_up() {
        let root = find("root").unwrap();
        assert_eq!((root.user_id, root.group_id), (0, 0));
        assert!(root.groups.contains(&0) && root.home.is_absolute(), "{root:?}");
        let nobody = find("nobody").unwrap();
        assert_ne!(nobody.user_id, 0);
        let grouped = find("nobody:daemon").unwrap();
        assert_ne!(grouped.group_id, nobody.group_id);
        assert!(grouped.groups.contains(&grouped.group_id), "{grouped:?}");
    }

    #[test]
    fn who_is_not_there_is_named() {
        assert_eq!(find("no-such-user"), Err(AccountError::NoUser("no-such-user".into())));
        let expected = AccountError::NoGroup { user: "nobody".into(), group: "no-such-group".into() };
        assert_eq!(find("nobody:no-such-group"), Err(expected));
    }
}
