//! Packages whose expressions are faulty, each fault with its place.

use super::bad;

#[test]
fn references_name_something() {
    bad(
        r#"[parameters.day]
type = "date"
[tasks.a]
kind = "process"
command = [
  "{{ @dya }}",
  "{{ @[User::day] }}",
  "a {{ @warehouse_url }}",
  "{{ @[System::ExecutionID] }}",
  "{{ @[Usr::x] }}",
  "{{ @day",
  "{{ @day }",
  "{{ @[day }}",
  "{{",
  "{{ day }}",
  "{{ @day + 1 }}",
  "{{ @day }} {{ @q }}",
  "\u0041 {{ @q }}",
  '\{{ x',
  """
{{ @q }}""",
]
"#,
        r#"p.toml:6:7: @dya is not known here (did you mean `day`?)
p.toml:7:7: @[User::day] is not known here (write @[$Package::day])
p.toml:8:9: @warehouse_url is not known here (write @[$Project::warehouse_url])
p.toml:9:7: unknown system variable `ExecutionID` (did you mean `ExecutionId`?)
p.toml:10:7: unknown namespace `Usr` (there are User, $Package, $Project and System)
p.toml:11:4: `{{` is not closed (close it with }}, or write \{{ for a literal {{)
p.toml:12:4: `{{` is not closed (close it with }}, or write \{{ for a literal {{)
p.toml:13:8: the bracket has no closing ] (write @[Namespace::name], or [name] for a column)
p.toml:14:4: `{{` is not closed (close it with }}, or write \{{ for a literal {{)
p.toml:15:7: day is the name of a column, and there are no columns here (write @day)
p.toml:16:7: + cannot be applied to DT_DBDATE and DT_I4 (dates are added to with DATEADD and subtracted with DATEDIFF)
p.toml:17:18: @q is not known here (known: day)
p.toml:18:3: @q is not known here (known: day)
p.toml:21:4: @q is not known here (known: day)"#,
    );
}

#[test]
fn conditions_are_true_or_false() {
    bad(
        r#"[variables.rows]
type = "int64"
[tasks.a]
kind = "sequence"
[tasks.b]
kind = "sequence"
after = [{ task = "a", when = "@x", or = true }, { task = "a", or = true }, { task = "a", when = "@rows" }]
[tasks.c]
kind = "sequence"
after = [{ task = "a", when = "@rows >" }, { task = "a", when = 5, or = "yes" }]
"#,
        r#"p.toml:7:32: @x is not known here (known: rows)
p.toml:7:64: `or` goes with `when` (write when = "…" beside it: the condition that is enough)
p.toml:7:99: the value is DT_I8, and DT_BOOL is wanted (compare it: value != 0)
p.toml:10:39: the expression ends here: a value is missing
p.toml:10:65: `when` expects a string, found 5
p.toml:10:73: `or` expects true or false, found a string"#,
    );
}

#[test]
fn expressions_are_checked_where_they_stand() {
    bad(
        r#"[parameters.password]
type = "string"
sensitive = true
[variables.rows]
type = "int64"
[tasks.a]
kind = "process"
command = ["x", "{{ @rows + 1 }} {{ @rows + \"a\" }}", '{{ 1 / 0 }} {{ "}}" }}', '{{ LEN(@rows) }}']
[tasks.a.environment]
ALONE = "{{ @password }}"
TOGETHER = '{{ "x" + @password }}'
"#,
        r#"p.toml:8:17: + cannot be applied to DT_I8 and DT_WSTR(1) (cast the other one to a text: (DT_WSTR,20)value)
p.toml:8:60: the right side of / is zero (test it first: divisor == 0 ? NULL(DT_I4) : dividend / divisor)
p.toml:8:90: argument 1 of LEN must be a text (DT_WSTR or DT_STR), found DT_I8 (cast it: (DT_WSTR,50)value)
p.toml:11:22: @password is sensitive, and what an expression makes of it could not be masked (let it stand alone: {{ @password }})"#,
    );
}
