//! Tasks that work on files and folders.

use crate::property::{Property, Word};
use crate::template::Template;

/// Something to do with files of one folder, and nowhere else.
#[derive(Debug, Clone, PartialEq)]
pub struct FileTask {
    /// What is done.
    pub operation: FileOperation,
    /// The folder within which everything happens: absolute, or relative to the project's, which is only read.
    pub folder: Template,
    /// What is worked on, relative to `folder`; with a pattern the folder of the files. `None`: `folder` itself.
    pub from: Option<Template>,
    /// Which files of `from`, by their names; `None`: `from` itself.
    pub pattern: Option<Template>,
    /// The folder within which `to` is, if it is another one than `folder`.
    pub to_folder: Option<Template>,
    /// Where it goes, or what is made. With a `/` at its end, and with a pattern, a folder that things get into.
    pub to: Option<Template>,
    /// Whether folders inside count, too; what makes a whole folder something to work on.
    pub recursive: Property<bool>,
    /// Whether a file that is there already is replaced.
    pub overwrite: Property<bool>,
    /// What it means that there is nothing to work on.
    pub missing: Property<Missing>,
}

/// What a task does with files, as SSIS's File System task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOperation {
    /// Makes copies.
    Copy,
    /// Puts them elsewhere, also on another file system.
    Move,
    /// Gives one file or folder another name in its folder.
    Rename,
    /// Removes them.
    Delete,
    /// Removes what is in a folder, which stays.
    DeleteContents,
    /// Makes a folder, and those above it; it may be there already.
    CreateFolder,
}

/// What it means that there is nothing to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// The task fails.
    #[default]
    Fail,
    /// The task has nothing to do, and succeeds.
    Ignore,
}

impl Word for FileOperation {
    const ALL: &'static [FileOperation] = &[
        FileOperation::Copy,
        FileOperation::Move,
        FileOperation::Rename,
        FileOperation::Delete,
        FileOperation::DeleteContents,
        FileOperation::CreateFolder,
    ];

    fn name(self) -> &'static str {
        match self {
            FileOperation::Copy => "copy",
            FileOperation::Move => "move",
            FileOperation::Rename => "rename",
            FileOperation::Delete => "delete",
            FileOperation::DeleteContents => "delete-contents",
            FileOperation::CreateFolder => "create-folder",
        }
    }
}

impl Word for Missing {
    const ALL: &'static [Missing] = &[Missing::Fail, Missing::Ignore];

    fn name(self) -> &'static str {
        match self {
            Missing::Fail => "fail",
            Missing::Ignore => "ignore",
        }
    }
}
