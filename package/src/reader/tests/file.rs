//! Tasks that work on files: what the reader makes of good ones, and what it says of bad ones.

use super::{bad, good};
use crate::model::{FileOperation, Missing, TaskKind};

#[test]
fn file_tasks_are_read() {
    let package = good(
        r#"[tasks.a]
kind = "file"
operation = "move"
folder = "/data/in"
from = "new"
pattern = "*.csv"
to-folder = "/data/{{ @[System::PackageName] }}"
to = "done/"
recursive = true
overwrite = true
missing = "ignore"
[tasks.b]
kind = "file"
operation = "copy"
folder = "."
from = "a.txt"
to-folder = "{{ @[System::WorkDir] }}"
"#,
    );
    let TaskKind::File(file) = &package.root.tasks()[0].kind else { panic!("{package:?}") };
    assert_eq!(
        (file.operation.known(), file.missing.known()),
        (Some(&FileOperation::Move), Some(&Missing::Ignore))
    );
    assert_eq!((file.recursive.known(), file.overwrite.known()), (Some(&true), Some(&true)));
    assert_eq!(file.to.as_ref().and_then(|to| to.as_literal()), Some("done/"));
    let TaskKind::File(file) = &package.root.tasks()[1].kind else { panic!("{package:?}") };
    assert_eq!((file.to.is_none(), file.missing.known()), (true, Some(&Missing::Fail)));
}

#[test]
fn what_is_wrong_has_its_place() {
    bad(
        r#"[tasks.a]
kind = "file"
[tasks.b]
kind = "file"
operation = "mvoe"
folder = ""
missing = "skip"
[tasks.c]
kind = "file"
operation = "copy"
folder = "/data"
[tasks.d]
kind = "file"
operation = "rename"
folder = "/data"
from = "../a"
to = "/b"
pattern = "*"
[tasks.e]
kind = "file"
operation = "delete"
folder = "data"
from = "a"
to = "b"
overwrite = true
[tasks.f]
kind = "file"
operation = "create-folder"
folder = "/data"
from = "x"
missing = "ignore"
[tasks.g]
kind = "file"
operation = "delete"
folder = "/data"
pattern = "a/*"
ricursive = true
[tasks.h]
kind = "file"
operation = "copy"
folder = "../x"
from = "a"
to-folder = "out"
to = "{{ @lost }}"
"#,
        r#"p.toml:1:8: task `a` has no `operation`
p.toml:1:8: task `a` has no `folder`
p.toml:5:13: unknown operation `mvoe` (did you mean `move`?)
p.toml:6:10: `folder` is empty ("." is the project's folder)
p.toml:7:11: unknown missing `skip` (known: fail, ignore)
p.toml:8:8: task `c` has no `from` (operation `copy` wants to know which file; a pattern takes the files of a folder)
p.toml:8:8: task `c` has no `to` (operation `copy` wants to know where to, relative to `folder`)
p.toml:16:8: `from` cannot be "../a": `..` leads out (a path is relative to the task's folder, and stays in it)
p.toml:17:6: `to` cannot be "/b": it is absolute (a path is relative to the task's folder, and stays in it)
p.toml:18:1: `pattern` says nothing to operation `rename` (take it out)
p.toml:22:10: `folder` would be written to, and is a folder of the project (the project's folder is shared and only read: name an absolute folder, or {{ @[System::WorkDir] }})
p.toml:24:1: `to` says nothing to operation `delete` (take it out)
p.toml:25:1: `overwrite` says nothing to operation `delete` (take it out)
p.toml:26:8: task `f` has no `to` (operation `create-folder` wants to know where to, relative to `folder`)
p.toml:30:1: `from` says nothing to operation `create-folder` (take it out)
p.toml:31:1: `missing` says nothing to operation `create-folder` (take it out)
p.toml:36:11: `pattern` is for names of files, not for paths (put folders into `folder`; recursive = true looks into those inside, too)
p.toml:37:1: unknown key `ricursive` in file task `g` (did you mean `recursive`?)
p.toml:41:10: `folder` cannot be "../x": `..` leads out (a folder outside the project is given by an absolute path)
p.toml:43:13: `to-folder` would be written to, and is a folder of the project (the project's folder is shared and only read: name an absolute folder, or {{ @[System::WorkDir] }})
p.toml:44:10: @lost is not known here"#,
    );
}
