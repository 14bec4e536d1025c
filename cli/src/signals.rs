//! SIGINT and SIGTERM, for what runs until it is stopped: the first asks it to stop, the second ends the process
//! at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::{Exit, Failure};
use crate::output::say;

/// A token that the first signal cancels. Must be called within a runtime.
pub(crate) fn stop_token() -> Result<CancellationToken, Failure> {
    let refused = |error: std::io::Error| Failure::failed(format!("cannot listen for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        say("a second signal: ending at once");
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(token)
}

/// Ends this process when its standard input closes, which happens however its parent ends. For the children of
/// `scaleout dev`, which must not outlive it. A plain thread: a stalled runtime must not hold it up.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let mut byte = [0_u8; 1];
        loop {
            match std::io::Read::read(&mut std::io::stdin().lock(), &mut byte) {
                Ok(0) => break,
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        std::process::exit(Exit::NotSucceeded.code().into());
    });
}
