//! Tasks that work on files and folders.

use crate::property::{Property, Word};
use crate::template::Template;

/// Something to do with files of one folder, and nowhere else.
#[derive(Debug, Clone, PartialEq)]
pub struct FileTask {
    /// What is done.
    pub operation: Property<FileOperation>,
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

impl FileOperation {
    /// What is wrong with a `to` of `rename` that ends like a folder.
    pub const NEW_NAME: &str = "a new name has no `/` at its end";

    /// Whether the property `key` of a task says something to it.
    pub fn uses(self, key: &str) -> bool {
        use FileOperation::{Copy, CreateFolder, Delete, DeleteContents, Move, Rename};
        match key {
            "from" | "missing" => self != CreateFolder,
            "pattern" | "recursive" => matches!(self, Copy | Move | Delete),
            "to-folder" => matches!(self, Copy | Move),
            "to" => !matches!(self, Delete | DeleteContents),
            "overwrite" => matches!(self, Copy | Move | Rename),
            _ => false,
        }
    }

    /// What it lacks of a task that has those of the keys that `has` tells of, and why it wants it.
    pub fn lacks(self, has: impl Fn(&str) -> bool) -> Vec<(&'static str, &'static str)> {
        use FileOperation::{Copy, CreateFolder, Delete, Move, Rename};
        let goes_nowhere = match self {
            Copy | Move => !has("to") && !has("to-folder"),
            Rename | CreateFolder => !has("to"),
            Delete | FileOperation::DeleteContents => false,
        };
        let of_nothing = matches!(self, Copy | Move | Rename | Delete) && !has("from") && !has("pattern");
        let from = ("from", "wants to know which file; a pattern takes the files of a folder");
        let to = ("to", "wants to know where to, relative to `folder`");
        [of_nothing.then_some(from), goes_nowhere.then_some(to)].into_iter().flatten().collect()
    }

    /// That the property `key` says nothing to it.
    pub fn has_no_use_for(self, key: &str) -> String {
        format!("`{key}` says nothing to operation `{}`", self.name())
    }
}

impl FileTask {
    /// Whether `operation` has all that it needs, and nothing that it cannot use.
    ///
    /// # Errors
    /// What is missing, or too much.
    pub fn check(&self, operation: FileOperation) -> Result<(), String> {
        let given = [
            ("from", self.from.is_some()),
            ("pattern", self.pattern.is_some()),
            ("to-folder", self.to_folder.is_some()),
            ("to", self.to.is_some()),
            ("recursive", self.recursive != Property::default()),
            ("overwrite", self.overwrite != Property::default()),
            ("missing", self.missing != Property::default()),
        ];
        if let Some((key, _)) = given.iter().find(|(key, is_given)| *is_given && !operation.uses(key)) {
            return Err(operation.has_no_use_for(key));
        }
        match operation.lacks(|key| given.contains(&(key, true))).first() {
            Some((key, why)) => {
                Err(format!("there is no `{key}`, and operation `{}` {why}", operation.name()))
            }
            None => Ok(()),
        }
    }
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
