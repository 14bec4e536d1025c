//! Private servers, for real. Each boot of RabbitMQ takes seconds, so few tests look at much each.
#![expect(clippy::unwrap_used, reason = "a panic is how a test says what it saw")]

mod ends;
mod life;
#[cfg(target_os = "linux")]
mod processes;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

/// The program that can become the keeper; a test binary cannot.
const PROGRAM: &str = env!("CARGO_BIN_EXE_scaleout-servers");

/// A folder that the servers' user can get through, when root runs the tests.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    folder
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
