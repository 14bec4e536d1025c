//! Bundles: a project's files as one tar + zstd with a content hash.
//!
//! The same files always give the same bytes: sorted, zero times, no owners. A bundle from
//! elsewhere is not trusted: [`unpack`] and [`extract_to`] refuse links, devices, paths that lead
//! out, doubles and bombs.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files::{FILES_MAX, FileContent, FilesError, Inventory, ProjectFiles, UNPACKED_BYTES_MAX};

/// Largest packed bundle, in bytes.
pub const PACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most bytes that are decompressed: the files and, for each, its headers (a long path takes three
/// blocks and its own) and padding.
const STREAM_BYTES_MAX: u64 = UNPACKED_BYTES_MAX + FILES_MAX as u64 * 4096;

/// The end of a tar is zeros up to a full record of 20 blocks; some writers pad further.
const TRAILING_BYTES_MAX: u64 = 1024 * 1024;

/// zstd's own default level: packs text well at the speed of the disk.
const COMPRESSION_LEVEL: i32 = 3;

/// Largest window a bundle may ask the decoder for: 2^27 bytes, zstd's own bound.
const WINDOW_LOG_MAX: u32 = 27;

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

/// Unpacks a bundle into the new folder `target`, its files read-only: what a worker's cache does.
/// It is written beside and renamed, so `target` is there whole or not at all; a `target` that
/// another has put there meanwhile is left as it is. Nothing is synced to disk: a cache that
/// outlives a crash of the machine must sync or be emptied.
///
/// # Errors
/// As [`unpack`]; or the file system refuses.
pub fn extract_to(bytes: &[u8], target: &Path) -> Result<(), BundleError> {
    let partial = partial_sibling(target);
    let result = extract(bytes, &partial).and_then(|()| move_into_place(&partial, target));
    if result.is_err() {
        // Best effort: the error that stopped us is the one to tell.
        let _ = fs::remove_dir_all(&partial);
    }
    result
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

/// Calls `each` with path, executable bit and content of every file; checks everything else.
fn for_each_file(
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

fn extract(bytes: &[u8], folder: &Path) -> Result<(), BundleError> {
    let create = |path: &Path| fs::create_dir_all(path).map_err(|e| io_error("create", path, e));
    create(folder)?;
    for_each_file(bytes, |path, executable, entry| {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            create(parent)?;
        }
        let mut file = File::create_new(&path).map_err(|e| io_error("create", &path, e))?;
        io::copy(entry, &mut file).map_err(|e| io_error("write", &path, e))?;
        let mode = if executable { 0o555 } else { 0o444 };
        file.set_permissions(fs::Permissions::from_mode(mode)).map_err(|e| io_error("write", &path, e))
    })
}

fn move_into_place(partial: &Path, target: &Path) -> Result<(), BundleError> {
    match fs::rename(partial, target) {
        Ok(()) => Ok(()),
        // Not empty: another extraction of the same bundle was faster.
        Err(_) if target.is_dir() => fs::remove_dir_all(partial).map_err(|e| io_error("remove", partial, e)),
        Err(error) => Err(io_error("create", target, error)),
    }
}

/// A name beside `target` that no other extraction uses, in this process or another.
fn partial_sibling(target: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = target.as_os_str().to_owned();
    name.push(format!(".partial-{}-{count}", std::process::id()));
    PathBuf::from(name)
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> BundleError {
    BundleError::Io { action, path: path.to_owned(), source }
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
