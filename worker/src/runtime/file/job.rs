//! What a `file` task does, with everything rendered. Blocks; changes nothing outside its folders.

use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, unlinkat};
use rustix::io::Errno;
use scaleout_package::model::FileOperation;

use super::super::text::told;
use super::beneath::{Beneath, Place, split};
use super::fault::{Fault, Watch};
use super::find::{Found, find};
use super::pour;
use super::temporary::put;

/// One try of a task.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) operation: FileOperation,
    pub(super) folder: Place,
    /// Relative; empty is the folder itself.
    pub(super) from: PathBuf,
    pub(super) pattern: Option<String>,
    pub(super) to_folder: Place,
    pub(super) to: PathBuf,
    /// Whether things get into `to` under their own names.
    pub(super) into: bool,
    pub(super) recursive: bool,
    pub(super) overwrite: bool,
    pub(super) ignore_missing: bool,
}

/// What was done so far.
#[derive(Debug, Default)]
struct Done {
    files: u64,
    folders: u64,
    bytes: u64,
    passed_over: u64,
}

/// The folders of a job, open.
struct Open {
    from: Beneath,
    to: Beneath,
}

impl Job {
    /// Does it; returns what to tell of it.
    ///
    /// # Errors
    /// Why it was not done, with what was done before.
    pub(super) fn perform(&self, watch: &Watch) -> Result<String, Fault> {
        let open = Open { from: self.folder.open()?, to: self.to_folder.open()? };
        let mut done = Done::default();
        let ended = match self.operation {
            FileOperation::CreateFolder => return self.create_folder(&open.to, watch),
            FileOperation::Rename => self.rename(&open.from, watch, &mut done),
            FileOperation::DeleteContents => self.delete_contents(&open.from, watch, &mut done),
            FileOperation::Copy | FileOperation::Move | FileOperation::Delete => {
                self.each(&open, watch, &mut done)
            }
        };
        let did = self.told(&done);
        match ended {
            Ok(()) => Ok(did),
            Err(Fault::Missing(text)) if self.ignore_missing && done.files + done.folders == 0 => {
                Ok(format!("there was nothing to do: {text}"))
            }
            Err(fault) if done.files + done.folders == 0 => Err(fault),
            Err(fault) => Err(fault.after(&did)),
        }
    }

    /// One file or folder, or those that the pattern finds.
    fn each(&self, open: &Open, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        let Some(pattern) = &self.pattern else { return self.one(open, watch, done) };
        let found = find(&open.from, &self.from, Some(pattern), self.recursive, watch)?;
        done.passed_over = found.others.len() as u64;
        if found.files.is_empty() {
            let shown = open.from.show(&self.from);
            return Err(Fault::Missing(format!("no file in {shown} matches {pattern:?}")));
        }
        self.files(open, &self.from, &self.to, &found.files, watch, done)
    }

    fn one(&self, open: &Open, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        let shown = open.from.show(&self.from);
        let (_, name) = split(&self.from);
        let kind = open.from.look(&self.from)?;
        let is_delete = self.operation == FileOperation::Delete;
        match (kind, name) {
            (FileType::Directory, _) if !self.recursive => Err(Fault::Failed(format!(
                "{shown} is a folder; recursive = true takes it with everything in it"
            ))),
            (FileType::Directory, Some(name)) => {
                let to = if self.into { self.to.join(name) } else { self.to.clone() };
                self.tree(open, &to, watch, done)
            }
            (FileType::Directory, None) if self.operation == FileOperation::Copy => {
                self.tree(open, &self.to, watch, done)
            }
            (_, None) => Err(Fault::Failed(format!(
                "{shown} is the task's folder itself, which stays; name something in it, or take a pattern"
            ))),
            (FileType::Symlink, Some(_)) if !is_delete => {
                Err(Fault::Failed(format!("{shown} is a link, and links are not followed")))
            }
            (kind, Some(_)) if kind != FileType::RegularFile && !is_delete => {
                Err(Fault::Failed(format!("{shown} is neither a file nor a folder")))
            }
            (_, Some(_)) if is_delete => self.unlink(&open.from, &self.from, watch, done),
            (_, Some(name)) => {
                let to = if self.into { self.to.join(name) } else { self.to.clone() };
                self.file(open, &self.from, &to, watch, done)
            }
        }
    }

    /// A folder with everything in it.
    fn tree(&self, open: &Open, to: &Path, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        if self.operation == FileOperation::Move && self.is_renamed(open, &self.from, to, false, watch)? {
            done.folders += 1;
            return Ok(());
        }
        let found = find(&open.from, &self.from, None, true, watch)?;
        if self.operation == FileOperation::Delete {
            self.clear(&open.from, &found, watch, done)?;
            return self.remove_folder(&open.from, &self.from, watch, done);
        }
        done.passed_over = found.others.len() as u64;
        if self.operation == FileOperation::Move && done.passed_over > 0 {
            let shown = open.from.show(&self.from);
            return Err(Fault::Failed(format!(
                "cannot move {shown} to another file system: it holds links or special files"
            )));
        }
        done.folders += open.to.folder_made(to)?.1;
        for folder in &found.folders {
            watch.check()?;
            done.folders += open.to.folder_made(&to.join(folder))?.1;
        }
        self.files(open, &self.from, to, &found.files, watch, done)?;
        if self.operation == FileOperation::Move {
            let empty = Found { folders: found.folders, ..Found::default() };
            self.clear(&open.from, &empty, watch, &mut Done::default())?;
            self.remove_folder(&open.from, &self.from, watch, &mut Done::default())?;
        }
        Ok(())
    }

    fn files(
        &self,
        open: &Open,
        from: &Path,
        to: &Path,
        files: &[PathBuf],
        watch: &Watch,
        done: &mut Done,
    ) -> Result<(), Fault> {
        for file in files {
            let source = from.join(file);
            if self.operation == FileOperation::Delete {
                self.unlink(&open.from, &source, watch, done)?;
            } else {
                self.file(open, &source, &to.join(file), watch, done)?;
            }
        }
        Ok(())
    }

    /// Copies or moves one file.
    fn file(&self, open: &Open, from: &Path, to: &Path, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        let is_move = self.operation == FileOperation::Move;
        if is_move && self.is_renamed(open, from, to, self.overwrite, watch)? {
            done.files += 1;
            return Ok(());
        }
        let (around, Some(name)) = split(to) else {
            return Err(Fault::Failed(format!("{} is a folder; write a `/` behind `to`", open.to.show(to))));
        };
        watch.check()?;
        let source = open.from.read(from)?;
        let attempted = format!("cannot copy {} to {}", open.from.show(from), open.to.show(to));
        let (folder, _) = open.to.folder_made(around)?;
        done.bytes += pour::copy(&source, folder, name, self.overwrite, &attempted, watch)?;
        if is_move {
            self.unlink(&open.from, from, watch, &mut Done::default())?;
        }
        done.files += 1;
        Ok(())
    }

    /// Moves by renaming; false if that cannot be done, because it goes to another file system.
    fn is_renamed(
        &self,
        open: &Open,
        from: &Path,
        to: &Path,
        overwrite: bool,
        watch: &Watch,
    ) -> Result<bool, Fault> {
        let attempted = format!("cannot move {} to {}", open.from.show(from), open.to.show(to));
        let ((from_around, Some(from_name)), (to_around, Some(to_name))) = (split(from), split(to)) else {
            return Err(Fault::Failed(format!("{attempted}: one of them is the task's folder itself")));
        };
        watch.check()?;
        let from_folder = open.from.folder_to_write(from_around)?;
        let (to_folder, _) = open.to.folder_made(to_around)?;
        match put(&from_folder, from_name, &to_folder, to_name, overwrite) {
            Ok(()) => Ok(true),
            Err(Errno::XDEV) => Ok(false),
            Err(Errno::INVAL) => {
                Err(Fault::Failed(format!("{attempted}: a folder cannot be moved into itself")))
            }
            Err(error) => Err(Fault::of(&attempted, &error.into())),
        }
    }

    fn rename(&self, beneath: &Beneath, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        let (around, name) = split(&self.from);
        let (shown, to) = (beneath.show(&self.from), self.to.to_string_lossy());
        let attempted = format!("cannot rename {shown} to {to}");
        let (Some(name), (elsewhere, Some(to))) = (name, split(&self.to)) else {
            return Err(Fault::Failed(format!("{attempted}: the task's folder itself keeps its name")));
        };
        if !elsewhere.as_os_str().is_empty() {
            let text = "a new name has no folder in it; operation = \"move\" takes it elsewhere";
            return Err(Fault::Failed(format!("{attempted}: {text}")));
        }
        watch.check()?;
        let folder = beneath.folder_to_write(around)?;
        put(&folder, name, &folder, to, self.overwrite)
            .map_err(|error| Fault::of(&attempted, &error.into()))?;
        done.files += 1;
        Ok(())
    }

    fn create_folder(&self, beneath: &Beneath, watch: &Watch) -> Result<String, Fault> {
        watch.check()?;
        let (_, made) = beneath.folder_made(&self.to)?;
        let shown = beneath.show(&self.to);
        Ok(if made > 0 {
            format!("made the folder {shown}")
        } else {
            format!("the folder {shown} was there")
        })
    }

    fn delete_contents(&self, beneath: &Beneath, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        let found = find(beneath, &self.from, None, true, watch)?;
        self.clear(beneath, &found, watch, done)
    }

    /// Removes what was found in `from`, inner folders first; links themselves, never what they lead to.
    fn clear(&self, beneath: &Beneath, found: &Found, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        for file in found.files.iter().chain(&found.others) {
            self.unlink(beneath, &self.from.join(file), watch, done)?;
        }
        for folder in found.folders.iter().rev() {
            self.remove_folder(beneath, &self.from.join(folder), watch, done)?;
        }
        Ok(())
    }

    fn unlink(&self, beneath: &Beneath, path: &Path, watch: &Watch, done: &mut Done) -> Result<(), Fault> {
        self.remove(beneath, path, AtFlags::empty(), watch)?;
        done.files += 1;
        Ok(())
    }

    fn remove_folder(
        &self,
        beneath: &Beneath,
        path: &Path,
        watch: &Watch,
        done: &mut Done,
    ) -> Result<(), Fault> {
        self.remove(beneath, path, AtFlags::REMOVEDIR, watch)?;
        done.folders += 1;
        Ok(())
    }

    fn remove(&self, beneath: &Beneath, path: &Path, flags: AtFlags, watch: &Watch) -> Result<(), Fault> {
        let attempted = format!("cannot delete {}", beneath.show(path));
        let (around, Some(name)) = split(path) else {
            return Err(Fault::Failed(format!("{attempted}: it is the task's folder itself")));
        };
        watch.check()?;
        let folder = beneath.folder_to_write(around)?;
        match unlinkat(&folder, name, flags) {
            Ok(()) => Ok(()),
            // Both are what systems say.
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                Err(Fault::Failed(format!("{attempted}: somebody has put something into it meanwhile")))
            }
            Err(error) => Err(Fault::of(&attempted, &error.into())),
        }
    }

    fn told(&self, done: &Done) -> String {
        let did = match self.operation {
            FileOperation::Copy => "copied",
            FileOperation::Move => "moved",
            FileOperation::Rename => "renamed",
            FileOperation::Delete | FileOperation::DeleteContents => "deleted",
            FileOperation::CreateFolder => "made",
        };
        let files = told(done.files, "file");
        let bytes = if done.bytes > 0 { format!(" ({})", told(done.bytes, "byte")) } else { String::new() };
        let folders = match (done.folders, self.operation) {
            (0, _) => String::new(),
            (_, FileOperation::Copy) => format!(", made {}", told(done.folders, "folder")),
            _ => format!(", {}", told(done.folders, "folder")),
        };
        let passed_over = match done.passed_over {
            0 => String::new(),
            count => format!("; passed over {}", told(count, "link or special file")),
        };
        format!("{did} {files}{bytes}{folders}{passed_over}")
    }
}
