//! Asks the person at the terminal, on standard error.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::exit::Failure;

/// Whether there is somebody to ask.
pub(crate) fn anybody() -> bool {
    std::io::stdin().is_terminal()
}

/// Whether the answer to `question` is yes.
///
/// # Errors
/// The answer cannot be read.
pub(crate) fn agreed(question: &str) -> Result<bool, Failure> {
    let mut stderr = std::io::stderr().lock();
    // Nobody can be told that the question cannot be shown; without an answer nothing is done.
    let _ = write!(stderr, "{question} [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::failed(format!("cannot read the answer: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
