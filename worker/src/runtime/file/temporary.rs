//! A file that shows under its name only when it is whole: written under another one in the same folder, synced, renamed.
//! Removed if that does not come to pass. Blocks.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags, openat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

/// A file that is being written. Owns it until it is published.
#[derive(Debug)]
pub(crate) struct Temporary {
    folder: OwnedFd,
    name: String,
    pub(crate) file: File,
    is_published: bool,
}

impl Temporary {
    /// Makes one in `folder`, with these permissions as far as the umask lets it.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn create(folder: OwnedFd, mode: u32) -> io::Result<Temporary> {
        let name = format!(".scaleout-{}.part", uuid::Uuid::new_v4());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // What the type of a mode holds differs between systems; permissions fit into all.
        #[cfg_attr(target_os = "linux", expect(clippy::useless_conversion, reason = "macOS has 16 bits"))]
        let mode = Mode::from_raw_mode((mode & 0o777).try_into().unwrap_or(0o600));
        let file = openat(&folder, &name, flags, mode)?;
        Ok(Temporary { folder, name, file: File::from(file), is_published: false })
    }

    /// Syncs it and gives it the name `name`.
    ///
    /// # Errors
    /// Something of that name is there and is not to be replaced, or is a folder; or it cannot be written.
    pub(crate) fn publish(mut self, name: &OsStr, overwrite: bool) -> io::Result<()> {
        self.file.sync_all()?;
        put(&self.folder, OsStr::new(&self.name), &self.folder, name, overwrite)?;
        self.is_published = true;
        sync(&self.folder)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_published {
            return;
        }
        // A file that somebody has removed needs it no more; for anything else there is no one to tell any more.
        if let Err(error) = unlinkat(&self.folder, &self.name, AtFlags::empty())
            && error != Errno::NOENT
        {
            tracing::warn!(name = self.name, %error, "cannot remove a file that was not finished");
        }
    }
}

/// What was renamed outlasts a loss of power.
fn sync(folder: &OwnedFd) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match openat(folder, ".", flags, Mode::empty()) {
        Ok(folder) => File::from(folder).sync_all(),
        // Who may write to a folder and not list it cannot sync it either.
        Err(Errno::ACCESS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Gives what is called `from` the name `to`, in one step.
///
/// # Errors
/// As the system says; `EEXIST` if something is there that is not to be replaced.
pub(super) fn put(
    from_folder: &OwnedFd,
    from: &OsStr,
    to_folder: &OwnedFd,
    to: &OsStr,
    overwrite: bool,
) -> rustix::io::Result<()> {
    if overwrite {
        return renameat(from_folder, from, to_folder, to);
    }
    match renameat_with(from_folder, from, to_folder, to, RenameFlags::NOREPLACE) {
        // Not every file system can look and rename in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            match statat(to_folder, to, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => renameat(from_folder, from, to_folder, to),
                Err(error) => Err(error),
            }
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn it_shows_when_it_is_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let open = || OwnedFd::from(File::open(folder.path()).unwrap());
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let mut dropped = Temporary::create(open(), 0o644).unwrap();
        dropped.file.write_all(b"half").unwrap();
        assert_eq!(names(), 1);
        drop(dropped);
        assert_eq!(names(), 0);

        let publish = |text: &str, overwrite| {
            let mut written = Temporary::create(open(), 0o644).unwrap();
            written.file.write_all(text.as_bytes()).unwrap();
            written.publish(OsStr::new("a"), overwrite)
        };
        publish("one", false).unwrap();
        assert_eq!(publish("two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), "one");
        publish("two", true).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a")).unwrap(), "two");
        assert_eq!(names(), 1);
    }
}
