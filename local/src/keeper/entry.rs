//! Where a program that was started as the keeper becomes it.

use super::supervisor;

/// The one argument a keeper is started with.
pub(super) const MARK: &str = "keep-private-servers";

/// Becomes the keeper, and never returns, when this process was started as one. Must be the first thing in
/// the `main` of every program that starts private servers, before threads or a runtime.
pub fn run_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == MARK) && arguments.next().is_none() {
        std::process::exit(supervisor::run());
    }
}
