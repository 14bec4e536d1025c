//! Tables and lists as plain text, safe to print whatever their cells hold. Pure.

use comfy_table::{ContentArrangement, Table, presets};

/// A table without lines, so that it can be cut with `awk` and read by people.
pub(crate) fn plain(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| printable_line(cell)).collect::<Vec<_>>());
    }
    unpadded(table)
}

/// Names and values below each other.
pub(crate) fn pairs(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines.iter().map(|(name, value)| format!("{name:<width$}  {}\n", printable(value))).collect()
}

fn unpadded(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table.trim_fmt() + "\n"
}

/// What packages and users wrote must not move the cursor or colour the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

pub(crate) fn printable_line(text: &str) -> String {
    printable(text).replace('\n', " ")
}
