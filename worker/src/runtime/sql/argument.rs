//! Bound values on their way to PostgreSQL.

use std::error::Error;

use bytes::BytesMut;
use scaleout_package::Value;
use scaleout_package::expression::Datum;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// A value sent as text: the server itself reads it as the type that the statement asks for, so that every type
/// works, enumerations and extensions included, and a bad value gets the server's own words.
///
/// An instant goes to a column without time zone as its UTC time.
#[derive(Debug)]
pub(super) struct Argument<'a>(pub(super) &'a Value);

/// PostgreSQL reads the digits of bytes only with a mark in front.
fn is_bytes(value: &Value) -> bool {
    matches!(value, Value::Ssis(typed) if matches!(typed.datum, Datum::Bytes(_)))
}

impl ToSql for Argument<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Ok(text) = self.0.render() else { return Ok(IsNull::Yes) };
        if is_bytes(self.0) {
            out.extend_from_slice(b"\\x");
        }
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}
