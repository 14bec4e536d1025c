//! Makes a child that shares our memory. Owns its stack while it lives there.

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

use super::signals::Blocked;

/// Bytes of the child's stack. It makes some dozen system calls.
const STACK_BYTES: usize = 64 * 1024;

/// Makes a child that calls `life`, and stands still until it has become a program or ended. Gives its id and its pidfd.
///
/// # Safety
/// `life` must take `argument` for what it is, do nothing but system calls, and never return.
pub(super) unsafe fn clone(
    life: extern "C" fn(*mut c_void) -> c_int,
    argument: *const c_void,
) -> io::Result<(i32, OwnedFd)> {
    let mut stack: Vec<MaybeUninit<u8>> = Vec::with_capacity(STACK_BYTES);
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let signals = Blocked::all();
    // SAFETY: the caller vouches for `life` and its argument, which outlive the child, as its stack does: with CLONE_VFORK
    // this thread goes on only when the child no longer uses our memory. The stack grows downwards from its end,
    // aligned to 16 bytes as every call expects. All signals are blocked, so that no handler of ours runs in the child.
    let id = unsafe {
        let top = stack.as_mut_ptr().add(STACK_BYTES).cast::<c_void>();
        let top = top.byte_sub(top.addr() % 16);
        libc::clone(life, top, flags, argument.cast_mut(), ptr::from_mut(&mut pidfd))
    };
    // Of the call above, before anything else can fail.
    let error = io::Error::last_os_error();
    drop(signals);
    if id < 0 {
        return Err(error);
    }
    if pidfd < 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: with CLONE_PIDFD the system has put a new descriptor there, which is nobody else's.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok((id, pidfd))
}
