//! A value that is known only while a package runs: what stands in `{{ }}` and in `arguments`.

use crate::binding;
use crate::expression::{Datum, Expression, ExpressionError, Name, Names, Parsed, Type};
use crate::reference::Reference;
use crate::scope::{LookupError, Scope};
use crate::value::Value;

/// A value to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// The value of a parameter or variable, as it is: no conversion touches it.
    Reference(Reference),
    /// A literal, or an expression that is always the same.
    Literal(Value),
    /// Any other expression.
    Expression(Expression),
}

impl Operand {
    /// Checks an expression. A name that stands alone means itself, and may be anything that `names` knows; what stands
    /// with others must be known to `composed`, too.
    ///
    /// # Errors
    /// The first fault, and where it is.
    pub fn check(
        parsed: &Parsed,
        names: &dyn Names,
        composed: &dyn Names,
    ) -> Result<Operand, ExpressionError> {
        if let Some(name @ Name::Variable { .. }) = parsed.as_name() {
            parsed.check(names)?;
            if let Ok(reference) = Reference::from_name(name) {
                return Ok(Operand::Reference(reference));
            }
        }
        parsed.check(composed).map(Operand::of)
    }

    /// As [`Operand::check`], for something of type `target` that the value is given to.
    ///
    /// # Errors
    /// As [`Operand::check`]; also if the value must be cast first.
    pub fn check_as(
        parsed: &Parsed,
        names: &dyn Names,
        composed: &dyn Names,
        target: Type,
    ) -> Result<Operand, ExpressionError> {
        let alone = parsed.as_name().is_some();
        let expression = parsed.check_as(if alone { names } else { composed }, target)?;
        match Operand::check(parsed, names, composed)? {
            // What has the type already stays as it is.
            Operand::Reference(reference)
                if expression.inputs().iter().all(|input| input.data_type == target) =>
            {
                Ok(Operand::Reference(reference))
            }
            _ => Ok(Operand::of(expression)),
        }
    }

    fn of(expression: Expression) -> Operand {
        match expression.constant() {
            Some(constant) => Operand::Literal(value_of(&expression, constant.clone())),
            None => Operand::Expression(expression),
        }
    }

    /// The value in `scope`, as a variable holds it.
    ///
    /// # Errors
    /// As [`Operand::value`].
    pub fn variable_value(&self, scope: &Scope) -> Result<Value, LookupError> {
        Ok(match (self.value(scope)?, self) {
            // An expression's decimal has all digits of its type, a `decimal` those that say something. What is declared
            // with its digits gets them again.
            (Value::Decimal(number), Operand::Expression(expression))
                if expression.data_type() == binding::DECIMAL =>
            {
                Value::Decimal(number.normalize())
            }
            (value, _) => value,
        })
    }

    /// The value in `scope`.
    ///
    /// # Errors
    /// A name is unknown to the scope, or the evaluation fails.
    pub fn value(&self, scope: &Scope) -> Result<Value, LookupError> {
        match self {
            Operand::Reference(reference) => scope.lookup(reference).cloned(),
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Expression(expression) => {
                let datum = expression.evaluate(scope).map_err(LookupError::Expression)?;
                Ok(value_of(expression, datum))
            }
        }
    }
}

fn value_of(expression: &Expression, datum: Option<Datum>) -> Value {
    datum.map_or(Value::Null, |datum| binding::value_of(expression.data_type(), datum))
}
