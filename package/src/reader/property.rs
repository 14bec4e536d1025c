//! Reads properties, which are values or expressions.

use toml::de::DeValue;

use crate::model::{Description, Operand};
use crate::property::{Property, PropertyValue};
use crate::scope::Scope;
use crate::template::Template;
use crate::value::{DataType, Value};

use super::declare;
use super::names::Names;
use super::report::Report;
use super::table::{Item, Table, integer};

impl Names<'_> {
    /// Reads the property `key`, if it is there and can be read.
    pub(super) fn property<T: PropertyValue>(
        &self,
        table: &mut Table<'_>,
        key: &'static str,
        report: &mut Report,
    ) -> Option<Property<T>> {
        self.property_of(&table.take(key)?, report)
    }

    /// Reads `item` as a property. What is always the same is checked now, the rest when it is known.
    pub(super) fn property_of<T: PropertyValue>(
        &self,
        item: &Item<'_>,
        report: &mut Report,
    ) -> Option<Property<T>> {
        if T::DATA_TYPE == DataType::String {
            return self.text(item, report);
        }
        let Some(text) = declare::expression(item, T::DATA_TYPE).filter(|text| !self.is_word(text)) else {
            let value = match item.value() {
                DeValue::Boolean(value) => Some(Value::Bool(*value)),
                DeValue::Integer(number) => integer(number).map(Value::Int64),
                _ => None,
            };
            return checked(item, value, &item.describe(), report);
        };
        if text.trim_start().starts_with("{{") {
            let message = format!("`{}` is an expression as a whole, not a text with {{{{ }}}}", item.key);
            report.add_with_help(item.span(), message, "take out the braces");
            return None;
        }
        match self.typed(item, text, T::DATA_TYPE, report)? {
            Operand::Literal(value) => checked(item, Some(value), text, report),
            operand => Some(Property::Expression(operand)),
        }
    }

    /// Reads what something is for. A package that is loaded to run was deployed, maybe by a version to which braces were
    /// no expression: what cannot be read stands as it is written, for a description makes nothing fail.
    pub(super) fn description(&self, item: &Item<'_>, report: &mut Report) -> Property<Description> {
        let mut unseen = report.empty();
        match self.property_of(item, &mut unseen) {
            Some(description) => description,
            None if self.files.is_none() && item.value().is_str() => {
                Description::new(item.value().as_str().unwrap_or_default())
            }
            None => self.property_of(item, report).unwrap_or_default(),
        }
    }

    fn text<T: PropertyValue>(&self, item: &Item<'_>, report: &mut Report) -> Option<Property<T>> {
        let Some(text) = item.value().as_str() else { return checked(item, None, &item.describe(), report) };
        let template = self.shown_text(item, report)?;
        if template.operands().all(|operand| matches!(operand, Operand::Literal(_)))
            && let Ok(known) = template.render(&Scope::default())
        {
            if text.starts_with('@') && T::of_value(&Value::String(known.clone())).is_none() {
                let message = format!("`{}` is a text, and has its expressions in {{{{ }}}}", item.key);
                report.add_with_help(item.span(), message, format!("write \"{{{{ {text} }}}}\""));
                return None;
            }
            return checked(item, Some(Value::String(known)), &format!("{text:?}"), report);
        }
        Some(Property::Text(template))
    }

    /// Reads a text that logs may show; `None` if it cannot be read, or a secret would be in it.
    pub(super) fn shown_text(&self, item: &Item<'_>, report: &mut Report) -> Option<Template> {
        let problems = report.count();
        let template = self.template(item, report);
        if report.count() > problems {
            return None;
        }
        let is_sensitive = |operand: &&Operand| match operand {
            Operand::Reference(reference) => self.is_sensitive(reference),
            Operand::Literal(_) | Operand::Expression(_) => false,
        };
        if let Some(Operand::Reference(reference)) = template.operands().find(is_sensitive) {
            let message = format!("{reference} is sensitive, and would be shown");
            report.add_with_help(item.span(), message, "logs show properties, and what is made of them");
            return None;
        }
        Some(template)
    }

    /// Whether `text` is no expression but a word that says something elsewhere, such as `yes`, and names nothing here.
    fn is_word(&self, text: &str) -> bool {
        let is_known = ["true", "false"].iter().any(|known| text.eq_ignore_ascii_case(known))
            || self.variable(text).is_some()
            || self.parameters.contains_key(text);
        !is_known && !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic())
    }
}

/// The property that is `value`; `found` is how the file says it.
fn checked<T: PropertyValue>(
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
