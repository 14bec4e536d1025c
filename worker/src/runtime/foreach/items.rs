//! What one run of a loop goes over: known before its first iteration, computed one by one where that is possible.

use std::sync::Arc;

use jiff::civil::Date;
use scaleout_package::Value;
use scaleout_package::flow::{count_dates, count_numbers, nth_date, nth_number};
use scaleout_package::model::{Cell, DateUnit, Files, Operand, Over};
use scaleout_package::reference::Reference;
use scaleout_package::rows::Rows;
use scaleout_package::scope::Scope;
use tokio_util::sync::CancellationToken;

use super::super::activation::Activation;
use super::super::context::Context;
use super::super::text::{rendered, resolved};
use super::files::Search;
use crate::accounts::blocking_as;

/// The items of one run.
#[derive(Debug)]
pub(super) enum Items<'a> {
    Files(Vec<String>),
    /// Texts in the rows see what the loop saw when it started.
    List {
        rows: &'a [Vec<Cell>],
        scope: Scope,
    },
    Numbers {
        from: i64,
        step: i64,
        count: u64,
    },
    Dates {
        from: Date,
        step: i32,
        unit: DateUnit,
        count: u64,
    },
    /// None before they were filled.
    Rows(Option<Arc<Rows>>),
}

impl<'a> Items<'a> {
    /// Finds out what the loop goes over. With `interrupt` cancelled it may come back with less.
    ///
    /// # Errors
    /// Why that is not known.
    pub(super) async fn find(
        context: &Context<'_>,
        activation: &Activation<'_>,
        over: &'a Over,
        interrupt: &CancellationToken,
    ) -> Result<Items<'a>, String> {
        let scope = context.scope_of(activation.task, &activation.place).await;
        match over {
            Over::Files(files) => find_files(context, &scope, files, interrupt).await.map(Items::Files),
            Over::List(rows) => Ok(Items::List { rows, scope }),
            Over::Numbers { from, to, step } => {
                let (from, to) = (number(&scope, from, "from")?, number(&scope, to, "to")?);
                let step = i64::from(resolved("step", step, &scope)?.get());
                let count = count_numbers(from, to, step).map_err(|error| error.to_string())?;
                Ok(Items::Numbers { from, step, count })
            }
            Over::Dates { from, to, step, unit } => {
                let (from, to) = (date(&scope, from, "from")?, date(&scope, to, "to")?);
                let (step, unit) = (resolved("step", step, &scope)?.get(), resolved("unit", unit, &scope)?);
                let count = count_dates(from, to, step, unit).map_err(|error| error.to_string())?;
                Ok(Items::Dates { from, step, unit, count })
            }
            Over::Rows(name) => match scope.lookup(&Reference::User(name.clone())) {
                Ok(Value::Table(rows)) => Ok(Items::Rows(Some(rows.clone()))),
                Ok(_) => Ok(Items::Rows(None)),
                Err(error) => Err(error.to_string()),
            },
            // Its rows come one by one: see `Source`.
            Over::Query(_) => Ok(Items::Rows(None)),
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Items::Files(paths) => paths.len() as u64,
            Items::List { rows, .. } => rows.len() as u64,
            Items::Numbers { count, .. } | Items::Dates { count, .. } => *count,
            Items::Rows(rows) => rows.as_ref().map_or(0, |rows| rows.count() as u64),
        }
    }

    /// The columns of iteration `number`, from 1 to [`Items::count`].
    ///
    /// # Errors
    /// A text cannot be rendered.
    pub(super) fn row(&self, number: u64) -> Result<Vec<Value>, String> {
        let index = number - 1;
        // What is in memory is counted by usize.
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        Ok(match self {
            Items::Files(paths) => vec![Value::String(paths[place].clone())],
            Items::List { rows, scope } => {
                rows[place].iter().map(|cell| value(scope, cell)).collect::<Result<_, _>>()?
            }
            Items::Numbers { from, step, .. } => vec![Value::Int64(nth_number(*from, *step, index))],
            Items::Dates { from, step, unit, .. } => {
                let date = nth_date(*from, *step, *unit, index).expect("a counted date is in the calendar");
                vec![Value::Date(date)]
            }
            Items::Rows(rows) => {
                let row = rows.as_ref().and_then(|rows| rows.get(place));
                row.map(<[Value]>::to_vec).ok_or_else(|| format!("there is no row {number}"))?
            }
        })
    }
}

async fn find_files(
    context: &Context<'_>,
    scope: &Scope,
    files: &Files,
    interrupt: &CancellationToken,
) -> Result<Vec<String>, String> {
    let folder = rendered(&files.folder, scope)?;
    if folder.is_empty() {
        return Err(format!("the folder {} is empty", files.folder));
    }
    let folder = context.run.package.project_folder.join(folder).components().collect();
    let pattern = rendered(&files.pattern, scope)?;
    let recursive = resolved("recursive", &files.recursive, scope)?;
    let retrieve = resolved("retrieve", &files.retrieve, scope)?;
    let search = Search { folder, pattern, recursive, retrieve };
    let account = context.account.as_ref().map(Arc::clone);
    let told = interrupt.clone();
    let finding = blocking_as(account, move || search.find(&told));
    match interrupt.run_until_cancelled(finding).await {
        None => Ok(Vec::new()),
        Some(found) => found.map_err(|error| format!("cannot look for files: {error}"))?,
    }
}

fn value(scope: &Scope, cell: &Cell) -> Result<Value, String> {
    match cell {
        Cell::Value(value) => Ok(value.clone()),
        Cell::Text(text) => rendered(text, scope).map(Value::String),
    }
}

fn number(scope: &Scope, operand: &Operand, what: &str) -> Result<i64, String> {
    match end(scope, operand, what)? {
        Value::Int64(number) => Ok(number),
        other => Err(not_a(what, "a whole number", &other)),
    }
}

fn date(scope: &Scope, operand: &Operand, what: &str) -> Result<Date, String> {
    match end(scope, operand, what)? {
        Value::Date(date) => Ok(date),
        other => Err(not_a(what, "a date", &other)),
    }
}

fn end(scope: &Scope, operand: &Operand, what: &str) -> Result<Value, String> {
    operand.value(scope).map_err(|error| format!("`{what}`: {error}"))
}

fn not_a(what: &str, expected: &str, found: &Value) -> String {
    let found = found.data_type().map_or_else(|| "NULL".to_owned(), |data_type| data_type.with_article());
    format!("`{what}` must be {expected}, and is {found}")
}
