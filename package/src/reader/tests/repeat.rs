//! `for` loops and `expression` tasks: what the reader makes of good ones, and what it says of bad ones.

use super::{bad, good};
use crate::model::{Operand, TaskKind};
use crate::scope::Scope;
use crate::value::{DataType, Value};

#[test]
fn loops_and_assignments_are_read() {
    let package = good(
        r#"[variables]
i = { type = "int64" }
text = { type = "string" }
[tasks.count]
kind = "for"
init = "@i = 1"
while = "@i <= 3"
step = "@[User::i] = @i + 1"
maximum-errors = 2
[tasks.count.tasks.set]
kind = "expression"
assign = ["@text = UPPER(@text) + \"x\"", "@i = @i"]
[tasks.once]
kind = "expression"
assign = "@text = NULL(DT_WSTR,5)"
"#,
    );
    let TaskKind::For(repeat) = &package.root.tasks()[0].kind else { panic!("{package:?}") };
    let init = repeat.init.as_ref().unwrap();
    assert_eq!((init.target.variable.as_str(), init.target.data_type), ("i", DataType::Int64));
    assert_eq!(init.value, Operand::Literal(Value::Int64(1)));
    assert_eq!(repeat.step.as_ref().unwrap().target.variable, "i");
    let maximum_errors = &package.root.tasks()[0].properties.maximum_errors;
    assert_eq!(maximum_errors.known().map(|number| number.get()), Some(2));
    let TaskKind::Expression(all) = &repeat.container.tasks()[0].kind else { panic!("{package:?}") };
    assert_eq!(all.len(), 2);
    assert!(matches!(all[1].value, Operand::Reference(_)), "{all:?}");
    let TaskKind::Expression(all) = &package.root.tasks()[1].kind else { panic!("{package:?}") };
    assert_eq!(all[0].value.variable_value(&Scope::default()), Ok(Value::Null));
}

#[test]
fn what_is_wrong_has_its_place() {
    bad(
        r#"[parameters.p]
type = "int64"
[variables]
i = { type = "int64" }
[tasks.a]
kind = "for"
init = "@i == 1"
while = "@i"
step = "@ii = 1"
wihle = "@i < 1"
[tasks.b]
kind = "for"
[tasks.c]
kind = "expression"
assign = ["@p = 1", "@[System::Attempt] = 1", "i = 1", "@i = \"x\"", "@i = ", 3]
[tasks.d]
kind = "expression"
assign = []
[tasks.e]
kind = "expression"
maximum-errors = 2
"#,
        r#"p.toml:7:12: expected an assignment (write @name = expression)
p.toml:8:10: the value is DT_I8, and DT_BOOL is wanted (compare it: value != 0)
p.toml:9:9: unknown variable `ii` (declare it, here or further out: [variables.ii] with its type)
p.toml:10:1: unknown key `wihle` in for task `a` (did you mean `while`?)
p.toml:11:8: task `b` has no `while`
p.toml:15:12: `p` is a parameter, which is fixed for one execution (declare a variable for it)
p.toml:15:22: @[System::Attempt] cannot be written: only variables can (declare a variable for it)
p.toml:15:48: expected an assignment (write @name = expression)
p.toml:15:56: the value is DT_WSTR(1), and DT_I8 is wanted (cast it: (DT_I8)(…))
p.toml:15:76: the expression ends here: a value is missing
p.toml:15:79: `assign` expects a string, found 3
p.toml:18:10: `assign` is empty (write assign = "@rows = @rows + 1")
p.toml:19:8: task `e` has no `assign`"#,
    );
}

#[test]
fn iterations_at_the_same_time_write_nothing_outside() {
    bad(
        r#"[variables]
i = { type = "int64" }
[tasks.each]
kind = "foreach"
numbers = { from = 1, to = 2 }
parallel = 2
[tasks.each.tasks.again]
kind = "for"
while = "@i < 3"
step = "@i = @i + 1"
[tasks.each.tasks.again.tasks.set]
kind = "expression"
assign = "@i = 7"
"#,
        r#"p.toml:10:9: variable `i` is outside the loop `each`, whose iterations run at the same time (declare it in the loop, where each iteration has its own, or take out `parallel` of `each`)
p.toml:13:11: variable `i` is outside the loop `each`, whose iterations run at the same time (declare it in the loop, where each iteration has its own, or take out `parallel` of `each`)"#,
    );
}

#[test]
fn what_has_no_offset_becomes_no_instant_unasked() {
    let set = |value: &str| {
        format!(
            "[variables]\nat = {{ type = \"timestamp\" }}\nday = {{ type = \"date\" }}\n[tasks.a]\nkind = \"expression\"\nassign = \"@at = {value}\"\n"
        )
    };
    good(&set("(DT_DBTIMESTAMPOFFSET,7)GETUTCDATE()"));
    good(&set("@at"));
    good(&set("(DT_DBTIMESTAMPOFFSET,7)DATEADD(\\\"hour\\\", 1, @at)"));
    for (value, from) in [("GETDATE()", "DT_DBTIMESTAMP"), ("@day", "DT_DBDATE")] {
        let help = "GETDATE() is on the clock of the machine, GETUTCDATE() in UTC; a cast takes what it is given as UTC: (DT_DBTIMESTAMPOFFSET,7)(…)";
        bad(
            &set(value),
            &format!("p.toml:6:17: the value is {from}, and DT_DBTIMESTAMPOFFSET(7) is wanted ({help})"),
        );
    }
}
