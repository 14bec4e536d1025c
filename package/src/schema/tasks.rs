//! Tasks: what every one has, and what those of each kind have besides.

use serde_json::{Value, json};

use super::foreach::{self, query, values};
use super::parts::{
    Properties, defined, duration, flag, list, named, number, one_of, or_expression, or_text, table, text,
    words,
};
use crate::model::Event;
use crate::project::PACKAGES_MAX;

/// The schema of each kind of task, by its word.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("process", task("process", "Starts a program", process(), &["command"])),
        ("sql", task("sql", "Sends a statement to a database", sql(), &["connection"])),
        ("file", task("file", "Works on files within one folder", file(), &["operation", "folder"])),
        ("http", task("http", "Asks an HTTP server", http(), &["url"])),
        ("package", task("package", "Runs another package of the project in here", child(), &["package"])),
        ("expression", task("expression", "Sets variables", assignments(), &["assign"])),
        ("sequence", task("sequence", "Holds tasks of its own", container(), &[])),
        ("for", task("for", "Runs its tasks as long as a condition is true", repeat(), &["while"])),
        ("foreach", task("foreach", "Runs its tasks once for each item", over(), &[])),
    ]
}

/// What runs when an event is raised.
pub(super) fn handler() -> Value {
    let properties = vec![
        ("tasks", defined("tasks")),
        ("variables", named("Its variables, by name", defined("variable"))),
        maximum_errors(),
    ];
    table("An event handler", properties, &[])
}

pub(super) fn handlers() -> Properties {
    let handler = |event: Event| {
        let when = match event {
            Event::Error => "Runs for each error in it",
            Event::Warning => "Runs when a try failed and is followed by another",
            Event::PreExecute => "Runs before it, and before each task in it, starts",
            Event::PostExecute => "Runs when it, and each task in it, has ended",
            Event::TaskFailed => "Runs when a task has failed",
            Event::VariableChanged => "Runs when a variable was written that says raise-changed-event",
        };
        (event.key(), json!({ "$ref": "#/$defs/handler", "description": when }))
    };
    Event::ALL.into_iter().map(handler).collect()
}

pub(super) fn transaction() -> Properties {
    vec![
        (
            "transaction",
            or_text(words(
                "Joins or begins one (required), joins one that is there (supported), or stays out",
                &["required", "supported", "not-supported"],
            )),
        ),
        (
            "isolation",
            or_text(words(
                "Of the transaction that begins here",
                &["read-committed", "repeatable-read", "serializable"],
            )),
        ),
    ]
}

fn maximum_errors() -> (&'static str, Value) {
    ("maximum-errors", or_expression(number("Errors that make it fail; 1 if left out", 1, 1_000_000)))
}

fn task(kind: &str, description: &str, own: Properties, required: &[&str]) -> Value {
    let mut properties: Properties = vec![
        ("kind", json!({ "const": kind, "description": description })),
        ("description", text("What the task is for")),
        ("after", after()),
        ("join", words("All constraints must be met, or any", &["all", "any"])),
        ("retries", or_expression(number("How often it is tried again after a failure", 0, 1_000))),
        ("retry-delay", or_text(duration("How long to wait before, to 1d"))),
        ("timeout", or_text(duration("How long one try may take, from 1ms to 30d"))),
        ("fail-parent", or_expression(flag("Whether its failure counts around it; true if left out"))),
        ("force-result", or_text(words("What counts as its result", &["none", "success", "failure"]))),
        ("disable", or_expression(flag("Pass it over as if it had succeeded"))),
        ("variables", named("Variables that it and what is inside it see", defined("variable"))),
        ("disable-event-handlers", or_expression(flag("None of its own handlers runs"))),
        maximum_errors(),
    ];
    properties.extend(handlers());
    properties.extend(own);
    let required: Vec<&str> = ["kind"].iter().chain(required).copied().collect();
    table(description, properties, &required)
}

fn after() -> Value {
    let constraint = table(
        "A constraint",
        vec![
            ("task", text("The task before")),
            ("on", words("How it must end", &["success", "failure", "completion"])),
            ("when", text("A condition: an expression that is true or false")),
            ("or", flag("The condition or the end is enough")),
        ],
        &["task"],
    );
    let one = json!({ "anyOf": [text("A task that must succeed"), constraint] });
    let end = json!({ "const": "end", "description": "Last, whatever happened" });
    one_of("Which tasks of the same container come first", &[list("Constraints", one, 10_000), end])
}

fn process() -> Properties {
    vec![
        (
            "command",
            list("The program and its arguments, word by word", text("A word; {{ }} puts values in"), 1_000),
        ),
        ("environment", named("Environment variables", text("The value"))),
        ("stdin", text("What it reads from standard input")),
        ("stdout", text("The variable that gets what it prints")),
        ("folder", text("Where it starts: a folder of the project, or the work folder")),
        (
            "success-exit-codes",
            list(
                "Exit codes that are success; 0 if left out",
                or_expression(number("An exit code", 0, 255)),
                1_000,
            ),
        ),
    ]
}

fn sql() -> Properties {
    let mut properties = query();
    properties.push(("into", list("The variables that get the only row", text("A variable"), 100)));
    properties.push(("rows", text("The variable of type table that gets all rows")));
    properties.extend(transaction());
    properties
}

fn assignments() -> Properties {
    let one = text("@name = expression");
    vec![("assign", one_of("One assignment, or several", &[one.clone(), list("Assignments", one, 100)]))]
}

fn file() -> Properties {
    let operations = ["copy", "move", "rename", "delete", "delete-contents", "create-folder"];
    vec![
        ("operation", or_text(words("What to do", &operations))),
        ("folder", text("Everything happens in here")),
        ("from", text("What is worked on")),
        ("pattern", text("Which files of `from`: * for any characters, ? for one")),
        ("to-folder", text("The folder that `to` is relative to; `folder` if left out")),
        ("to", text("Where it goes; a folder, with / at its end")),
        ("recursive", or_expression(flag("Folders inside count, too"))),
        ("overwrite", or_expression(flag("A file that is there is replaced"))),
        ("missing", or_text(words("What it means that nothing is there", &["fail", "ignore"]))),
    ]
}

fn http() -> Properties {
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    vec![
        ("method", or_text(words("GET if left out", &methods))),
        ("url", text("Where; without user and password")),
        ("headers", named("Header fields; their values are never shown", text("The value"))),
        ("body", text("A text to send")),
        ("body-file", text("A file to send, instead of `body`")),
        (
            "expected-status",
            list(
                "Statuses that are success; 200 to 299 if left out",
                or_expression(number("A status", 200, 599)),
                100,
            ),
        ),
        ("into", text("The variable that gets the body")),
        ("to-file", text("The file that gets the body, instead of a variable")),
        ("overwrite", or_expression(flag("A file that is there is replaced"))),
        ("folder", text("Where `to-file` and `body-file` are")),
        ("status-into", text("The variable that gets the status")),
        ("follow-redirects", or_expression(number("Redirects that are followed; 0 if left out", 0, 10))),
        ("ca-file", text("A PEM file with the authorities to trust")),
        ("connect-timeout", or_text(duration("How long connecting may take, to 5m; 10s if left out"))),
        ("request-timeout", or_text(duration("How long all may take, to 1d; 5m if left out"))),
    ]
}

fn child() -> Properties {
    vec![
        ("package", text("The other package of the project; {{ }} puts values in")),
        (
            "among",
            list(
                "The packages that it may be, if `package` is an expression",
                text("A package"),
                PACKAGES_MAX,
            ),
        ),
        ("parameters", values("The values of its parameters")),
        ("where", words("Inside this execution", &["here"])),
        (
            "transaction",
            or_text(words("Another package joins none: inside one, say so", &["supported", "not-supported"])),
        ),
    ]
}

fn container() -> Properties {
    let mut properties = transaction();
    properties.push(("tasks", defined("tasks")));
    properties
}

fn repeat() -> Properties {
    let mut properties = container();
    properties.extend([
        ("init", text("An assignment, once, first")),
        ("while", text("A condition, before each iteration")),
        ("step", text("An assignment, after each iteration")),
    ]);
    properties
}

fn over() -> Properties {
    let mut properties = container();
    properties.extend(foreach::properties());
    properties
}
