//! Properties of packages and tasks: a value, or what gives one while the package runs, as SSIS's property expressions.
//!
//! A property that is no text is a literal or an expression (`retries = "@tries"`); one that is a text may have
//! expressions in it (`timeout = "{{ @minutes }}m"`). What a property may be is said once, by its type ([`PropertyValue`]), and
//! holds for both. Pure.

use std::time::Duration;

use crate::duration;
use crate::operand::Operand;
use crate::scope::{LookupError, Scope};
use crate::template::Template;
use crate::value::{DataType, Value};

/// A property of type `T`.
#[derive(Debug, Clone, PartialEq)]
pub enum Property<T> {
    /// Known when the package was read.
    Value(T),
    /// An expression, of the type of the property.
    Expression(Operand),
    /// A text with expressions in it.
    Text(Template),
}

/// What a property can be.
pub trait PropertyValue: Clone {
    /// The type of expressions that give one; for [`DataType::String`] it is written as a text.
    const DATA_TYPE: DataType;

    /// What it can be, in words that follow "expects".
    fn expected() -> String;

    /// The setting that `value` is, if it is one.
    fn of_value(value: &Value) -> Option<Self>;

    /// The words that it can be, if it is one of some words.
    fn words() -> Vec<&'static str> {
        Vec::new()
    }
}

/// A property that has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// What gives it cannot be evaluated.
    #[error("cannot evaluate `{key}`: {cause}")]
    Lookup {
        /// The property, as packages write it.
        key: &'static str,
        /// Why.
        cause: LookupError,
    },
    /// What came of it is nothing that it can be.
    #[error("`{key}` expects {expected}, found {found}")]
    Value {
        /// The property, as packages write it.
        key: &'static str,
        /// What it can be.
        expected: String,
        /// What came instead.
        found: String,
    },
}

impl<T: PropertyValue> Property<T> {
    /// The value, if the file says it.
    pub fn known(&self) -> Option<&T> {
        match self {
            Property::Value(value) => Some(value),
            Property::Expression(_) | Property::Text(_) => None,
        }
    }

    /// The value in `scope` of this property, which packages call `key`.
    ///
    /// # Errors
    /// What gives it cannot be evaluated, or gives nothing that it can be.
    pub fn resolve(&self, key: &'static str, scope: &Scope) -> Result<T, PropertyError> {
        let value = match self {
            Property::Value(value) => return Ok(value.clone()),
            Property::Expression(operand) => operand.value(scope),
            Property::Text(text) => text.render(scope).map(Value::String),
        };
        let value = value.map_err(|cause| PropertyError::Lookup { key, cause })?;
        let wrong = || PropertyError::Value { key, expected: T::expected(), found: shown(&value) };
        T::of_value(&value).ok_or_else(wrong)
    }
}

impl<T: Default> Default for Property<T> {
    fn default() -> Property<T> {
        Property::Value(T::default())
    }
}

/// A value in messages: its beginning, if it is long. No secret is among them: see the reader.
fn shown(value: &Value) -> String {
    const CHARACTERS_MAX: usize = 100;
    match value {
        Value::String(text) if text.chars().nth(CHARACTERS_MAX).is_some() => {
            format!("{:?}…", text.chars().take(CHARACTERS_MAX).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        other => other.render().unwrap_or_else(|_| "NULL".to_owned()),
    }
}

impl PropertyValue for bool {
    const DATA_TYPE: DataType = DataType::Bool;

    fn expected() -> String {
        "true or false".to_owned()
    }

    fn of_value(value: &Value) -> Option<bool> {
        match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }
}

/// A whole number from `LEAST` to `MOST`; `LEAST` if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoundedInt<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> BoundedInt<LEAST, MOST> {
    /// The least.
    pub const LEAST: u32 = LEAST;
    /// The most.
    pub const MOST: u32 = MOST;

    /// This number, if it is within the bounds.
    pub fn new(number: u32) -> Option<Self> {
        (LEAST..=MOST).contains(&number).then_some(BoundedInt(number))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32> Default for BoundedInt<LEAST, MOST> {
    fn default() -> Self {
        BoundedInt(LEAST)
    }
}

impl<const LEAST: u32, const MOST: u32> PropertyValue for BoundedInt<LEAST, MOST> {
    const DATA_TYPE: DataType = DataType::Int64;

    fn expected() -> String {
        format!("a whole number from {LEAST} to {MOST}")
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int64(number) => u32::try_from(*number).ok().and_then(BoundedInt::new),
            _ => None,
        }
    }
}

/// A duration from `LEAST` to `MOST` milliseconds; `LEAST` if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoundedDuration<const LEAST: u64, const MOST: u64>(Duration);

impl<const LEAST: u64, const MOST: u64> BoundedDuration<LEAST, MOST> {
    /// This duration, if it is within the bounds.
    pub fn new(duration: Duration) -> Option<Self> {
        let (least, most) = (Duration::from_millis(LEAST), Duration::from_millis(MOST));
        (least..=most).contains(&duration).then_some(BoundedDuration(duration))
    }

    /// The duration.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl<const LEAST: u64, const MOST: u64> Default for BoundedDuration<LEAST, MOST> {
    fn default() -> Self {
        BoundedDuration(Duration::from_millis(LEAST))
    }
}

impl<const LEAST: u64, const MOST: u64> PropertyValue for BoundedDuration<LEAST, MOST> {
    const DATA_TYPE: DataType = DataType::String;

    fn expected() -> String {
        let [least, most] = [LEAST, MOST].map(|bound| duration::print(Duration::from_millis(bound)));
        format!("a duration from {least} to {most} such as \"10m\"")
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => duration::parse(text).ok().and_then(BoundedDuration::new),
            _ => None,
        }
    }
}

/// A setting that is one of some words.
pub trait Word: Copy + 'static {
    /// Every one, in the order in which messages list them.
    const ALL: &'static [Self];

    /// The word that packages use.
    fn name(self) -> &'static str;
}

impl<T: Word> PropertyValue for T {
    const DATA_TYPE: DataType = DataType::String;

    fn expected() -> String {
        format!("one of {}", T::words().join(", "))
    }

    fn of_value(value: &Value) -> Option<T> {
        let Value::String(text) = value else { return None };
        T::ALL.iter().copied().find(|word| text == word.name())
    }

    fn words() -> Vec<&'static str> {
        T::ALL.iter().map(|word| word.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Missing;
    use crate::reference::Reference;

    #[test]
    fn bounds_hold_at_both_ends() {
        type Few = BoundedInt<1, 3>;
        for (number, expected) in [(0, None), (1, Some(1)), (3, Some(3)), (4, None), (-1, None)] {
            assert_eq!(Few::of_value(&Value::Int64(number)).map(Few::get), expected, "{number}");
        }
        type Short = BoundedDuration<1, 1_000>;
        for (text, expected) in [("0s", None), ("1ms", Some(1)), ("1s", Some(1_000)), ("1001ms", None)] {
            let found = Short::of_value(&Value::String(text.to_owned()));
            assert_eq!(found.map(Short::get), expected.map(Duration::from_millis), "{text}");
        }
        assert_eq!((Few::default().get(), Short::default().get()), (1, Duration::from_millis(1)));
    }

    #[test]
    fn what_came_instead_is_told() {
        let scope = Scope::default();
        let literal = |value| Property::<BoundedInt<0, 9>>::Expression(Operand::Literal(value));
        let problem =
            |property: &Property<BoundedInt<0, 9>>| property.resolve("n", &scope).unwrap_err().to_string();
        assert_eq!(problem(&literal(Value::Null)), "`n` expects a whole number from 0 to 9, found NULL");
        assert_eq!(problem(&literal(Value::Int64(10))), "`n` expects a whole number from 0 to 9, found 10");
        let unknown = Reference::Bare("tries".to_owned());
        let unknown = Property::Expression(Operand::Reference(unknown));
        assert_eq!(problem(&unknown), "cannot evaluate `n`: @tries is not known here");
        let soon = Property::<BoundedDuration<1, 60_000>>::Text(Template::literal("soon"));
        assert_eq!(
            soon.resolve("t", &scope).unwrap_err().to_string(),
            "`t` expects a duration from 1ms to 1m such as \"10m\", found \"soon\""
        );
        let stop = Property::<Missing>::Text(Template::literal("stop"));
        assert_eq!(
            stop.resolve("missing", &scope).unwrap_err().to_string(),
            "`missing` expects one of fail, ignore, found \"stop\""
        );
    }
}
