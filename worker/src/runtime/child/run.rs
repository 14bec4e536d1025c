//! One run of another package: with parameters and variables of its own, and everything else of this execution.

use std::collections::BTreeMap;

use scaleout_package::budget::{Budget, Room};
use scaleout_package::model::Child;
use scaleout_package::scope::{Scope, fitted};
use scaleout_package::{Package, Value};
use tokio_util::sync::CancellationToken;

use super::super::activation::{Activation, Place};
use super::super::container::{PackagePlace, run_package};
use super::super::context::Context;
use super::super::task::Try;
use super::super::text::rendered;

/// The step of a path where another package begins: as the outermost package is called in paths.
const STEP: &str = "Package";

/// Runs it to its end. When `interrupt` is cancelled nothing more of it starts, and what runs ends itself.
pub(crate) async fn run<'a>(
    context: &'a Context<'a>,
    activation: &Activation<'a>,
    child: &'a Child,
    interrupt: &CancellationToken,
) -> Try {
    let scope = context.scope_of(activation.task, &activation.place).await;
    let package = match package(context, child, &scope) {
        Ok(package) => package,
        Err(problem) => return Try::failed(problem),
    };
    // What its parameters take counts for as long as it runs.
    let (values, _rooms) = match values(package, child, &scope, &context.budget) {
        Ok(values) => values,
        Err(problem) => return Try::failed(problem),
    };
    drop(scope);
    let inner = context.of_child(package, values);
    let beginning = match inner.begin(&package.variables, None) {
        Ok(beginning) => beginning,
        Err(error) => return Try::failed(format!("{} cannot start: {error}", package.name)),
    };
    let Place { path, around, at_once, .. } = activation.place.clone();
    let place = PackagePlace { path: path.child(STEP), around, at_once };
    let ended = Box::pin(run_package(&inner, place, beginning, interrupt.clone())).await;
    Try::of_container(ended, activation.path(), interrupt)
}

/// The package that is meant.
fn package<'a>(context: &Context<'a>, child: &Child, scope: &Scope) -> Result<&'a Package, String> {
    let name = rendered(&child.package, scope)?;
    if !child.among.contains(&name) {
        let among: Vec<&str> = child.among.iter().map(String::as_str).collect();
        return Err(format!("`package` is {name:?}, and `among` has {}", among.join(", ")));
    }
    let called = context.run.package.called.get(&name);
    called.ok_or_else(|| format!("the package {name} was not loaded with this one"))
}

/// A value for every parameter: what the task gives, which counts, else the default, which the package holds anyhow.
fn values(
    package: &Package,
    child: &Child,
    scope: &Scope,
    budget: &Budget,
) -> Result<(BTreeMap<String, Value>, Vec<Room>), String> {
    let mut rooms = Vec::with_capacity(child.parameters.len());
    let mut values: BTreeMap<String, Value> = package
        .parameters
        .values()
        .map(|parameter| (parameter.name.clone(), parameter.default.clone().unwrap_or(Value::Null)))
        .collect();
    for (name, operand) in &child.parameters {
        let parameter = package.parameters.get(name);
        let value = operand.variable_value(scope);
        let value = value.and_then(|value| match parameter {
            Some(parameter) => fitted(parameter.data_type, &value),
            None => Ok(value),
        });
        let value = value.map_err(|error| format!("cannot evaluate the parameter {name}: {error}"))?;
        if value == Value::Null && parameter.is_some_and(|parameter| parameter.required) {
            return Err(format!(
                "the parameter {name} of {} is required, and its value is NULL",
                package.name
            ));
        }
        let room = budget.take(value.bytes());
        rooms.push(room.map_err(|full| format!("cannot evaluate the parameter {name}: {full}"))?);
        values.insert(name.clone(), value);
    }
    Ok((values, rooms))
}
