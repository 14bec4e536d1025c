//! Blocking work that sees the system with a package's rights and not with the worker's.

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::Account;

/// Runs `work`, which may block, as `account`, on a thread of its own that ends with it: on Linux a thread can be
/// another user than its process. `None`: as the worker, on the pool for such work. If the future is dropped, the work
/// goes on to its end.
///
/// # Errors
/// The thread cannot become the user, or the work panicked.
pub(crate) async fn blocking_as<T: Send + 'static>(
    account: Option<Arc<Account>>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let Some(account) = account else {
        return tokio::task::spawn_blocking(work).await.map_err(io::Error::other);
    };
    let (sender, receiver) = oneshot::channel();
    let body = move || {
        // Who does not wait any more needs no answer.
        let _ = sender.send(switch_thread_to(&account).map(|()| work()));
    };
    std::thread::Builder::new().name("as-user".to_owned()).spawn(body)?;
    receiver.await.map_err(io::Error::other)?
}

/// Makes this thread, and no other one, `account`. It cannot become anybody else afterwards.
#[cfg(target_os = "linux")]
fn switch_thread_to(account: &Account) -> io::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    let (user, group) = (Uid::from_raw(account.user_id), Gid::from_raw(account.group_id));
    let groups: Vec<Gid> = account.groups.iter().copied().map(Gid::from_raw).collect();
    // In this order: who has become another user may no longer change groups.
    set_thread_groups(&groups)?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    Ok(())
}

/// `Accounts::find` has refused it before.
#[cfg(not(target_os = "linux"))]
fn switch_thread_to(_account: &Account) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
