//! Tasks that run another package: what is given to it is checked where it is written.

use crate::files::{FileContent, ProjectFiles};
use crate::model::{Operand, TaskKind};
use crate::project::Project;

const CALLED: &str = r#"
[parameters.day]
type = "date"
required = true
[parameters.limit]
type = "int64"
default = 5
[parameters.note]
type = "string"
[parameters.token]
type = "string"
sensitive = true
"#;

/// The project `shop` with these packages beside its settings.
fn check(packages: &[(&str, &str)]) -> Result<Project, String> {
    let mut files = ProjectFiles::new();
    let mut insert = |path: &str, text: &str| {
        files.insert(path, FileContent { bytes: text.into(), executable: false }).unwrap();
    };
    insert("project.toml", super::PROJECT);
    for (name, text) in packages {
        insert(&format!("packages/{name}.toml"), text);
    }
    Project::check(&files).map_err(|diagnostics| diagnostics.to_string())
}

#[track_caller]
fn bad(packages: &[(&str, &str)], expect: &str) {
    let found = check(packages).expect_err("this was taken");
    assert_eq!(found, expect, "\nfound:\n{found}\n");
}

/// A package whose one task runs `called`, behind `deep` sequences.
fn caller(called: &str, deep: usize) -> String {
    let mut path = "tasks".to_owned();
    let mut text = String::new();
    for _ in 0..deep {
        text.push_str(&format!("[{path}.s]\nkind = \"sequence\"\n"));
        path.push_str(".s.tasks");
    }
    text + &format!("[{path}.run]\nkind = \"package\"\npackage = \"{called}\"\n")
}

#[test]
fn what_a_package_gets_has_its_types() {
    let text = r#"
[parameters.secret]
type = "string"
sensitive = true
[variables.n]
type = "int64"
[tasks.run]
kind = "package"
package = "called"
where = "here"
[tasks.run.parameters]
day = 2024-02-29
limit = "@n + 1"
note = "plain text"
token = "@secret"
[tasks.again]
kind = "package"
package = "called"
parameters = { day = '(DT_DBDATE)"2024-2-9"', token = "@[$Project::warehouse_url]" }
"#;
    let project = check(&[("job", text), ("called", CALLED)]).unwrap();
    let TaskKind::Package(child) = &project.packages["job"].root.tasks()[0].kind else {
        panic!("{project:?}")
    };
    let names: Vec<&str> = child.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["day", "limit", "note", "token"]);
    assert!(matches!(child.parameters[3].1, Operand::Reference(_)), "{child:?}");
}

#[test]
fn what_is_wrong_has_its_place() {
    let text = r#"
[parameters.secret]
type = "string"
sensitive = true
[parameters.pin]
type = "int64"
sensitive = true
[variables.text]
type = "string"
[tasks.a]
kind = "package"
package = "called"
[tasks.a.parameters]
limit = "@text"
note = "@secret"
token = "@text"
tokn = "x"
[tasks.b]
kind = "package"
package = "called"
parameters = { day = "@lost", note = "{{ @text }}", token = "@pin", limit = "@pin" }
[tasks.c]
kind = "package"
package = "caled"
where = "worker"
[tasks.d]
kind = "package"
[tasks.e]
kind = "package"
package = "../../secret"
"#;
    bad(
        &[("job", text), ("called", CALLED)],
        r#"packages/job.toml:12:11: package `called` requires its parameter `day` (give it a date in the task's `parameters`)
packages/job.toml:14:10: the value is DT_WSTR, and DT_I8 is wanted (cast it: (DT_I8)(…))
packages/job.toml:15:8: @secret is sensitive, and parameter `note` of `called` is not (make the parameter sensitive = true there)
packages/job.toml:16:9: parameter `token` of `called` is sensitive, and takes a sensitive parameter alone (declare one of type string here or in the project, and write its reference: "@name")
packages/job.toml:17:1: package `called` has no parameter `tokn` (did you mean `token`?)
packages/job.toml:21:23: @lost is not known here (known: text, pin, secret)
packages/job.toml:21:39: `{{` in a parameter's value stays as it is written (an expression makes it: '@folder + "/in"')
packages/job.toml:21:61: parameter `token` of `called` is sensitive, and takes a sensitive parameter alone (declare one of type string here or in the project, and write its reference: "@name")
packages/job.toml:21:77: @pin is sensitive, and parameter `limit` of `called` is not (make the parameter sensitive = true there)
packages/job.toml:24:11: the project has no package `caled` (did you mean `called`?)
packages/job.toml:25:9: `where = "worker"` is not supported by this version (a package runs inside the execution of the one that runs it: where = "here", or leave it out)
packages/job.toml:26:8: task `d` has no `package`
packages/job.toml:30:11: the project has no package `../../secret` (known: called)"#,
    );
}

#[test]
fn users_and_faulty_packages_are_told_where_they_are() {
    let job = caller("called", 0);
    bad(
        &[("job", &job), ("called", "run-as = \"etl\"\n")],
        r#"packages/job.toml:3:11: package `called` runs as "etl", and inside this one it could not (write run-as = "etl" here, too, or take it out there)"#,
    );
    check(&[("job", &format!("run-as = \"etl\"\n{job}")), ("called", "run-as = \"etl\"\n")]).unwrap();
    check(&[("job", &format!("run-as = \"etl\"\n{job}")), ("called", "")]).unwrap();
    bad(
        &[("job", &job), ("called", "[parameters.x]\ntype = \"int\"\n")],
        r#"packages/called.toml:2:8: unknown type `int` (did you mean `int64`?)"#,
    );
}

#[test]
fn circles_are_named_once() {
    bad(
        &[("b", &caller("c", 0)), ("c", &caller("a", 1)), ("a", &caller("b", 0)), ("x", &caller("c", 0))],
        "packages/a.toml:3:11: packages run each other in a circle: a → b → c → a",
    );
    bad(&[("a", &caller("a", 0))], "packages/a.toml:3:11: packages run each other in a circle: a → a");
}

#[test]
fn packages_are_within_each_other_as_deep_as_allowed() {
    let chain = |count: usize, deep: usize| {
        let text = |index: usize| {
            if index == count { String::new() } else { caller(&format!("p{:02}", index + 1), deep) }
        };
        (1..=count).map(|index| (format!("p{index:02}"), text(index))).collect::<Vec<_>>()
    };
    let check_chain = |count, deep| {
        let packages = chain(count, deep);
        check(&packages.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
    };
    check_chain(16, 0).unwrap();
    assert_eq!(
        check_chain(17, 0).unwrap_err(),
        "packages/p01.toml:3:11: packages are nested deeper than 16: with this one 17"
    );
    check_chain(3, 15).unwrap();
    let deep = check_chain(3, 16).unwrap_err();
    assert!(deep.contains("packages/p01.toml") && deep.contains("nested deeper than 32: here 34"), "{deep}");
}

#[test]
fn a_file_that_stands_alone_has_no_siblings() {
    super::bad(
        &caller("called", 0),
        "p.toml:3:11: `package` names a package of the same project, and this file belongs to none (put it into packages/ of a folder with project.toml)",
    );
}

#[test]
fn a_package_joins_no_transaction_and_says_so_where_it_is_in_one() {
    let caller = |more: &str, inner: &str| {
        format!(
            "[tasks.all]\nkind = \"sequence\"\ntransaction = \"required\"\n[tasks.all.tasks.run]\nkind = \"package\"\n\
             package = \"b\"\n{inner}\n{more}"
        )
    };
    let empty = "description = \"nothing\"\n";
    bad(
        &[("a", &caller("", "")), ("b", empty)],
        "packages/a.toml:4:18: this is inside the transaction of task `all`, and another package joins none: it would wait \
         for rows that the transaction has locked, and stay when that is rolled back (take it out, or write transaction = \
         \"not-supported\" here if it has nothing to do with those rows)",
    );
    bad(
        &[("a", &caller("", "transaction = \"required\"")), ("b", empty)],
        "packages/a.toml:7:15: a package that runs inside another one joins no transaction of it (write transaction = \
         \"required\" above the first table of that package: it begins its own)",
    );
    check(&[("a", &caller("", "transaction = \"not-supported\"")), ("b", empty)]).unwrap();
    // What handles its events is outside.
    let handled = "[tasks.all.on-error.tasks.other]\nkind = \"package\"\npackage = \"b\"\n";
    check(&[("a", &caller(handled, "transaction = \"not-supported\"")), ("b", empty)]).unwrap();
}

#[test]
fn loops_of_packages_within_each_other_are_bounded_together() {
    let looping = |parallel: u32, called: Option<&str>| {
        let task = called.map_or("kind = \"sequence\"".to_owned(), |called| {
            format!("kind = \"package\"\npackage = \"{called}\"")
        });
        format!(
            "[tasks.each]\nkind = \"foreach\"\nnumbers = {{ from = 1, to = 9 }}\nparallel = {parallel}\n\
             [tasks.each.tasks.x]\n{task}\n"
        )
    };
    let (b, c) = (looping(10, Some("c")), looping(10, None));
    check(&[("a", &looping(10, Some("b"))), ("b", &b), ("c", &c)]).unwrap();
    bad(
        &[("a", &looping(11, Some("b"))), ("b", &b), ("c", &c)],
        "packages/a.toml:7:11: the loops here and in `b` run 11 times 100 iterations at the same time (loops within each \
         other run at most 1000 iterations at the same time)",
    );
}

#[test]
fn what_cannot_be_read_has_no_second_fault() {
    bad(
        &[("a", "[tasks.run]\nkind = \"package\"\npackage = \"b\"\nmaximum-errors = 2\n")],
        "packages/a.toml:3:11: the project has no package `b`",
    );
}

#[test]
fn a_package_by_expression_is_one_of_those_that_are_named() {
    let job = |more: &str| {
        format!(
            "[variables.which]\ntype = \"string\"\n[tasks.run]\nkind = \"package\"\npackage = \"{{{{ @which }}}}\"\n{more}\n"
        )
    };
    let day = |data_type: &str| format!("[parameters.day]\ntype = \"{data_type}\"\nrequired = true\n");
    let (one, other) = (day("date"), day("string"));
    let among = |more: &str| job(&format!("among = [\"one\", \"other\"]\n{more}"));
    let packages = |text: &str| -> String {
        let files = [("job", text), ("one", one.as_str()), ("other", other.as_str())];
        check(&files).map_or_else(|faults| faults, |project| format!("{:?}", project.packages["job"].root))
    };
    let cases = [
        (
            job(""),
            "packages/job.toml:5:11: `package` is an expression, and which packages it may be is not said \
             (name them: among = [\"orders\", \"items\"])",
        ),
        (job("among = []"), "packages/job.toml:6:9: `among` is empty (name the packages that may be run)"),
        (
            job("among = [\"ones\"]"),
            "packages/job.toml:6:10: the project has no package `ones` (did you mean `one`?)",
        ),
        (
            job("among = [\"job\"]"),
            "packages/job.toml:6:10: packages run each other in a circle: job → job",
        ),
        (
            among("parameters = { day = 2024-02-29 }"),
            "packages/job.toml:7:16: parameter `day` is a date in `one` and a string in `other` \
             (what all packages of `among` are given has the same type in each)",
        ),
        (
            "[tasks.run]\nkind = \"package\"\npackage = \"one\"\namong = [\"one\"]\nparameters = { day = 2024-02-29 }\n"
                .to_owned(),
            "packages/job.toml:4:1: `among` goes with a `package` that is an expression (take it out)",
        ),
    ];
    for (text, expect) in cases {
        assert_eq!(packages(&text), expect, "{text}");
    }
    let required = packages(&among(""));
    assert!(required.contains("6:10: package `one` requires its parameter `day`"), "{required}");
    assert!(required.contains("6:17: package `other` requires its parameter `day`"), "{required}");
    let taken = packages(&job("among = [\"one\"]\nparameters = { day = 2024-02-29 }"));
    assert!(taken.contains("among: {\"one\"}"), "{taken}");
}
