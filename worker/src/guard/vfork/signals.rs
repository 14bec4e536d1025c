//! Signals around the birth of a child that shares our memory: none may run a handler of ours in it.

use std::mem::MaybeUninit;
use std::ptr;

/// Signals have their first meaning again. The table of handlers is the child's own, though the memory is not: between
/// here and the program no handler of ours may run. What is ignored stays so, as it does over exec, but for SIGPIPE,
/// which Rust's runtime ignores and no program expects to be.
pub(super) fn forget_handlers() {
    // Nothing of ours handles SIGABRT, and libc takes a lock to set it, which would stay locked in our memory if the child
    // were killed meanwhile.
    for signal in (1..=libc::SIGRTMAX()).filter(|signal| *signal != libc::SIGABRT) {
        // SAFETY: asks for and sets the action of a signal, with places for it that are ours. Those that cannot be set
        // (SIGKILL, SIGSTOP, libc's own) are refused, and have no handler that a program could get.
        unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            if libc::sigaction(signal, ptr::null(), &raw mut action) != 0 {
                continue;
            }
            let is_handled = action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN;
            if is_handled || signal == libc::SIGPIPE {
                action.sa_sigaction = libc::SIG_DFL;
                action.sa_flags = 0;
                libc::sigaction(signal, &raw const action, ptr::null_mut());
            }
        }
    }
}

/// A program starts with no signal blocked, as std lets it.
pub(super) fn unblock_all() {
    // SAFETY: an empty set that is ours.
    unsafe {
        let mut none = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// All signals of this thread are blocked until this is dropped.
pub(super) struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    pub(super) fn all() -> Self {
        // SAFETY: sets that are ours; a mask can always be set.
        unsafe {
            let mut all = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
            let mut before = all;
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            Self { before }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the mask that the system gave us.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut());
        }
    }
}
