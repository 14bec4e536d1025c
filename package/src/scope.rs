//! The values that references and expressions see while a package runs. Owns them; decides only which one a name
//! means. Pure: what the clock shows is one of the values.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Zoned;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::binding;
use crate::budget::{Budget, Full};
use crate::expression::{Context, Datum, ExpressionError, Input};
use crate::frames::{Beginning, Frame};
use crate::model::Variable;
use crate::reference::{Reference, SystemVariable};
use crate::value::{DataType, VALUE_BYTES_MAX, Value};

/// The values a task sees. Cheap to clone, but for the short texts of system variables.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Project parameters, by name.
    pub project: Arc<BTreeMap<String, Value>>,
    /// Package parameters, by name.
    pub package: Arc<BTreeMap<String, Value>>,
    /// Variables: the package's frame, then those of the containers and tasks inwards that declare any.
    pub variables: Vec<Frame>,
    /// System variables.
    pub system: BTreeMap<SystemVariable, Value>,
    /// What `GETDATE` and `GETUTCDATE` give.
    pub clock: Clock,
}

/// One moment, on the machine's clock and in UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    /// On the machine's clock.
    pub local: DateTime,
    /// In UTC.
    pub utc: DateTime,
}

impl Clock {
    /// That moment.
    pub fn at(moment: &Zoned) -> Clock {
        Clock { local: moment.datetime(), utc: TimeZone::UTC.to_datetime(moment.timestamp()) }
    }
}

/// Why a reference has no value or no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Nothing of that name is in scope.
    #[error("{0} is not known here")]
    Unknown(Reference),
    /// The value of this expression is NULL and a text was wanted.
    #[error("{0} is NULL and cannot be put into a text")]
    Null(String),
    /// A text with values put in is longer than a value may be.
    #[error("it would be longer than {VALUE_BYTES_MAX} bytes")]
    TooLong,
    /// An expression has no value.
    #[error("{0}")]
    Expression(ExpressionError),
    /// The value is beyond what this type holds.
    #[error("it cannot be {}: expected {}", .0.with_article(), .0.expected())]
    Beyond(DataType),
    /// There is no room for the value.
    #[error(transparent)]
    Full(#[from] Full),
}

/// A variable has no first value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot evaluate the value of variable {name}: {cause}")]
pub struct DeclareError {
    /// The variable.
    pub name: String,
    /// Why.
    pub cause: LookupError,
}

impl Scope {
    /// The value that `reference` means here.
    ///
    /// # Errors
    /// Nothing of that name is in scope.
    pub fn lookup(&self, reference: &Reference) -> Result<&Value, LookupError> {
        let found = match reference {
            Reference::Bare(name) => self.variable(name).or_else(|| self.package.get(name)),
            Reference::User(name) => self.variable(name),
            Reference::Package(name) => self.package.get(name),
            Reference::Project(name) => self.project.get(name),
            Reference::System(variable) => {
                self.system.get(variable).or_else(|| self.variable(variable.key()))
            }
        };
        found.ok_or_else(|| LookupError::Unknown(reference.clone()))
    }

    /// What the frame of these variables begins with.
    ///
    /// # Errors
    /// The first value that cannot be evaluated, or for which `budget` has no room.
    pub fn begin(
        &self,
        variables: &BTreeMap<String, Variable>,
        budget: &Budget,
    ) -> Result<Beginning, DeclareError> {
        let begin = |(name, variable): (&String, &Variable)| {
            let value = variable.value.variable_value(self);
            let value = value.and_then(|value| fitted(variable.data_type, &value));
            let value = value.and_then(|value| Ok(budget.keep(value)?));
            let value = value.map_err(|cause| DeclareError { name: name.clone(), cause })?;
            Ok((name.clone(), (variable.data_type, value)))
        };
        variables.iter().map(begin).collect()
    }

    /// What the package itself sees: nothing of its containers and tasks.
    #[must_use]
    pub fn of_package(mut self) -> Scope {
        self.variables.truncate(1);
        self
    }

    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.iter().rev().find_map(|frame| frame.get(name))
    }
}

/// `value` as something of `data_type` holds it.
///
/// # Errors
/// The type does not hold all of it.
pub fn fitted(data_type: DataType, value: &Value) -> Result<Value, LookupError> {
    data_type.fitted(value).ok_or(LookupError::Beyond(data_type))
}

impl Context for Scope {
    fn value(&self, input: &Input) -> Result<Option<Datum>, String> {
        let reference = Reference::from_name(&input.name).map_err(|unknown| unknown.message)?;
        binding::datum_of(self.lookup(&reference).map_err(|error| error.to_string())?, input.data_type)
    }

    fn now(&self) -> DateTime {
        self.clock.local
    }

    fn utc_now(&self) -> DateTime {
        self.clock.utc
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::ProjectSettings;
    use crate::reader::{Surroundings, read_package};
    use crate::template::Template;

    /// The variables of a package whose parameter `rate` is 1.50, or NULL.
    fn declared(variables: &str, rate: Value) -> String {
        let text = format!("[parameters.rate]\ntype = \"decimal\"\n{variables}");
        let settings = ProjectSettings::default();
        let around = Surroundings { settings: &settings, files: None, siblings: None };
        let package = read_package("p", "p.toml", text.as_bytes(), &around).unwrap_or_else(|e| panic!("{e}"));
        let scope = Scope { package: Arc::new([("rate".into(), rate)].into()), ..Scope::default() };
        match scope.begin(&package.variables, &Budget::default()) {
            Ok(beginning) => {
                let values = beginning.iter().map(|(name, (_, value))| format!("{name}={}", value.to_json()));
                values.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn variables_begin_with_literals_and_expressions() {
        let text = r#"
[variables.a]
type = "decimal"
value = "@rate * 2"
[variables.b]
type = "decimal"
value = "@rate"
[variables.c]
type = "bool"
value = "ISNULL(@rate)"
[variables.d]
type = "string"
value = '@[$Package::rate] > 1 ? "much" : "little"'
[variables.e]
type = "date"
value = '(DT_DBDATE)"2024-2-9"'
[variables.f]
type = "int64"
value = "2 + 3"
[variables.g]
type = "float64"
[variables.h]
type = "float64"
value = "@rate"
"#;
        let rate = Value::parse(crate::value::DataType::Decimal, "1.50").unwrap();
        assert_eq!(
            declared(text, rate),
            r#"a="3" b="1.50" c=false d="much" e="2024-02-09" f=5 g=null h=1.5"#
        );
        assert_eq!(
            declared(text, Value::Null),
            r#"a=null b=null c=true d=null e="2024-02-09" f=5 g=null h=null"#
        );
    }

    #[test]
    fn a_decimal_loses_no_digit_on_its_way_into_a_variable() {
        let text = |value: &str| format!("[variables.a]\ntype = \"decimal\"\nvalue = \"{value}\"\n");
        let half = || Value::parse(crate::value::DataType::Decimal, "0.5").unwrap();
        assert_eq!(declared(&text("@rate * 1.25"), half()), r#"a="0.625""#);
        let lost = declared(&text("@rate / 3"), half());
        assert!(lost.contains("it has more digits; a cast cuts them, and ROUND rounds"), "{lost}");
        assert_eq!(declared(&text("(DT_NUMERIC,29,9)(@rate / 3)"), half()), r#"a="0.166666666""#);
        let long = "(DT_NUMERIC,29,9)79228162514264337594.0";
        assert_eq!(declared(&text(long), half()), r#"a="79228162514264337594.00000000""#);
    }

    #[test]
    fn a_text_with_values_is_no_longer_than_a_value() {
        let scope = Scope {
            variables: vec![[("a".to_owned(), Value::String("x".repeat(VALUE_BYTES_MAX / 2)))].into()],
            ..Scope::default()
        };
        let text = |times: usize| {
            let mut one = |parsed: &crate::expression::Parsed| {
                let name = parsed.as_name().and_then(|name| Reference::from_name(name).ok());
                Ok(crate::operand::Operand::Reference(name.unwrap()))
            };
            Template::read(&"{{ @a }}".repeat(times), &mut one).0
        };
        assert_eq!(text(2).render(&scope).unwrap().len(), VALUE_BYTES_MAX);
        assert_eq!(text(100_000).render(&scope), Err(LookupError::TooLong));
    }

    #[test]
    fn a_variable_that_has_no_value_is_told() {
        let text = "[variables.a]\ntype = \"decimal\"\nvalue = \"(1 / @rate)\"\n";
        assert_eq!(
            declared(text, Value::Decimal(rust_decimal::Decimal::ZERO)),
            "cannot evaluate the value of variable a: the right side of / is zero"
        );
    }
}
