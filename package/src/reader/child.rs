//! Reads what only tasks that run another package have, and checks what they give it against what it takes.

use crate::expression::Parsed;
use crate::model::{Child, Operand, Parameter};
use crate::project::PACKAGES_MAX;
use crate::reference::Reference;
use crate::siblings::{Call, LEVELS_MAX, Outline, PACKAGES_DEEP_MAX, Siblings};
use crate::value::DataType;

use super::declare;
use super::foreach::AT_ONCE_MAX;
use super::names::Names;
use super::report::Report;
use super::table::{Item, Table};

/// Most values given to one package.
const PARAMETERS_MAX: usize = 1_000;

/// The package that is read, as one that may run others.
#[derive(Clone, Copy, Default)]
pub(super) struct Caller<'a> {
    pub(super) name: &'a str,
    pub(super) run_as: Option<&'a str>,
    /// The packages of its project; `None` if it belongs to none.
    pub(super) siblings: Option<&'a Siblings>,
}

/// Reads a task that stands where `at` says.
pub(super) fn child(
    names: &Names<'_>,
    table: &mut Table<'_>,
    what: &str,
    at: Call,
    report: &mut Report,
) -> Option<Child> {
    let item = table.require("package", what, report);
    let among = table.take("among");
    check_where(table, report);
    let given = table.take("parameters");
    let item = item?;
    let package = names.shown_text(&item, report)?;
    let entries = given.as_ref().map(|given| given.named_items(report)).unwrap_or_default();
    if entries.len() > PARAMETERS_MAX {
        report.add(item.span(), format!("`parameters` has more than {PARAMETERS_MAX} entries"));
        return None;
    }
    let choices = choices(&item, package.as_literal(), among, report)?;
    let mut found: Vec<(&str, &Outline)> = Vec::with_capacity(choices.len());
    for (name, item) in &choices {
        let Some(called) = called(&names.caller, item, name, at, report).filter(|called| !called.is_faulty)
        else {
            continue;
        };
        check_required(item, name, called, &entries, report);
        found.push((*name, called));
    }
    let parameters = entries.iter().filter_map(|entry| {
        Some((entry.key.to_owned(), value(names, entry, taken(entry, &found, report)?, report)?))
    });
    let parameters = parameters.collect();
    let among = choices.into_iter().map(|(name, _)| name.to_owned()).collect();
    Some(Child { package, among, parameters })
}

/// The packages that may be meant, each with where it is named: the one that `package` says, or those of `among`.
fn choices<'t>(
    item: &Item<'t>,
    known: Option<&str>,
    among: Option<Item<'t>>,
    report: &mut Report,
) -> Option<Vec<(&'t str, Item<'t>)>> {
    match (known, among) {
        (Some(_), Some(among)) => {
            let message = "`among` goes with a `package` that is an expression";
            report.add_with_help(among.key_span, message, "take it out");
            None
        }
        (Some(_), None) => Some(vec![(item.string(report)?, item.clone())]),
        (None, None) => {
            let message = "`package` is an expression, and which packages it may be is not said";
            report.add_with_help(item.span(), message, "name them: among = [\"orders\", \"items\"]");
            None
        }
        (None, Some(among)) => {
            let elements = among.elements(PACKAGES_MAX, report)?;
            if elements.is_empty() {
                report.add_with_help(among.span(), "`among` is empty", "name the packages that may be run");
            }
            let named = elements.into_iter().filter_map(|element| Some((element.string(report)?, element)));
            Some(named.collect())
        }
    }
}

/// The parameter that `entry` gives a value, and the first package that has it. All that may be run have it, alike.
fn taken<'o>(
    entry: &Item<'_>,
    found: &[(&'o str, &'o Outline)],
    report: &mut Report,
) -> Option<(&'o str, &'o Parameter)> {
    let mut first: Option<(&str, &Parameter)> = None;
    for (package, called) in found {
        let Some(parameter) = called.parameters.get(entry.key) else {
            let known: Vec<&str> = called.parameters.keys().map(String::as_str).collect();
            let message = format!("package `{package}` has no parameter `{}`", entry.key);
            report.unknown_word(entry.key_span.clone(), message, entry.key, &known);
            return None;
        };
        match first {
            Some((other, like))
                if (like.data_type, like.sensitive) != (parameter.data_type, parameter.sensitive) =>
            {
                let message = format!(
                    "parameter `{}` is {} in `{other}` and {} in `{package}`",
                    entry.key,
                    described(like),
                    described(parameter)
                );
                let help = "what all packages of `among` are given has the same type in each";
                report.add_with_help(entry.key_span.clone(), message, help);
                return None;
            }
            _ => first = first.or(Some((package, parameter))),
        }
    }
    first
}

fn described(parameter: &Parameter) -> String {
    let sensitive = if parameter.sensitive { ", sensitive," } else { "" };
    parameter.data_type.with_article() + sensitive
}

fn check_where(table: &mut Table<'_>, report: &mut Report) {
    let Some(item) = table.take("where") else { return };
    if let Some(word) = item.string(report)
        && word != "here"
    {
        report.add_with_help(
            item.span(),
            format!("`where = {word:?}` is not supported by this version"),
            "a package runs inside the execution of the one that runs it: where = \"here\", or leave it out",
        );
    }
}

/// The package that is meant, if it may run here.
fn called<'a>(
    caller: &Caller<'a>,
    item: &Item<'_>,
    package: &str,
    Call { levels, at_once }: Call,
    report: &mut Report,
) -> Option<&'a Outline> {
    let Some(siblings) = caller.siblings else {
        report.add_with_help(
            item.span(),
            "`package` names a package of the same project, and this file belongs to none",
            "put it into packages/ of a folder with project.toml",
        );
        return None;
    };
    let Some(called) = siblings.get(package) else {
        let known: Vec<&str> = siblings.names().filter(|name| *name != caller.name).collect();
        report.unknown_word(item.span(), format!("the project has no package `{package}`"), package, &known);
        return None;
    };
    let circle = siblings.circle();
    if let (Some(first), Some(second)) = (circle.first(), circle.get(1).or(circle.first()))
        && (caller.name, package) == (first.as_str(), second.as_str())
    {
        let way = circle.join(" → ");
        report.add(item.span(), format!("packages run each other in a circle: {way} → {first}"));
    }
    let inside = siblings.depth(package).unwrap_or_default();
    if inside.packages + 1 > PACKAGES_DEEP_MAX {
        report.add(
            item.span(),
            format!(
                "packages are nested deeper than {PACKAGES_DEEP_MAX}: with this one {}",
                inside.packages + 1
            ),
        );
    } else if inside.levels + levels > LEVELS_MAX {
        report.add(
            item.span(),
            format!(
                "tasks of packages within each other are nested deeper than {LEVELS_MAX}: here {}",
                inside.levels + levels
            ),
        );
    }
    if at_once.saturating_mul(inside.at_once) > AT_ONCE_MAX {
        report.add_with_help(
            item.span(),
            format!(
                "the loops here and in `{package}` run {at_once} times {} iterations at the same time",
                inside.at_once
            ),
            format!("loops within each other run at most {AT_ONCE_MAX} iterations at the same time"),
        );
    }
    if let Some(user) = called.run_as.as_deref().filter(|user| Some(*user) != caller.run_as) {
        report.add_with_help(
            item.span(),
            format!("package `{package}` runs as {user:?}, and inside this one it could not"),
            format!("write run-as = {user:?} here, too, or take it out there"),
        );
    }
    Some(called)
}

fn check_required(
    item: &Item<'_>,
    package: &str,
    called: &Outline,
    entries: &[Item<'_>],
    report: &mut Report,
) {
    for parameter in called.parameters.values().filter(|parameter| parameter.required) {
        let name = &parameter.name;
        if !entries.iter().any(|entry| entry.key == name) {
            report.add_with_help(
                item.span(),
                format!("package `{package}` requires its parameter `{name}`"),
                format!("give it {} in the task's `parameters`", parameter.data_type.with_article()),
            );
        }
    }
}

/// Reads the value of one parameter: an expression, or a literal of its type.
fn value(
    names: &Names<'_>,
    entry: &Item<'_>,
    (package, parameter): (&str, &Parameter),
    report: &mut Report,
) -> Option<Operand> {
    if parameter.sensitive {
        return sensitive(names, entry, package, parameter, report);
    }
    if let Some(reference) = alone(entry).filter(|reference| names.is_sensitive(reference)) {
        report.add_with_help(
            entry.span(),
            format!("{reference} is sensitive, and parameter `{}` of `{package}` is not", parameter.name),
            "make the parameter sensitive = true there",
        );
        return None;
    }
    if let Some(text) = entry.value().as_str().filter(|text| text.contains("{{")) {
        let span = report.inside_string(entry.span(), text, text.find("{{").unwrap_or_default());
        let help = "an expression makes it: '@folder + \"/in\"'";
        report.add_with_help(span, "`{{` in a parameter's value stays as it is written", help);
        return None;
    }
    match declare::expression(entry, parameter.data_type) {
        Some(text) => names.typed(entry, text, parameter.data_type, report),
        None => declare::value(entry, parameter.data_type, &parameter.name, report).map(Operand::Literal),
    }
}

/// What a sensitive parameter gets is a sensitive value as it is, so that logs are searched for it already.
fn sensitive(
    names: &Names<'_>,
    entry: &Item<'_>,
    package: &str,
    parameter: &Parameter,
    report: &mut Report,
) -> Option<Operand> {
    let reference = alone(entry).filter(|reference| {
        let is_known = names.type_of_reference(reference) == Some(parameter.data_type);
        is_known && names.is_sensitive(reference)
    });
    if reference.is_none() {
        let wanted: DataType = parameter.data_type;
        // What stands there is not shown.
        report.add_with_help(
            entry.span(),
            format!(
                "parameter `{}` of `{package}` is sensitive, and takes a sensitive parameter alone",
                parameter.name
            ),
            format!(
                "declare one of type {wanted} here or in the project, and write its reference: \"@name\""
            ),
        );
    }
    reference.map(Operand::Reference)
}

/// The reference that stands alone as a value.
fn alone(entry: &Item<'_>) -> Option<Reference> {
    let parsed = Parsed::read(entry.value().as_str()?).ok()?;
    Reference::from_name(parsed.as_name()?).ok()
}
