//! What tests evaluate in: some names with values, a clock that stands still, and how results are shown.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, date};

use crate::expression::{
    Context, Datum, Expression, ExpressionError, Input, Name, Names, Parsed, Type, UnknownName,
};

/// Names by what they print as.
#[derive(Debug, Default, Clone)]
pub(super) struct Surroundings {
    known: BTreeMap<String, (Type, Option<Datum>)>,
}

/// A name for NULL of each kind of type, and some that have values.
const COMMON: [(&str, &str); 22] = [
    ("@null_bool", "NULL(DT_BOOL)"),
    ("@null_i4", "NULL(DT_I4)"),
    ("@null_ui1", "NULL(DT_UI1)"),
    ("@null_r8", "NULL(DT_R8)"),
    ("@null_numeric", "NULL(DT_NUMERIC,10,2)"),
    ("@null_text", "NULL(DT_WSTR,10)"),
    ("@null_date", "NULL(DT_DBTIMESTAMP)"),
    ("@null_day", "NULL(DT_DBDATE)"),
    ("@null_time", "NULL(DT_DBTIME)"),
    ("@null_guid", "NULL(DT_GUID)"),
    ("@null_bytes", "NULL(DT_BYTES,4)"),
    ("@i4", "7"),
    ("@zero", "0"),
    ("@ui1", "(DT_UI1)200"),
    ("@ui8", "(DT_UI8)5"),
    ("@i1", "(DT_I1)100"),
    ("@r4", "1.5F"),
    ("@cy", "(DT_CY)12.5"),
    ("@yes", "TRUE"),
    ("@text", "\"Grüße\""),
    ("@[User::any name]", "\"x\""),
    ("[Order Date]", "(DT_DBTIMESTAMP)\"2024-02-29 13:14:15.678\""),
];

impl Surroundings {
    pub(super) fn common() -> Surroundings {
        let mut surroundings = Surroundings::default();
        COMMON.iter().for_each(|(name, value)| surroundings.add(name, value));
        surroundings
    }

    /// Adds a name whose type and value are those of an expression.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let expression = Parsed::read(value).and_then(|parsed| parsed.check(self));
        let expression = expression.unwrap_or_else(|error| panic!("{value}: {error}"));
        let datum = expression.evaluate(self).unwrap_or_else(|error| panic!("{value}: {error}"));
        self.known.insert(name.to_owned(), (expression.data_type(), datum));
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The value and type of an expression, or its fault.
    pub(super) fn shows(&self, text: &str) -> String {
        let checked = Parsed::read(text).and_then(|parsed| parsed.check(self));
        let evaluated = checked.and_then(|expression| {
            let value = expression.evaluate(self)?;
            Ok((expression, value))
        });
        match evaluated {
            Ok((expression, value)) => {
                format!("{} : {}", show(&expression, value.as_ref()), expression.data_type())
            }
            Err(error) => format!("error: {error}"),
        }
    }

    pub(super) fn evaluate(&self, text: &str) -> Result<Option<Datum>, ExpressionError> {
        Parsed::read(text)?.check(self)?.evaluate(self)
    }
}

/// As a literal, or as the text that a cast would make.
pub(super) fn show(expression: &Expression, value: Option<&Datum>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(Datum::Text(text)) => format!("{text:?}"),
        Some(datum) => datum.to_text(expression.data_type()),
    }
}

impl Names for Surroundings {
    fn type_of(&self, name: &Name) -> Result<Type, UnknownName> {
        self.known
            .get(&name.to_string())
            .map(|(data_type, _)| *data_type)
            .ok_or_else(|| UnknownName { message: format!("{name} is not known here"), help: None })
    }
}

impl Context for Surroundings {
    fn value(&self, input: &Input) -> Result<Option<Datum>, String> {
        self.known
            .get(&input.name.to_string())
            .map(|(_, value)| value.clone())
            .ok_or_else(|| "unknown".to_owned())
    }

    fn now(&self) -> DateTime {
        date(2024, 12, 31).at(23, 30, 0, 123_456_789)
    }

    fn utc_now(&self) -> DateTime {
        date(2024, 12, 31).at(22, 30, 0, 123_456_789)
    }
}

/// Holds a table of expressions and what they show.
#[track_caller]
pub(super) fn holds(cases: &[(&str, &str)]) {
    let surroundings = Surroundings::common();
    let wrong: Vec<String> = cases
        .iter()
        .map(|(text, expect)| (text, expect, surroundings.shows(text)))
        .filter(|(_, expect, found)| *expect != found)
        .map(|(text, expect, found)| format!("{text}\n  expected {expect}\n  found    {found}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
