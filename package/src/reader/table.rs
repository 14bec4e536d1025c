//! Taking a spanned TOML table apart: each key is asked for by name, what is left over is unknown.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::report::Report;

#[cfg(test)]
thread_local! {
    /// For the test that holds the schemas against this: which keys each table was asked for.
    pub(crate) static ASKED: std::cell::RefCell<std::collections::BTreeMap<String, std::collections::BTreeSet<&'static str>>> =
        const { std::cell::RefCell::new(std::collections::BTreeMap::new()) };
}

/// A table whose keys are taken one by one.
pub(super) struct Table<'t> {
    entries: &'t DeTable<'t>,
    /// Where messages about something missing point.
    at: Range<usize>,
    asked: Vec<&'static str>,
}

/// One entry of a table, or one element of an array.
#[derive(Clone)]
pub(super) struct Item<'t> {
    /// The key; of an array's element the array's key.
    pub(super) key: &'t str,
    /// Where the key stands.
    pub(super) key_span: Range<usize>,
    value: &'t Spanned<DeValue<'t>>,
}

impl<'t> Table<'t> {
    pub(super) fn new(entries: &'t DeTable<'t>, at: Range<usize>) -> Table<'t> {
        Table { entries, at, asked: Vec::new() }
    }

    /// Where the table is named.
    pub(super) fn at(&self) -> Range<usize> {
        self.at.clone()
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Item<'t>> {
        self.asked.push(key);
        let (key, value) = self.entries.get_key_value(key)?;
        Some(Item { key: key.get_ref(), key_span: key.span(), value })
    }

    /// As [`Table::take`]; a missing key is a problem.
    pub(super) fn require(&mut self, key: &'static str, what: &str, report: &mut Report) -> Option<Item<'t>> {
        let item = self.take(key);
        if item.is_none() {
            report.add(self.at(), format!("{what} has no `{key}`"));
        }
        item
    }

    pub(super) fn boolean(&mut self, key: &'static str, report: &mut Report) -> Option<bool> {
        self.take(key)?.boolean(report)
    }

    /// Reports the keys that nobody asked for; those of `later` are known but not supported yet.
    pub(super) fn finish(self, what: &str, later: &[&str], report: &mut Report) {
        #[cfg(test)]
        ASKED.with_borrow_mut(|asked| {
            asked.insert(what.to_owned(), self.asked.iter().copied().collect());
        });
        for item in items(self.entries) {
            let key = item.key;
            if self.asked.contains(&key) {
                continue;
            }
            if later.contains(&key) {
                let message = format!("`{key}` in {what} is not supported yet by this version");
                report.add(item.key_span, message);
            } else {
                report.unknown_word(
                    item.key_span,
                    format!("unknown key `{key}` in {what}"),
                    key,
                    &self.asked,
                );
            }
        }
    }
}

impl<'t> Item<'t> {
    pub(super) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    pub(super) fn value(&self) -> &'t DeValue<'t> {
        self.value.get_ref()
    }

    pub(super) fn string(&self, report: &mut Report) -> Option<&'t str> {
        let text = self.value().as_str();
        if text.is_none() {
            self.wrong_type("a string", report);
        }
        text
    }

    pub(super) fn boolean(&self, report: &mut Report) -> Option<bool> {
        let value = self.value().as_bool();
        if value.is_none() {
            self.wrong_type("true or false", report);
        }
        value
    }

    /// The table, named by this item's key.
    pub(super) fn table(&self, report: &mut Report) -> Option<Table<'t>> {
        let table = self.entries(report)?;
        Some(Table::new(table, self.key_span.clone()))
    }

    /// The table's entries in the order of the file.
    pub(super) fn named_items(&self, report: &mut Report) -> Vec<Item<'t>> {
        self.entries(report).map(items).unwrap_or_default()
    }

    /// The array's elements; a problem if it is none or has more than `most`.
    pub(super) fn elements(&self, most: usize, report: &mut Report) -> Option<Vec<Item<'t>>> {
        let array: &'t DeArray<'t> = match self.value().as_array() {
            Some(array) => array,
            None => {
                self.wrong_type("a list", report);
                return None;
            }
        };
        if array.len() > most {
            let message = format!("`{}` has {} entries; at most {most} are allowed", self.key, array.len());
            report.add(self.key_span.clone(), message);
            return None;
        }
        let element = |value: &'t Spanned<DeValue<'t>>| Item { key: self.key, key_span: value.span(), value };
        Some(array.iter().map(element).collect())
    }

    pub(super) fn wrong_type(&self, expected: &str, report: &mut Report) {
        let message = format!("`{}` expects {expected}, found {}", self.key, self.describe());
        report.add(self.span(), message);
    }

    /// What stands there, for messages.
    pub(super) fn describe(&self) -> String {
        match self.value() {
            DeValue::String(_) => "a string".to_owned(),
            DeValue::Integer(integer) => integer.to_string(),
            DeValue::Float(float) => float.to_string(),
            DeValue::Boolean(boolean) => boolean.to_string(),
            DeValue::Datetime(datetime) => datetime.to_string(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        }
    }

    fn entries(&self, report: &mut Report) -> Option<&'t DeTable<'t>> {
        let table = self.value().as_table();
        if table.is_none() {
            self.wrong_type("a table", report);
        }
        table
    }
}

/// The number, if 64 bits hold it.
pub(super) fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The entries in the order of the file; the table itself is sorted by key.
fn items<'t>(entries: &'t DeTable<'t>) -> Vec<Item<'t>> {
    let mut items: Vec<Item<'t>> =
        entries.iter().map(|(key, value)| Item { key: key.get_ref(), key_span: key.span(), value }).collect();
    items.sort_by_key(|item| item.key_span.start);
    items
}
