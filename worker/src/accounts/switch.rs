//! How a process becomes another user: between fork and exec, by system calls alone.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use tokio::process::Command;

use super::Account;

/// Lets `command` run as `account`, with its groups and nothing of ours; it starts in `folder`, which the user must be
/// able to enter. To be called before the guard's own announcement is added, so that this happens before it.
///
/// # Errors
/// The folder's name cannot be given to the system.
#[cfg(target_os = "linux")]
pub(crate) fn switch_to(command: &mut Command, account: &Account, folder: &Path) -> io::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let folder = CString::new(folder.as_os_str().as_bytes())?;
    let (user, group) = (Uid::from_raw(account.user_id), Gid::from_raw(account.group_id));
    let groups: Vec<Gid> = account.groups.iter().copied().map(Gid::from_raw).collect();
    let switch = move || -> io::Result<()> {
        // In this order: who has become another user may no longer change groups. The kernel takes root's capabilities
        // away with the last step.
        set_thread_groups(&groups)?;
        set_thread_res_gid(group, group, group)?;
        set_thread_res_uid(user, user, user)?;
        // It was entered as root. Whether the user may be there shows here, and not later in a program's own words.
        rustix::process::chdir(folder.as_c_str())?;
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `switch` makes four plain system calls
    // on the only thread that there is, and neither allocates, nor locks, nor panics.
    unsafe { command.pre_exec(switch) };
    Ok(())
}

/// `Accounts::find` has refused it before.
#[cfg(not(target_os = "linux"))]
pub(crate) fn switch_to(_command: &mut Command, _account: &Account, _folder: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
