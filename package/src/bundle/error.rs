//! What can be wrong with a bundle.

use std::io;
use std::path::PathBuf;

use crate::files::FilesError;

/// Why files could not be packed, or a bundle not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The packed project is larger than [`PACKED_BYTES_MAX`](super::PACKED_BYTES_MAX).
    #[error("the packed project is larger than 64 MiB: keep data out of it with .scaleoutignore")]
    PackedTooLarge,
    /// A path, the count or the size of the files in it.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// An entry that is not a plain file.
    #[error("the bundle holds {path:?}, which is a {kind}: only plain files are allowed")]
    Kind {
        /// The entry's path.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Not a tar + zstd, or cut off.
    #[error("the bundle is damaged: {0}")]
    Damaged(io::Error),
    /// The file system refused.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}
