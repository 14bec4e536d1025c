//! A folder that nothing leads out of: each path below it is walked name by name, and no link on it is followed, whoever
//! may put one there meanwhile. Blocks.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, mkdirat, openat, statat};
use scaleout_package::inside;

use super::fault::Fault;

/// To walk through a folder, one need not be able to list it.
#[cfg(target_os = "linux")]
const WALK: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const WALK: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Where a folder is that a task was told, before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Opened as it is; links on its way are the administrator's.
    base: PathBuf,
    /// Walked from there without links: what the package itself can change.
    inner: PathBuf,
    /// The project's folder, which is only read.
    project: PathBuf,
}

/// An open [`Place`].
#[derive(Debug)]
pub(crate) struct Beneath {
    folder: OwnedFd,
    /// For messages.
    shown: PathBuf,
    /// The project's folder, wherever one might come to it.
    project: Stat,
    is_read_only: bool,
}

impl Place {
    /// What the folder `told` means: absolute, or relative to the project's.
    ///
    /// # Errors
    /// It is empty, or goes up.
    pub(crate) fn of(told: &str, project: &Path, work: &Path) -> Result<Place, String> {
        let place = |base: &Path, inner: &Path| Place {
            base: base.to_owned(),
            inner: inner.to_owned(),
            project: project.to_owned(),
        };
        if told.is_empty() {
            return Err("the folder is empty".to_owned());
        }
        // Behind the `/` it obeys the same rules: what a value puts in must not lead elsewhere.
        let names = inside::segments(told.trim_start_matches('/'));
        let path: PathBuf = names.map_err(|error| format!("the folder {told:?}: {error}"))?.iter().collect();
        if !told.starts_with('/') {
            return Ok(place(project, &path));
        }
        let absolute = Path::new("/").join(path);
        let known =
            [project, work].into_iter().find_map(|base| Some((base, absolute.strip_prefix(base).ok()?)));
        Ok(known.map_or_else(|| place(&absolute, Path::new("")), |(base, inner)| place(base, inner)))
    }

    /// Whether it is `folder`, or in it.
    pub(crate) fn is_in(&self, folder: &Path) -> bool {
        self.base == folder
    }

    /// Opens the folder.
    ///
    /// # Errors
    /// It is not there, is none, or cannot be opened.
    pub(crate) fn open(&self) -> Result<Beneath, Fault> {
        // Joining nothing would put a slash behind it.
        let shown: PathBuf = self.base.join(&self.inner).components().collect();
        let attempted = format!("cannot open the folder {}", shown.display());
        // A folder that was told and is not there is more than a missing file: never passed over.
        let fail = |error: io::Error| match Fault::of(&attempted, &error) {
            Fault::Missing(text) => Fault::Failed(text),
            other => other,
        };
        let folder = openat(CWD, &self.base, WALK, Mode::empty()).map_err(|error| fail(error.into()))?;
        let project = rustix::fs::stat(&self.project).map_err(|error| fail(error.into()))?;
        let real = self.base.canonicalize().map_err(fail)?;
        let project_folder = self.project.canonicalize().map_err(fail)?;
        let is_read_only = real.starts_with(project_folder);
        let base = Beneath { folder, shown: self.base.clone(), project, is_read_only };
        match base.folder(&self.inner) {
            Ok(folder) => Ok(Beneath { folder, shown, ..base }),
            Err(Fault::Missing(text)) => Err(Fault::Failed(text)),
            Err(other) => Err(other),
        }
    }
}

impl Beneath {
    /// How `path` in it is shown.
    pub(crate) fn show(&self, path: &Path) -> String {
        let path = if path.as_os_str().is_empty() { self.shown.clone() } else { self.shown.join(path) };
        path.display().to_string()
    }

    /// The folder `path` in it, to look things up.
    ///
    /// # Errors
    /// It is not there, or a link or file is on the way.
    pub(crate) fn folder(&self, path: &Path) -> Result<OwnedFd, Fault> {
        self.walk(path, &mut |_, _| Ok(()), false)
    }

    /// The folder `path` in it, to change what is there.
    ///
    /// # Errors
    /// As [`Beneath::folder`]; also if it is the project's.
    pub(crate) fn folder_to_write(&self, path: &Path) -> Result<OwnedFd, Fault> {
        self.walk(path, &mut |_, _| Ok(()), true)
    }

    /// The same; folders that are not there are made. Returns how many were.
    ///
    /// # Errors
    /// As [`Beneath::folder_to_write`].
    pub(crate) fn folder_made(&self, path: &Path) -> Result<(OwnedFd, u64), Fault> {
        let mut made = 0;
        let mut make = |around: BorrowedFd<'_>, name: &OsStr| {
            match mkdirat(around, name, Mode::from_raw_mode(0o777)) {
                Ok(()) => made += 1,
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            Ok(())
        };
        let folder = self.walk(path, &mut make, true)?;
        Ok((folder, made))
    }

    /// What is at `path`, which is not followed if it is a link; with the folder that it is in.
    ///
    /// # Errors
    /// Nothing is there, or the way cannot be gone.
    pub(crate) fn look(&self, path: &Path) -> Result<FileType, Fault> {
        let (around, name) = split(path);
        let folder = self.folder(around)?;
        let found = match name {
            Some(name) => statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW),
            None => fstat(&folder),
        };
        let found = found
            .map_err(|error| Fault::of(&format!("cannot look at {}", self.show(path)), &error.into()))?;
        Ok(FileType::from_raw_mode(found.st_mode))
    }

    /// Opens the plain file `path` to read it.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub(crate) fn read(&self, path: &Path) -> Result<File, Fault> {
        let attempted = format!("cannot read {}", self.show(path));
        let (around, name) = split(path);
        let Some(name) = name else { return Err(Fault::Failed(format!("{attempted}: it is a folder"))) };
        let folder = self.folder(around)?;
        // A pipe is not waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&folder, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::LOOP) => {
                return Err(Fault::Failed(format!("{attempted}: {LINK}")));
            }
            Err(error) => return Err(Fault::of(&attempted, &error.into())),
        };
        let metadata = file.metadata().map_err(|error| Fault::of(&attempted, &error))?;
        if !metadata.is_file() {
            return Err(Fault::Failed(format!("{attempted}: it is not a plain file")));
        }
        Ok(file)
    }

    /// Goes down name by name; `before` may make each folder before it is opened.
    fn walk(
        &self,
        path: &Path,
        before: &mut dyn FnMut(BorrowedFd<'_>, &OsStr) -> rustix::io::Result<()>,
        writes: bool,
    ) -> Result<OwnedFd, Fault> {
        let same = openat(&self.folder, ".", WALK, Mode::empty());
        let attempted = |path: &Path| format!("cannot open the folder {}", self.show(path));
        let mut at = same.map_err(|error| Fault::of(&attempted(Path::new("")), &error.into()))?;
        let mut walked = PathBuf::new();
        self.check_writes(&at, &walked, writes)?;
        for name in path {
            walked.push(name);
            let opened = before(at.as_fd(), name)
                .and_then(|()| openat(&at, name, WALK | OFlags::NOFOLLOW, Mode::empty()));
            at = match opened {
                Ok(next) => next,
                Err(error) => return Err(why_not(at.as_fd(), name, &attempted(&walked), error)),
            };
            self.check_writes(&at, &walked, writes)?;
        }
        Ok(at)
    }

    fn check_writes(&self, folder: &OwnedFd, path: &Path, writes: bool) -> Result<(), Fault> {
        if !writes {
            return Ok(());
        }
        let attempted = format!("cannot change anything in {}", self.show(path));
        let found = fstat(folder).map_err(|error| Fault::of(&attempted, &error.into()))?;
        let is_projects = (found.st_dev, found.st_ino) == (self.project.st_dev, self.project.st_ino);
        if self.is_read_only || is_projects {
            let text = "the project's folder is shared and only read; the work folder {{ @[System::WorkDir] }} is there to be written";
            return Err(Fault::Failed(format!("{attempted}: {text}")));
        }
        Ok(())
    }
}

const LINK: &str = "it is a link, and links are not followed";

/// Why the folder `name` cannot be opened.
fn why_not(around: BorrowedFd<'_>, name: &OsStr, attempted: &str, error: rustix::io::Errno) -> Fault {
    let is_link = statat(around, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink);
    match error {
        _ if is_link => Fault::Failed(format!("{attempted}: {LINK}")),
        rustix::io::Errno::NOTDIR => Fault::Failed(format!("{attempted}: it is not a folder")),
        error => Fault::of(attempted, &error.into()),
    }
}

/// The folder that `path` is in, and its name there; no name for the outermost folder itself.
pub(super) fn split(path: &Path) -> (&Path, Option<&OsStr>) {
    (path.parent().unwrap_or(Path::new("")), path.file_name())
}

/// The names of a path that stays inside, as a path.
///
/// # Errors
/// It leads out.
pub(crate) fn path_inside(key: &str, text: &str) -> Result<PathBuf, String> {
    match inside::segments(text) {
        Ok(names) => Ok(names.into_iter().map(OsString::from).collect()),
        Err(error) => Err(format!(
            "`{key}` cannot be {text:?}: {error}; a path is relative to the task's folder, and stays in it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn told(fault: Fault) -> String {
        match fault {
            Fault::Missing(text) | Fault::Failed(text) => text,
            Fault::Interrupted => panic!("nobody interrupts"),
        }
    }

    #[test]
    fn folders_are_the_projects_the_work_folder_or_their_own() {
        let place = |told: &str| {
            let place = Place::of(told, Path::new("/p/project"), Path::new("/w/1"))?;
            Ok::<_, String>(format!("{} {}", place.base.display(), place.inner.display()))
        };
        for (told, expected) in [
            (".", "/p/project "),
            ("data/in", "/p/project data/in"),
            ("/p/project/data", "/p/project data"),
            ("/w/1", "/w/1 "),
            ("/w/1//out/", "/w/1 out"),
            ("/w/10", "/w/10 "),
            ("/data/in", "/data/in "),
        ] {
            assert_eq!(place(told).unwrap(), expected, "{told}");
        }
        for told in ["", "..", "/data/../etc", "a/../.."] {
            assert!(place(told).is_err(), "{told}");
        }
    }

    #[test]
    fn nothing_leads_out_by_links_and_nothing_is_written_into_the_project() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["project/data", "work/a/b", "outside"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("outside/secret"), "x").unwrap();
        symlink(root.join("outside"), root.join("work/a/out")).unwrap();
        symlink(root.join("outside/secret"), root.join("work/a/file")).unwrap();
        symlink(root.join("project"), root.join("alias")).unwrap();
        let (project, work) = (root.join("project"), root.join("work"));
        let open = |told: &str| Place::of(told, &project, &work).unwrap().open();

        let beneath = open(work.to_str().unwrap()).unwrap();
        beneath.folder_to_write(Path::new("a/b")).unwrap();
        for path in ["a/out", "a/out/deeper"] {
            assert!(told(beneath.folder(Path::new(path)).unwrap_err()).contains("it is a link"), "{path}");
        }
        assert!(told(beneath.folder_made(Path::new("a/out/new")).unwrap_err()).contains("it is a link"));
        assert!(told(beneath.read(Path::new("a/file")).unwrap_err()).contains("it is a link"));
        assert!(matches!(beneath.folder(Path::new("gone")), Err(Fault::Missing(_))));
        assert!(told(open("/data/that/is/not/there").unwrap_err()).contains("not there"));
        assert_eq!(fs::read_dir(root.join("outside")).unwrap().count(), 1);

        let around = root.to_str().unwrap();
        for (told_folder, path) in
            [("data", ""), (".", "data"), (&*format!("{around}/alias"), "data"), (around, "project/data")]
        {
            let beneath = open(told_folder).unwrap();
            beneath.folder(Path::new(path)).unwrap();
            let refused = told(beneath.folder_made(Path::new(path)).unwrap_err());
            assert!(refused.contains("only read"), "{told_folder} {path}: {refused}");
        }
    }
}
