//! Reads the columns of variables that hold rows.

use std::sync::Arc;

use crate::rows::Column;
use crate::value::DataType;

use super::declare;
use super::report::Report;
use super::table::{Item, Table};
use super::target::COLUMNS_MAX;

/// Reads `columns` of the variable `what`, in the order of the file; a `table` has some, and nothing else has.
pub(super) fn columns(
    table: &mut Table<'_>,
    data_type: Option<DataType>,
    what: &str,
    report: &mut Report,
) -> Arc<[Column]> {
    const HELP: &str = "write columns = { name = \"string\", orders = \"int64\" }";
    let item = table.take("columns");
    match (item, data_type) {
        (Some(item), Some(DataType::Table)) => {
            let columns = read(&item, report);
            if item.value().is_table() && columns.is_empty() {
                report.add_with_help(item.span(), "`columns` names none", HELP);
            }
            columns.into()
        }
        (Some(item), Some(_)) => {
            let message = "`columns` goes with type = \"table\"";
            report.add(item.key_span, message);
            Arc::default()
        }
        (None, Some(DataType::Table)) => {
            report.add_with_help(table.at(), format!("{what} is a table, and has no `columns`"), HELP);
            Arc::default()
        }
        (_, None) | (None, Some(_)) => Arc::default(),
    }
}

fn read(item: &Item<'_>, report: &mut Report) -> Vec<Column> {
    let items = item.named_items(report);
    if items.len() > COLUMNS_MAX {
        let message = format!("there are {} columns; at most {COLUMNS_MAX} are allowed", items.len());
        report.add(item.key_span.clone(), message);
        return Vec::new();
    }
    let column = |item: &Item<'_>| {
        declare::name(item, "column", report);
        let data_type = declare::type_named(item, report);
        if data_type == Some(DataType::Table) {
            let message = format!("column `{}` cannot be a table itself", item.key);
            report.add(item.span(), message);
        }
        Column { name: item.key.to_owned(), data_type: data_type.unwrap_or(declare::UNREAD) }
    };
    items.iter().map(column).collect()
}
