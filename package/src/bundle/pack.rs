//! From files to a bundle: the same files always give the same bytes. Touches no file system.

use std::io::{self, Write};

use super::BundleError;
use crate::files::ProjectFiles;

/// Largest packed bundle, in bytes.
pub const PACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// zstd's own default level: packs text well at the speed of the disk.
const COMPRESSION_LEVEL: i32 = 3;

/// A packed project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The tar.zst.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub hash: [u8; 32],
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
    let bytes = write_tar(files).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => BundleError::PackedTooLarge,
        _ => BundleError::Damaged(error),
    })?;
    let hash = hash(&bytes);
    Ok(Bundle { bytes, hash })
}

fn write_tar(files: &ProjectFiles) -> io::Result<Vec<u8>> {
    let packed = Bounded { bytes: Vec::new() };
    let mut encoder = zstd::Encoder::new(packed, COMPRESSION_LEVEL)?;
    encoder.include_checksum(true)?;
    let mut archive = tar::Builder::new(encoder);
    for (path, content) in files.iter() {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(content.bytes.len() as u64);
        header.set_mode(if content.executable { 0o755 } else { 0o644 });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        archive.append_data(&mut header, path, content.bytes.as_slice())?;
    }
    Ok(archive.into_inner()?.finish()?.bytes)
}

/// Refuses to grow beyond [`PACKED_BYTES_MAX`].
struct Bounded {
    bytes: Vec<u8>,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > PACKED_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
