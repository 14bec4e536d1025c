//! The TOML reader: text to model, with every fault and its place.
//!
//! Walks spanned TOML by hand, so that every error points into the file; collects them all.

use crate::diagnostics::{Diagnostics, Problem};
use crate::files::ProjectFiles;
use crate::model::Package;
use crate::project::ProjectSettings;

/// Largest package or settings file, in bytes.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// What a package is read within.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The project's settings; the default if the file stands alone.
    pub settings: &'a ProjectSettings,
    /// The project's files, to check the programs that tasks start; `None` if they are not known.
    pub files: Option<&'a ProjectFiles>,
}

/// Reads one package. `path` is what messages call the file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_package(
    name: &str,
    path: &str,
    bytes: &[u8],
    around: &Surroundings<'_>,
) -> Result<Package, Diagnostics> {
    let _ = (name, path, bytes, around);
    unimplemented!("next commit")
}

/// Reads `project.toml`. `path` is what messages call the file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_settings(path: &str, bytes: &[u8]) -> Result<ProjectSettings, Diagnostics> {
    let (settings, problems) = settings_and_problems(path, bytes);
    Diagnostics::unless_clean(settings, problems)
}

/// Reads `project.toml` as far as it can be read.
pub(crate) fn settings_and_problems(path: &str, bytes: &[u8]) -> (ProjectSettings, Vec<Problem>) {
    let _ = (path, bytes);
    unimplemented!("next commit")
}
