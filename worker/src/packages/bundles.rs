//! The cache of unpacked bundles: each is fetched once by its hash, verified, unpacked, shared, and bounded in bytes.
//!
//! The cache lives as long as the worker process: unpacking is not synced to disk, so what an earlier process or a
//! crashed machine left cannot be trusted, and is removed at the start.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use scaleout_common::hex;
use scaleout_package::bundle;
use tokio::sync::OnceCell;

use super::fetch::{FetchError, Masters};
use crate::runtime::LoadedPackage;

/// A bundle's SHA-256.
pub(super) type BundleHash = [u8; 32];

/// Why a bundle is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleLoadError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("bundle {0} does not have the hash it was asked for by")]
    Hash(String),
    #[error("cannot unpack bundle {hash}: {reason}")]
    Unpack { hash: String, reason: String },
}

/// An unpacked bundle, and the packages read from it so far. While one is held, its folder stays.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) folder: PathBuf,
    bytes: u64,
    packages: Mutex<HashMap<PackageName, Arc<LoadedPackage>>>,
}

/// Folder, project and package: two folders may hold the same bundle.
pub(super) type PackageName = (String, String, String);

impl Unpacked {
    /// The package, read by `read` the first time. Two may read it at once; both read the same.
    pub(super) fn package<E>(
        &self,
        name: PackageName,
        read: impl FnOnce(&Path) -> Result<LoadedPackage, E>,
    ) -> Result<Arc<LoadedPackage>, E> {
        if let Some(package) = lock(&self.packages).get(&name) {
            return Ok(package.clone());
        }
        let package = Arc::new(read(&self.folder)?);
        lock(&self.packages).insert(name, package.clone());
        Ok(package)
    }
}

/// The unpacked bundles of this worker.
pub(super) struct Bundles {
    folder: PathBuf,
    bytes_max: u64,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    bundles: HashMap<BundleHash, Entry>,
    clock: u64,
}

struct Entry {
    cell: Arc<OnceCell<Arc<Unpacked>>>,
    used: u64,
}

impl Bundles {
    /// An empty cache in `folder`.
    pub(super) fn new(folder: PathBuf, bytes_max: u64) -> std::io::Result<Self> {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => std::fs::create_dir_all(&folder)?,
        }
        // Whom packages run as must get to the one that is theirs, and to no other: their names, hashes, are not shown.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o711))?;
        Ok(Self { folder, bytes_max, entries: Mutex::default() })
    }

    /// The unpacked bundle; the first to ask fetches it, others wait for that.
    pub(super) async fn get(
        &self,
        hash: BundleHash,
        masters: &Masters,
    ) -> Result<Arc<Unpacked>, BundleLoadError> {
        let cell = self.entry(hash);
        let unpacked = cell.get_or_try_init(|| self.load(hash, masters)).await?.clone();
        self.evict(hash);
        Ok(unpacked)
    }

    fn entry(&self, hash: BundleHash) -> Arc<OnceCell<Arc<Unpacked>>> {
        let mut entries = lock(&self.entries);
        entries.clock += 1;
        let used = entries.clock;
        let entry = entries.bundles.entry(hash).or_insert_with(|| Entry { cell: Arc::default(), used });
        entry.used = used;
        entry.cell.clone()
    }

    async fn load(&self, hash: BundleHash, masters: &Masters) -> Result<Arc<Unpacked>, BundleLoadError> {
        let name = hex::print(&hash);
        let bytes = masters.bundle(&name).await?;
        let folder = self.folder.join(&name);
        // Hashing and unpacking are work for a thread that may block.
        let unpacking = tokio::task::spawn_blocking(move || unpack(&bytes, hash, &folder));
        let unpacked = unpacking.await.unwrap_or_else(|error| {
            Err(BundleLoadError::Unpack { hash: name, reason: format!("the task failed: {error}") })
        })?;
        Ok(Arc::new(unpacked))
    }

    /// Removes the bundles used least recently, until the rest fits. One that is in use, or just asked for, stays.
    fn evict(&self, keep: BundleHash) {
        let mut entries = lock(&self.entries);
        loop {
            let held = |entry: &Entry| entry.cell.get().map_or(0, |unpacked| unpacked.bytes);
            let total: u64 = entries.bundles.values().map(held).sum();
            if total <= self.bytes_max {
                return;
            }
            // Somebody who holds the cell is about to take what is in it.
            let idle = |entry: &&Entry| {
                Arc::strong_count(&entry.cell) == 1
                    && entry.cell.get().is_some_and(|unpacked| Arc::strong_count(unpacked) == 1)
            };
            let oldest = entries.bundles.iter().filter(|(hash, entry)| **hash != keep && idle(entry));
            let Some(hash) = oldest.min_by_key(|(_, entry)| entry.used).map(|(hash, _)| *hash) else {
                return;
            };
            // Removed under the lock: whoever asks for it again must not find half a folder.
            let gone = entries.bundles.remove(&hash);
            if let Some(unpacked) = gone.as_ref().and_then(|entry| entry.cell.get())
                && let Err(error) = std::fs::remove_dir_all(&unpacked.folder)
            {
                tracing::warn!(%error, folder = %unpacked.folder.display(), "cannot remove an unpacked bundle");
            }
        }
    }
}

/// Nothing panics while holding one of these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unpack(bytes: &[u8], hash: BundleHash, folder: &Path) -> Result<Unpacked, BundleLoadError> {
    if bundle::hash(bytes) != hash {
        return Err(BundleLoadError::Hash(hex::print(&hash)));
    }
    let fail = |reason: String| BundleLoadError::Unpack { hash: hex::print(&hash), reason };
    bundle::extract_to(bytes, folder).map_err(|error| fail(error.to_string()))?;
    let bytes = folder_bytes(folder).map_err(|error| fail(error.to_string()))?;
    Ok(Unpacked { folder: folder.to_owned(), bytes, packages: Mutex::default() })
}

fn folder_bytes(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}
