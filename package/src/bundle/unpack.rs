//! Reads a bundle that is not trusted, entry by entry; every check of one is here. Touches no file system.

use std::io::{self, Read};

use super::{BundleError, PACKED_BYTES_MAX};
use crate::files::{FILES_MAX, FileContent, Inventory, ProjectFiles, UNPACKED_BYTES_MAX};

/// Most bytes that are decompressed: the files and, for each, its headers (a long path takes three
/// blocks and its own) and padding.
const STREAM_BYTES_MAX: u64 = UNPACKED_BYTES_MAX + FILES_MAX as u64 * 4096;

/// The end of a tar is zeros up to a full record of 20 blocks; some writers pad further.
const TRAILING_BYTES_MAX: u64 = 1024 * 1024;

/// Largest window a bundle may ask the decoder for: 2^27 bytes, zstd's own bound.
const WINDOW_LOG_MAX: u32 = 27;

/// Reads a bundle from elsewhere, in memory: what the master does on deploy.
///
/// # Errors
/// It is too large, damaged, or holds what no project may hold.
pub fn unpack(bytes: &[u8]) -> Result<ProjectFiles, BundleError> {
    let mut files = ProjectFiles::new();
    for_each_file(bytes, |path, executable, entry| {
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(BundleError::Damaged)?;
        Ok(files.insert(path, FileContent { bytes, executable })?)
    })?;
    Ok(files)
}

/// Calls `each` with path, executable bit and content of every file; checks everything else.
pub(super) fn for_each_file(
    bytes: &[u8],
    mut each: impl FnMut(&str, bool, &mut dyn Read) -> Result<(), BundleError>,
) -> Result<(), BundleError> {
    if bytes.len() > PACKED_BYTES_MAX {
        return Err(BundleError::PackedTooLarge);
    }
    if bytes.is_empty() {
        // To zstd and tar, nothing at all is an empty archive.
        return Err(BundleError::Damaged(io::ErrorKind::UnexpectedEof.into()));
    }
    let mut decoder = zstd::Decoder::with_buffer(bytes).map_err(BundleError::Damaged)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(BundleError::Damaged)?;
    let mut archive = tar::Archive::new(decoder.take(STREAM_BYTES_MAX));
    let mut inventory = Inventory::default();
    for entry in archive.entries().map_err(BundleError::Damaged)? {
        let mut entry = entry.map_err(BundleError::Damaged)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let Some(kind) = forbidden_kind(entry.header().entry_type()) {
            return Err(BundleError::Kind { path, kind });
        }
        inventory.admit(&path, entry.size())?;
        let executable = entry.header().mode().map_err(BundleError::Damaged)? & 0o111 != 0;
        each(&path, executable, &mut entry)?;
    }
    read_to_the_end(archive.into_inner())
}

/// What follows the last entry must be there (a cut-off stream shows only here), and short.
fn read_to_the_end(rest: impl Read) -> Result<(), BundleError> {
    let mut rest = rest.take(TRAILING_BYTES_MAX + 1);
    let trailing = io::copy(&mut rest, &mut io::sink()).map_err(BundleError::Damaged)?;
    if trailing > TRAILING_BYTES_MAX {
        let message = "there is more behind the end of the archive";
        return Err(BundleError::Damaged(io::Error::new(io::ErrorKind::InvalidData, message)));
    }
    Ok(())
}

fn forbidden_kind(kind: tar::EntryType) -> Option<&'static str> {
    match kind {
        tar::EntryType::Regular => None,
        tar::EntryType::Link | tar::EntryType::Symlink => Some("link"),
        tar::EntryType::Directory => Some("folder"),
        tar::EntryType::Char | tar::EntryType::Block => Some("device"),
        tar::EntryType::Fifo => Some("pipe"),
        _ => Some("special entry"),
    }
}
