//! Bundles: a project's files as one tar + zstd with a content hash.
//!
//! The same files always give the same bytes: sorted, zero times, no owners. A bundle from
//! elsewhere is not trusted: [`unpack`] and [`extract_to`] refuse links, devices, paths that lead
//! out, doubles and bombs.

use std::path::Path;

use crate::files::{FilesError, ProjectFiles};

/// Largest packed bundle, in bytes.
pub const PACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A packed project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The tar.zst.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub hash: [u8; 32],
}

/// Why files could not be packed, or a bundle not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The packed project is larger than [`PACKED_BYTES_MAX`].
    #[error(
        "the packed project has {bytes} bytes; at most 64 MiB are allowed: keep data out of it with .scaleoutignore"
    )]
    PackedTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A path, the count or the size of the files in it.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// An entry that is neither a plain file nor a folder.
    #[error("the bundle holds {path:?}, which is a {kind}: only plain files and folders are allowed")]
    Kind {
        /// The entry's path.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Not a tar + zstd, or cut off.
    #[error("the bundle is damaged: {0}")]
    Damaged(std::io::Error),
    /// The file system refused.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// Where.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// SHA-256 of a bundle's bytes.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}

/// Packs a project.
///
/// # Errors
/// The packed project is too large.
pub fn pack(files: &ProjectFiles) -> Result<Bundle, BundleError> {
    let _ = files;
    unimplemented!("next commit")
}

/// Reads a bundle from elsewhere, in memory: what the master does on deploy.
///
/// # Errors
/// It is too large, damaged, or holds what no project may hold.
pub fn unpack(bytes: &[u8]) -> Result<ProjectFiles, BundleError> {
    let _ = bytes;
    unimplemented!("next commit")
}

/// Unpacks a bundle into the new folder `target`, read-only: what a worker's cache does. It is
/// written beside and renamed, so `target` is there whole or not at all; a `target` that another
/// has put there meanwhile is left as it is.
///
/// # Errors
/// As [`unpack`]; or the file system refuses.
pub fn extract_to(bytes: &[u8], target: &Path) -> Result<(), BundleError> {
    let _ = (bytes, target);
    unimplemented!("next commit")
}
