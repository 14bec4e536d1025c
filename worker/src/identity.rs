//! Who this worker is, for the hello: the machine, the host's name, the user that packages run as. Reads files
//! and asks the kernel; owns nothing.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use scaleout_common::hex;
use sha2::{Digest, Sha256};

/// What the hello tells about a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Tells this machine and data folder from every other: 64 hexadecimal digits. A copy of the data folder has
    /// another one, on this machine or elsewhere; so has the machine's clone, once it has a machine id of its own.
    pub machine: String,
    /// The host's name, for people.
    pub host: String,
    /// The user account that the worker runs as, and packages too unless `worker.run_as` lists others.
    pub user: String,
}

/// The identity of the worker in `data_folder`, which must be there.
///
/// # Errors
/// The folder cannot be found.
pub fn identity(data_folder: &Path) -> io::Result<Identity> {
    let folder = fs::canonicalize(data_folder)?;
    let inode = fs::metadata(&folder)?.ino();
    let host = host_name();
    let machine = fingerprint(&machine_id().unwrap_or_else(|| host.clone()), &folder, inode);
    Ok(Identity { machine, host, user: user_name() })
}

/// The host's name. The master has the same two lines: the crate both share makes no system calls.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The device number is left out: it may change with every boot, and the worker must stay the same.
fn fingerprint(machine_id: &str, folder: &Path, inode: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(machine_id.as_bytes());
    hash.update([0]);
    hash.update(folder.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(inode.to_le_bytes());
    hex::print(&hash.finalize())
}

/// `None` where there is no such id, as in most containers: then the host's name must do.
#[cfg(not(target_os = "macos"))]
fn machine_id() -> Option<String> {
    ["/etc/machine-id", "/var/lib/dbus/machine-id"]
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .find(|id| !id.is_empty() && id != "uninitialized")
}

#[cfg(target_os = "macos")]
fn machine_id() -> Option<String> {
    let asked =
        std::process::Command::new("/usr/sbin/ioreg").args(["-rd1", "-c", "IOPlatformExpertDevice"]).output();
    let text = String::from_utf8(asked.ok()?.stdout).ok()?;
    let line = text.lines().find(|line| line.contains("IOPlatformUUID"))?;
    line.split('"').nth(3).map(str::to_owned)
}

/// The account's name; its number where it has none.
fn user_name() -> String {
    let id = rustix::process::geteuid().as_raw();
    uzers::get_user_by_uid(id)
        .map(|user| user.name().to_string_lossy().into_owned())
        .or_else(|| std::env::var("USER").ok().filter(|name| !name.is_empty()))
        .unwrap_or_else(|| format!("uid {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_stays_itself_and_a_copy_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&other).unwrap();
        let first = identity(&one).unwrap();
        assert_eq!(first, identity(&folder.path().join("other/../one")).unwrap());
        assert_ne!(first.machine, identity(&other).unwrap().machine);
        assert_eq!(first.machine.len(), 64);
        assert!(!first.host.is_empty() && !first.user.is_empty());
        assert!(identity(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn every_part_counts() {
        let base = fingerprint("m", Path::new("/a"), 1);
        for other in [
            fingerprint("n", Path::new("/a"), 1),
            fingerprint("m", Path::new("/b"), 1),
            fingerprint("m", Path::new("/a"), 2),
        ] {
            assert_ne!(base, other);
        }
    }
}
