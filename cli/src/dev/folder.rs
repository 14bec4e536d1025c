//! The data folder of `scaleout dev`: its lock, its secrets, and where everything in it lies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use scaleout_common::hex;

use crate::environment::{self, ENV_FILE};
use crate::exit::Failure;

const LOCK_FILE: &str = "dev.lock";
const SECRET_KEY_FILE: &str = "secret.key";
/// What the master's setting `secret_key_file` wants.
const SECRET_KEY_BYTES: usize = 32;

/// A locked data folder.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    _lock: Lock,
}

/// The lock on a data folder.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it is not enough: a process that another thread is just starting has a copy of it until it is the other
        // program, and holds the lock so long. What cannot be unlocked is unlocked when this process ends.
        let _ = self.0.unlock();
    }
}

impl DataFolder {
    /// Locks the folder; makes it if it is not there.
    ///
    /// # Errors
    /// It cannot be made, or another `dev` has it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let is_root = rustix::process::geteuid().is_root();
        // Root's servers run as other users, who must get through to what is theirs.
        let mode = if is_root { 0o711 } else { 0o700 };
        fs::DirBuilder::new().recursive(true).mode(mode).create(path).map_err(cannot("make", path))?;
        let path = path.canonicalize().map_err(cannot("find", path))?;
        let folder = Self { _lock: lock(&path)?, path };
        folder.make("logs")?;
        folder.make("workers")?;
        folder.write(".gitignore", "*\n")?;
        Ok(folder)
    }

    /// Locks a folder that a `dev` has used.
    ///
    /// # Errors
    /// It is none, or in use.
    pub(crate) fn existing(path: &Path) -> Result<Self, Failure> {
        if !path.join(LOCK_FILE).is_file() {
            return Err(Failure::not_found(format!(
                "{} is no data folder of `scaleout dev`",
                path.display()
            ))
            .hint("name it with --data-dir"));
        }
        let path = path.canonicalize().map_err(cannot("find", path))?;
        Ok(Self { _lock: lock(&path)?, path })
    }

    /// Removes everything in it, and the folder.
    pub(crate) fn destroy(self) -> Result<(), Failure> {
        let servers = self.servers();
        if servers.exists() {
            // They may keep data elsewhere, too.
            scaleout_local::destroy(&servers).map_err(|error| Failure::failed(error.to_string()))?;
        }
        fs::remove_dir_all(&self.path).map_err(cannot("remove", &self.path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The private servers' own folder.
    pub(crate) fn servers(&self) -> PathBuf {
        self.path.join("servers")
    }

    /// The data folder of a worker.
    pub(crate) fn worker(&self, name: &str) -> PathBuf {
        self.path.join("workers").join(name)
    }

    /// The current log file of a service.
    pub(crate) fn log(&self, service: &str) -> PathBuf {
        self.path.join("logs").join(format!("{service}.log"))
    }

    /// The file with the key that encrypts sensitive values; made once and kept, since without it they are lost.
    pub(crate) fn secret_key(&self) -> Result<PathBuf, Failure> {
        let path = self.path.join(SECRET_KEY_FILE);
        if !path.exists() {
            let mut key = [0_u8; SECRET_KEY_BYTES];
            let random = Path::new("/dev/urandom");
            File::open(random)
                .and_then(|mut file| file.read_exact(&mut key))
                .map_err(cannot("read", random))?;
            self.write(SECRET_KEY_FILE, &hex::print(&key))?;
        }
        Ok(path)
    }

    /// A token kept from an earlier run.
    pub(crate) fn token(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.path.join(token_file(name))).ok()?;
        Some(text.trim().to_owned()).filter(|token| !token.is_empty())
    }

    pub(crate) fn keep_token(&self, name: &str, token: &str) -> Result<(), Failure> {
        self.write(&token_file(name), token)
    }

    /// Where commands run here or below find the master.
    pub(crate) fn write_env(&self, values: &[(&str, &str)]) -> Result<(), Failure> {
        self.write(ENV_FILE, &environment::env_text(values))
    }

    fn make(&self, name: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(cannot("make", &path))
    }

    /// Replaces a file that only we may read, as a whole.
    fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        let new = self.path.join(format!("{name}.new"));
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new);
        let mut file = file.map_err(cannot("write", &new))?;
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(cannot("write", &new))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(cannot("write", &new))?;
        fs::rename(&new, &path).map_err(cannot("replace", &path))
    }
}

fn token_file(name: &str) -> String {
    format!("{name}.token")
}

fn lock(folder: &Path) -> Result<Lock, Failure> {
    let path = folder.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = file.map_err(cannot("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).unwrap_or_default();
            let holder = if holder.trim().is_empty() { "unknown" } else { holder.trim() };
            return Err(Failure::failed(format!(
                "{} is in use by another `scaleout dev`, process {holder}",
                folder.display()
            ))
            .hint("stop that one first, or choose another folder with --data-dir"));
        }
        Err(TryLockError::Error(error)) => return Err(cannot("lock", &path)(error)),
    }
    let pid = std::process::id().to_string();
    file.set_len(0).and_then(|()| file.write_all(pid.as_bytes())).map_err(cannot("write", &path))?;
    Ok(Lock(file))
}

fn cannot(verb: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let what = format!("cannot {verb} {}", path.display());
    move |error| Failure::failed(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn two_on_one_folder_are_refused_with_the_pid() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("data");
        let first = DataFolder::open(&path).unwrap();
        let second = DataFolder::open(&path).unwrap_err();
        assert!(second.message.contains(&format!("process {}", std::process::id())), "{}", second.message);
        assert!(DataFolder::existing(&path).is_err());
        drop(first);
        DataFolder::existing(&path).unwrap().destroy().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_data_folder_is_not_removed() {
        let outer = tempfile::tempdir().unwrap();
        assert!(DataFolder::existing(outer.path()).unwrap_err().message.contains("no data folder"));
        assert!(DataFolder::existing(&outer.path().join("missing")).is_err());
    }

    #[test]
    fn secrets_are_kept_and_private() {
        let outer = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&outer.path().join("data")).unwrap();
        let key = folder.secret_key().unwrap();
        let text = fs::read_to_string(&key).unwrap();
        assert_eq!(text.len(), 64);
        assert!(text.chars().all(|c| c.is_ascii_hexdigit()));
        assert_eq!(fs::read_to_string(folder.secret_key().unwrap()).unwrap(), text);
        folder.keep_token("admin", "abc").unwrap();
        assert_eq!((folder.token("admin").as_deref(), folder.token("worker")), (Some("abc"), None));
        folder.write_env(&[("SCALEOUT_TOKEN", "abc")]).unwrap();
        for name in ["secret.key", "admin.token", "env"] {
            assert_eq!(fs::metadata(folder.path().join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
        }
    }
}
