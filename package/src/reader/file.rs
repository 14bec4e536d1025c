//! Reads what only tasks that work on files have.

use crate::inside;
use crate::model::{FileOperation, FileTask};
use crate::property::{Property, Word};
use crate::template::Template;

use super::foreach::pattern;
use super::names::Names;
use super::report::Report;
use super::table::{Item, Table};

const PROJECT_IS_READ: &str =
    "the project's folder is shared and only read: name an absolute folder, or {{ @[System::WorkDir] }}";

/// Reads a file task; `None`: without operation or folder nothing more can be said.
pub(super) fn file(
    names: &Names<'_>,
    table: &mut Table<'_>,
    what: &str,
    report: &mut Report,
) -> Option<FileTask> {
    let operation = table.require("operation", what, report);
    let operation: Option<Property<FileOperation>> =
        operation.and_then(|item| names.property_of(&item, report));
    let keys = Keys::take(table);
    let folder_item = table.require("folder", what, report);
    let folder = folder_item.as_ref().map(|item| folder(names, item, report));
    if let Some(operation) = operation.as_ref().and_then(Property::known) {
        keys.check(*operation, table, what, report);
        check_written(*operation, folder_item.as_ref().zip(folder.as_ref()), &keys, report);
    }
    let inside = |item: &Option<Item<'_>>, report: &mut Report| {
        item.as_ref().map(|item| path_inside(names, item, report))
    };
    let missing = keys.missing.as_ref().and_then(|item| names.property_of(item, report));
    let flag = |item: &Option<Item<'_>>, report: &mut Report| -> Property<bool> {
        item.as_ref().and_then(|item| names.property_of(item, report)).unwrap_or_default()
    };
    Some(FileTask {
        from: inside(&keys.from, report),
        pattern: keys.pattern.as_ref().map(|item| pattern(names, item, report)),
        to_folder: keys.to_folder.as_ref().map(|item| {
            let to_folder = self::folder(names, item, report);
            check_not_the_projects(item, &to_folder, report);
            to_folder
        }),
        to: inside(&keys.to, report),
        recursive: flag(&keys.recursive, report),
        overwrite: flag(&keys.overwrite, report),
        missing: missing.unwrap_or_default(),
        operation: operation?,
        folder: folder?,
    })
}

/// What may be there beside operation and folder.
struct Keys<'t> {
    from: Option<Item<'t>>,
    pattern: Option<Item<'t>>,
    to_folder: Option<Item<'t>>,
    to: Option<Item<'t>>,
    recursive: Option<Item<'t>>,
    overwrite: Option<Item<'t>>,
    missing: Option<Item<'t>>,
}

impl<'t> Keys<'t> {
    fn take(table: &mut Table<'t>) -> Keys<'t> {
        Keys {
            from: table.take("from"),
            pattern: table.take("pattern"),
            to_folder: table.take("to-folder"),
            to: table.take("to"),
            recursive: table.take("recursive"),
            overwrite: table.take("overwrite"),
            missing: table.take("missing"),
        }
    }

    fn all(&self) -> [&Option<Item<'t>>; 7] {
        let Keys { from, pattern, to_folder, to, recursive, overwrite, missing } = self;
        [from, pattern, to_folder, to, recursive, overwrite, missing]
    }

    /// Whether the operation has what it needs, and nothing that it cannot use. As [`FileTask::check`], with places.
    fn check(&self, operation: FileOperation, table: &Table<'_>, what: &str, report: &mut Report) {
        let given: Vec<&Item<'_>> = self.all().into_iter().flatten().collect();
        for item in given.iter().filter(|item| !operation.uses(item.key)) {
            report.add_with_help(item.key_span.clone(), operation.has_no_use_for(item.key), "take it out");
        }
        if let Some(to) = self.to.as_ref().filter(|_| operation == FileOperation::Rename)
            && to.value().as_str().is_some_and(|to| to.ends_with('/'))
        {
            report.add_with_help(
                to.span(),
                FileOperation::NEW_NAME,
                "operation `move` takes it into a folder",
            );
        }
        for (key, why) in operation.lacks(|key| given.iter().any(|item| item.key == key)) {
            let message = format!("{what} has no `{key}`");
            report.add_with_help(table.at(), message, format!("operation `{}` {why}", operation.name()));
        }
    }
}

/// Only a copy may come from the project's folder, and nothing goes there.
fn check_written(
    operation: FileOperation,
    folder: Option<(&Item<'_>, &Template)>,
    keys: &Keys<'_>,
    report: &mut Report,
) {
    let Some((item, folder)) = folder else { return };
    if operation != FileOperation::Copy || keys.to_folder.is_none() {
        check_not_the_projects(item, folder, report);
    }
}

fn check_not_the_projects(item: &Item<'_>, folder: &Template, report: &mut Report) {
    if folder.as_literal().is_some_and(|text| !text.is_empty() && !text.starts_with('/')) {
        let message = format!("`{}` would be written to, and is a folder of the project", item.key);
        report.add_with_help(item.span(), message, PROJECT_IS_READ);
    }
}

/// Reads a folder within which a task works: absolute, or of the project.
pub(super) fn folder(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    let folder = names.template(item, report);
    let Some(text) = folder.as_literal().filter(|_| item.value().is_str()) else { return folder };
    let key = item.key;
    if text.is_empty() {
        report.add_with_help(item.span(), format!("`{key}` is empty"), "\".\" is the project's folder");
    } else if !text.starts_with('/') {
        match inside::segments(text) {
            Err(error) => report.add_with_help(
                item.span(),
                format!("`{key}` cannot be {text:?}: {error}"),
                "a folder outside the project is given by an absolute path",
            ),
            Ok(_) if !names.has_folder(text) => report.add_with_help(
                item.span(),
                format!("the project has no files in {text:?}"),
                "a folder outside the project is given by an absolute path",
            ),
            Ok(_) => {}
        }
    }
    folder
}

/// Reads a path that stays within its folder.
pub(super) fn path_inside(names: &Names<'_>, item: &Item<'_>, report: &mut Report) -> Template {
    let path = names.template(item, report);
    let Some(text) = path.as_literal().filter(|_| item.value().is_str()) else { return path };
    if text.is_empty() {
        report.add_with_help(item.span(), format!("`{}` is empty", item.key), "\".\" is the folder itself");
    } else if let Err(error) = inside::segments(text) {
        report.add_with_help(
            item.span(),
            format!("`{}` cannot be {text:?}: {error}", item.key),
            "a path is relative to the task's folder, and stays in it",
        );
    }
    path
}
