//! Reads properties, which are values or expressions.

use toml::de::DeValue;

use crate::model::Operand;
use crate::property::{Property, Setting};
use crate::value::{DataType, Value};

use super::declare;
use super::names::Names;
use super::report::Report;
use super::table::{Item, Table, integer};

impl Names<'_> {
    /// Reads the property `key`, if it is there and can be read.
    pub(super) fn property<T: Setting>(
        &self,
        table: &mut Table<'_>,
        key: &'static str,
        report: &mut Report,
    ) -> Option<Property<T>> {
        self.property_of(&table.take(key)?, report)
    }

    /// Reads `item` as a property. What is always the same is checked now, the rest when it is known.
    pub(super) fn property_of<T: Setting>(
        &self,
        item: &Item<'_>,
        report: &mut Report,
    ) -> Option<Property<T>> {
        if T::DATA_TYPE == DataType::String {
            return self.text(item, report);
        }
        let Some(text) = declare::expression(item, T::DATA_TYPE).filter(|text| !is_word(text)) else {
            let value = match item.value() {
                DeValue::Boolean(value) => Some(Value::Bool(*value)),
                DeValue::Integer(number) => integer(number).map(Value::Int64),
                _ => None,
            };
            return checked(item, value, &item.describe(), report);
        };
        match self.typed(item, text, T::DATA_TYPE, report)? {
            Operand::Literal(value) => checked(item, Some(value), text, report),
            operand => Some(Property::Expression(operand)),
        }
    }

    fn text<T: Setting>(&self, item: &Item<'_>, report: &mut Report) -> Option<Property<T>> {
        let Some(text) = item.value().as_str() else { return checked(item, None, &item.describe(), report) };
        let problems = report.count();
        let template = self.template(item, report);
        if report.count() > problems {
            return None;
        }
        match template.as_literal() {
            Some(literal) => {
                let value = Some(Value::String(literal.to_owned()));
                checked(item, value, &format!("{text:?}"), report)
            }
            None => Some(Property::Text(template)),
        }
    }
}

/// Whether `text` is no expression but a word that says something elsewhere, such as `yes`.
fn is_word(text: &str) -> bool {
    let is_known = ["true", "false"].iter().any(|known| text.eq_ignore_ascii_case(known));
    !is_known && !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic())
}

/// The property that is `value`; `found` is how the file says it.
fn checked<T: Setting>(
    item: &Item<'_>,
    value: Option<Value>,
    found: &str,
    report: &mut Report,
) -> Option<Property<T>> {
    let setting = value.as_ref().and_then(T::of_value);
    if setting.is_none() {
        match (value, T::words()) {
            (Some(Value::String(word)), words) if !words.is_empty() => {
                report.unknown_word(item.span(), format!("unknown {} `{word}`", item.key), &word, &words);
            }
            _ => {
                let message = format!("`{}` expects {}, found {found}", item.key, T::expected());
                report.add(item.span(), message);
            }
        }
    }
    setting.map(Property::Value)
}
