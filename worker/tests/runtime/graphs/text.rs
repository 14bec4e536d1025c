//! The text of a package.

use super::package::{
    After, ByPlace, Constraint, FAULT, Graph, How, Kind, Loop, NULL, On, Package, Task, YES,
};

impl Package {
    /// What its file says.
    pub(super) fn text(&self) -> String {
        let head = format!("maximum-errors = {}\n", self.maximum_errors);
        let variables = "[variables]\nn0 = { type = \"int64\", value = 0 }\nnone = { type = \"bool\" }\n";
        format!("{head}{variables}{}", tasks(&self.graph, "", 0))
    }
}

/// The tasks of a container whose headers begin with `around`, in so many loops.
fn tasks(graph: &Graph, around: &str, loops: usize) -> String {
    let all = graph.tasks.iter().enumerate();
    let mut texts: Vec<String> =
        all.map(|(number, one)| task(one, &format!("{around}tasks.t{number}"), loops)).collect();
    if graph.backwards {
        texts.reverse();
    }
    texts.concat()
}

fn task(task: &Task, header: &str, loops: usize) -> String {
    let mut lines = vec![format!("[{header}]")];
    lines.extend(after(&task.after, loops));
    if task.any {
        lines.push("join = \"any\"".to_owned());
    }
    if task.disable.may_be(YES) {
        lines.push(format!("disable = '{} == \"{YES}\"'", task.disable.expression(loops)));
    }
    if !task.fail_parent {
        lines.push("fail-parent = false".to_owned());
    }
    if let Some(success) = task.force {
        lines.push(format!("force-result = \"{}\"", if success { "success" } else { "failure" }));
    }
    if task.maximum_errors > 1 {
        lines.push(format!("maximum-errors = {}", task.maximum_errors));
    }
    lines.push(kind(&task.kind, header, loops));
    lines.join("\n")
}

/// What is of its kind; tasks inside come last.
fn kind(kind: &Kind, header: &str, loops: usize) -> String {
    match kind {
        Kind::Leaf { sets, fails } => {
            let mut assign = vec!["'@own = 1'".to_owned(); *sets];
            // What is always 0 would be told before anything runs.
            assign.push(format!("'@own = 1 / ({} == \"{YES}\" ? @n0 : 1)'", fails.expression(loops)));
            let assign = assign.join(", ");
            format!(
                "kind = \"expression\"\nassign = [{assign}]\n[{header}.variables]\nown = {{ type = \"int64\" }}\n"
            )
        }
        Kind::Sequence(graph) => {
            format!("kind = \"sequence\"\n{}", tasks(graph, &format!("{header}."), loops))
        }
        Kind::Loop(Loop { how, iterations, graph }) => {
            let n = format!("n{}", loops + 1);
            let over = format!(
                "kind = \"foreach\"\nnumbers = {{ from = 1, to = \"@n0 + {iterations}\" }}\ninto = [\"{n}\"]\n"
            );
            let how = match how {
                How::While => format!(
                    "kind = \"for\"\ninit = \"@{n} = 1\"\nwhile = \"@{n} <= {iterations}\"\nstep = \"@{n} = @{n} + 1\"\n"
                ),
                How::InOrder => over,
                How::Parallel(at_once) => format!("{over}parallel = {at_once}\n"),
            };
            let inside = tasks(graph, &format!("{header}."), loops + 1);
            format!("{how}[{header}.variables]\n{n} = {{ type = \"int64\" }}\n{inside}")
        }
    }
}

fn after(after: &After, loops: usize) -> Option<String> {
    match after {
        After::End => Some("after = \"end\"".to_owned()),
        After::Constraints(all) if all.is_empty() => None,
        After::Constraints(all) => {
            let all: Vec<String> = all.iter().map(|one| constraint(one, loops)).collect();
            Some(format!("after = [{}]", all.join(", ")))
        }
    }
}

fn constraint(constraint: &Constraint, loops: usize) -> String {
    let on = match constraint.on {
        On::Success => "success",
        On::Failure => "failure",
        On::Completion => "completion",
    };
    let when = constraint.when.as_ref().map_or(String::new(), |when| {
        let or = if when.or { ", or = true" } else { "" };
        format!(", when = '{}'{or}", condition(&when.holds, loops))
    });
    format!("{{ task = \"t{}\", on = \"{on}\"{when} }}", constraint.task)
}

fn condition(holds: &ByPlace, loops: usize) -> String {
    let letter = holds.expression(loops);
    let mut text = format!("{letter} == \"{YES}\"");
    if holds.may_be(NULL) {
        text = format!("({letter} == \"{NULL}\" ? @none : {text})");
    }
    if holds.may_be(FAULT) {
        text = format!("1 / ({letter} == \"{FAULT}\" ? @n0 : 1) == 1 && {text}");
    }
    text
}
