//! What only one kind of task has, wrongly written.

use super::bad;

#[test]
fn sql_tasks() {
    bad(
        r#"[tasks.a]
kind = "sql"
connection = "shard"
statement = "select {{ @x }}"
arguments = ["@x", "1 +", [1], "@[System::Nam]", "LENN(1)"]
"#,
        r#"p.toml:3:14: unknown connection `shard` (did you mean `shared`?)
p.toml:4:21: `{{` in a statement: values go in as bound arguments (write $1 in the statement and arguments = ["@name"]; what cannot be bound, as the name of a table, takes a statement-expression)
p.toml:5:15: @x is not known here
p.toml:5:24: the expression ends here: a value is missing
p.toml:5:27: `arguments` expects expressions such as "@day", numbers, or true and false, found a list
p.toml:5:33: unknown system variable `Nam` (there are ExecutionId, Attempt, PackageName, ProjectName, FolderName, TaskName, StartTime, MachineName, WorkDir)
p.toml:5:51: unknown function LENN (did you mean `LEN`?)"#,
    );
    bad(
        r#"[tasks.a]
kind = "sql"
connection = "shared"
statement = " "
arguments = "@x"
into = ["lost"]
"#,
        r#"p.toml:4:13: `statement` is empty
p.toml:5:13: `arguments` expects a list, found a string
p.toml:6:9: unknown variable `lost` (declare it, here or further out: [variables.lost] with its type)"#,
    );
    bad(
        r#"[tasks.a]
kind = "sql"
"#,
        r#"p.toml:1:8: task `a` has no `connection`
p.toml:1:8: task `a` has no `statement`, `file` or `statement-expression`"#,
    );
}

#[test]
fn commands() {
    bad(
        r#"[tasks.a]
kind = "process"
command = "./load.sh now"
"#,
        r#"p.toml:3:11: `command` is a list of words, not a line for a shell (write command = ["./load.sh", "now"])"#,
    );
    bad(
        r#"[tasks.a]
kind = "process"
command = []
[tasks.b]
kind = "process"
command = ["", 3, "a\u0000b"]
[tasks.c]
kind = "process"
"#,
        r#"p.toml:3:11: `command` is empty: its first word is the program
p.toml:6:12: the first word of `command` is empty: it is the program
p.toml:6:16: `command` expects a string, found 3
p.toml:6:19: `command` holds a NUL character
p.toml:7:8: task `c` has no `command`"#,
    );
    bad(
        r#"[tasks.a]
kind = "process"
command = ["x"]
stdin = "{{ @lost }}"
folder = "/tmp"
success-exit-codes = [0, 256, "one"]
[tasks.b]
kind = "process"
command = ["x"]
folder = "a/../../b"
success-exit-codes = []
"#,
        r#"p.toml:4:13: @lost is not known here
p.toml:5:10: a process cannot start in the folder "/tmp" (a process starts in a folder of the project, to which paths are relative, or in the work folder, {{ @[System::WorkDir] }})
p.toml:6:26: `success-exit-codes` expects a whole number from 0 to 255, found 256
p.toml:6:31: `success-exit-codes` expects a whole number from 0 to 255, found a string
p.toml:10:10: a process cannot start in the folder "a/../../b" (a process starts in a folder of the project, to which paths are relative, or in the work folder, {{ @[System::WorkDir] }})
p.toml:11:22: `success-exit-codes` is empty: the task could never succeed"#,
    );
    bad(
        r#"[tasks.a]
kind = "process"
command = ["x"]
[tasks.a.environment]
SCALEOUT_X = "1"
"A=B" = "1"
N = 3
"#,
        r#"p.toml:5:1: `SCALEOUT_X`: names with SCALEOUT_ are set by the worker
p.toml:6:1: "A=B" cannot name an environment variable
p.toml:7:5: `N` expects a string, found 3"#,
    );
}
