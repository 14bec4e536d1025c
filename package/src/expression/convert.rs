//! From one type to another: what casts do, and what happens unasked where types meet. Which conversions there are,
//! [`is_legal`] says; what each does is in [`convert`].

use jiff::civil::{DateTime, Time};
use uuid::Uuid;

use super::datum::{Datum, OffsetMoment};
use super::moments;
use super::numeric::{Numeric, Rounding};
use super::types::{Class, Type};

/// Why a value cannot become one of another type; a fragment that reads after a colon.
pub(super) type Failure = &'static str;

const OVERFLOW: Failure = "the value is beyond its range";
const TOO_LONG: Failure = "the value does not fit into that length";
const NO_NUMBER: Failure = "the text is not a number of that type";
const NO_DATE: Failure = "the text is not in the format yyyy-mm-dd hh:mm:ss";
const NO_TIME: Failure = "the text is not in the format hh:mm:ss";
const NOT_CONVERTIBLE: Failure = "there is no such conversion";

/// Whether a cast from one type to the other exists.
pub(super) fn is_legal(from: Type, to: Type) -> bool {
    let dated = |class| matches!(class, Class::Day | Class::Time | Class::Moment | Class::Offset);
    match (from.class(), to.class()) {
        (from, to) if from == to => true,
        // True is -1, which no type without sign holds.
        (Class::Bool, Class::Integer) => !to.is_unsigned(),
        (Class::Bool, Class::Real | Class::Exact) => true,
        (_, Class::Text) | (Class::Text, _) => true,
        (Class::Integer | Class::Real | Class::Exact, Class::Bool) => true,
        (Class::Integer | Class::Real | Class::Exact, Class::Integer | Class::Real | Class::Exact) => true,
        (Class::Integer | Class::Real | Class::Exact, Class::Moment) => to == Type::Date,
        (Class::Moment, Class::Integer | Class::Real | Class::Exact) => from == Type::Date,
        (from, to) => dated(from) && dated(to),
    }
}

/// Whether the conversion asks for the day it is: a time of day that becomes a date is one of today.
pub(super) fn wants_today(from: Type, to: Type) -> bool {
    from.class() == Class::Time && to.has_day()
}

/// The value of type `from` as one of type `to`. `today` is now, on the clock of the machine.
///
/// # Errors
/// It is out of range, too long, or a text that says something else.
pub(super) fn convert(
    datum: Datum,
    from: Type,
    to: Type,
    today: &dyn Fn() -> DateTime,
) -> Result<Datum, Failure> {
    match to.class() {
        Class::Bool => to_bool(&datum).map(Datum::Bool),
        Class::Integer => integer(&datum, to).map(Datum::Integer),
        Class::Real => real(&datum, to).map(Datum::Real),
        Class::Exact => exact(&datum, to).map(Datum::Exact),
        Class::Text => text(datum, from, to).map(Datum::Text),
        Class::Day | Class::Time | Class::Moment | Class::Offset => dated(&datum, to, today),
        Class::Guid => guid(&datum).map(Datum::Guid),
        Class::Bytes => bytes(datum, to).map(Datum::Bytes),
    }
}

fn to_bool(datum: &Datum) -> Result<bool, Failure> {
    match datum {
        Datum::Bool(truth) => Ok(*truth),
        Datum::Integer(number) => Ok(*number != 0),
        Datum::Real(number) => Ok(*number != 0.0),
        Datum::Exact(number) => Ok(!number.is_zero()),
        Datum::Text(text) => match text.trim() {
            word if word.eq_ignore_ascii_case("true") => Ok(true),
            word if word.eq_ignore_ascii_case("false") => Ok(false),
            number => Numeric::parse(number)
                .map(|number| !number.is_zero())
                .ok_or("the text is neither True nor False"),
        },
        _ => Err(NOT_CONVERTIBLE),
    }
}

/// True is -1, as SSIS has it.
fn of_bool(truth: bool) -> i128 {
    if truth { -1 } else { 0 }
}

fn integer(datum: &Datum, to: Type) -> Result<i128, Failure> {
    let number = match datum {
        Datum::Bool(truth) => of_bool(*truth),
        Datum::Integer(number) => *number,
        // A float beyond the range becomes the nearest one within, which is beyond every type's.
        Datum::Real(number) => number.trunc() as i128,
        Datum::Exact(number) => number.whole(),
        Datum::Moment(moment) => moments::to_days(*moment).trunc() as i128,
        Datum::Text(text) => text.trim().parse().map_err(|_| NO_NUMBER)?,
        _ => return Err(NOT_CONVERTIBLE),
    };
    fit_integer(number, to).ok_or(OVERFLOW)
}

/// The number, if the type holds it.
pub(super) fn fit_integer(number: i128, to: Type) -> Option<i128> {
    let (least, greatest) = to.integer_range()?;
    (least <= number && number <= greatest).then_some(number)
}

fn real(datum: &Datum, to: Type) -> Result<f64, Failure> {
    let number = match datum {
        Datum::Bool(truth) => of_bool(*truth) as f64,
        Datum::Integer(number) => *number as f64,
        Datum::Real(number) => *number,
        Datum::Exact(number) => number.to_real(),
        Datum::Moment(moment) => moments::to_days(*moment),
        Datum::Text(text) => read_real(text.trim()).ok_or(NO_NUMBER)?,
        _ => return Err(NOT_CONVERTIBLE),
    };
    fit_real(number, to).ok_or(OVERFLOW)
}

/// Rust would also read `inf`, `NaN` and `infinity`.
fn read_real(text: &str) -> Option<f64> {
    text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)).then(|| text.parse().ok()).flatten()
}

/// The number as the type holds it, if it does.
pub(super) fn fit_real(number: f64, to: Type) -> Option<f64> {
    let number = if to == Type::R4 { f64::from(number as f32) } else { number };
    number.is_finite().then_some(number)
}

fn exact(datum: &Datum, to: Type) -> Result<Numeric, Failure> {
    let (_, scale) = to.digits().ok_or(NOT_CONVERTIBLE)?;
    let number = match datum {
        Datum::Bool(truth) => Numeric::new(of_bool(*truth), 0),
        Datum::Integer(number) => Numeric::new(*number, 0),
        Datum::Real(number) => Numeric::from_real(*number, scale),
        Datum::Exact(number) => Some(*number),
        Datum::Moment(moment) => Numeric::from_real(moments::to_days(*moment), scale),
        Datum::Text(text) => Some(read_exact(text.trim(), scale)?),
        _ => return Err(NOT_CONVERTIBLE),
    };
    number.and_then(|number| fit_exact(number, to)).ok_or(OVERFLOW)
}

/// Digits, or what floats are written like.
fn read_exact(text: &str, scale: u8) -> Result<Numeric, Failure> {
    if let Some(number) = Numeric::parse(text) {
        return Ok(number);
    }
    let real = read_real(text).filter(|_| text.contains(['e', 'E'])).ok_or(NO_NUMBER)?;
    Numeric::from_real(real, scale).ok_or(OVERFLOW)
}

/// The number as the type holds it, digits behind its scale cut off; `None` if it is out of range.
pub(super) fn fit_exact(number: Numeric, to: Type) -> Option<Numeric> {
    let (precision, scale) = to.digits()?;
    let number = number.rescaled(scale, Rounding::Cut)?;
    let fits = match to {
        Type::Cy => i64::try_from(number.mantissa()).is_ok(),
        Type::Decimal { .. } => number.mantissa().unsigned_abs() < 1 << 96,
        _ => number.fits(precision),
    };
    fits.then_some(number)
}

fn text(datum: Datum, from: Type, to: Type) -> Result<String, Failure> {
    if let Datum::Text(text) = datum {
        return Ok(cut_text(text, to));
    }
    let text = plain_text(&datum, from);
    let fits = match to {
        Type::Wstr { length } | Type::Str { length, .. } => text.len() <= length as usize,
        _ => false,
    };
    // Text may lose its end without a word, as SSIS does it; half a number would be another number.
    if fits { Ok(text) } else { Err(TOO_LONG) }
}

/// The start of `text` that a text type holds; in its code page.
pub(super) fn cut_text(text: String, to: Type) -> String {
    match to {
        Type::Wstr { length } => match text.char_indices().nth(length as usize) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        },
        Type::Str { length, code_page } => code_page.fit(&text, length as usize),
        _ => text,
    }
}

/// The text that a cast to `DT_WSTR` makes of a value that is none.
pub(super) fn plain_text(datum: &Datum, from: Type) -> String {
    match datum {
        Datum::Bool(true) => "True".to_owned(),
        Datum::Bool(false) => "False".to_owned(),
        Datum::Integer(number) => number.to_string(),
        Datum::Real(number) => real_text(*number, from),
        Datum::Exact(number) => number.to_string(),
        Datum::Text(text) => text.clone(),
        Datum::Day(day) => moments::day_text(*day),
        Datum::Time(time) => moments::time_text(*time, from),
        Datum::Moment(moment) => moments::moment_text(*moment, from),
        Datum::Offset(moment) => moments::offset_text(*moment, from),
        Datum::Guid(guid) => guid.braced().to_string().to_uppercase(),
        Datum::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
    }
}

/// The shortest digits that mean this float; with an exponent where there would be many zeros.
fn real_text(number: f64, from: Type) -> String {
    let size = number.abs();
    let plain = size == 0.0 || (1e-5..1e15).contains(&size);
    match (plain, from == Type::R4) {
        (true, true) => (number as f32).to_string(),
        (true, false) => number.to_string(),
        (false, true) => with_sign(&format!("{:E}", number as f32)),
        (false, false) => with_sign(&format!("{number:E}")),
    }
}

/// `1E20` becomes `1E+20`.
fn with_sign(text: &str) -> String {
    if text.contains("E-") { text.to_owned() } else { text.replacen('E', "E+", 1) }
}

fn dated(datum: &Datum, to: Type, today: &dyn Fn() -> DateTime) -> Result<Datum, Failure> {
    if let (Datum::Text(text), Class::Time) = (datum, to.class()) {
        let time = moments::read_time(text).ok_or(NO_TIME)?;
        return Ok(Datum::Time(moments::cut_time(time, to)));
    }
    let moment = match datum {
        Datum::Text(text) => {
            let read = moments::read(text).ok_or(NO_DATE)?;
            OffsetMoment { local: read.day.to_datetime(read.time), minutes: read.minutes.unwrap_or(0) }
        }
        Datum::Day(day) => at_utc(day.to_datetime(Time::midnight())),
        Datum::Time(time) if to.class() == Class::Time => at_utc(DateTime::ZERO.date().to_datetime(*time)),
        Datum::Time(time) => at_utc(today().date().to_datetime(*time)),
        Datum::Moment(moment) => at_utc(*moment),
        Datum::Offset(moment) => *moment,
        Datum::Integer(_) | Datum::Real(_) | Datum::Exact(_) => {
            at_utc(moments::from_days(real(datum, Type::R8)?).ok_or(OVERFLOW)?)
        }
        _ => return Err(NOT_CONVERTIBLE),
    };
    dated_from(moment, to).ok_or(OVERFLOW)
}

fn at_utc(local: DateTime) -> OffsetMoment {
    OffsetMoment { local, minutes: 0 }
}

fn dated_from(moment: OffsetMoment, to: Type) -> Option<Datum> {
    match to.class() {
        Class::Offset => moments::fit_offset(moment, to).map(Datum::Offset),
        Class::Moment => moments::fit(moment.utc()?, to).map(Datum::Moment),
        Class::Day => moments::fit(moment.utc()?, to).map(|moment| Datum::Day(moment.date())),
        _ => Some(Datum::Time(moments::cut_time(moment.utc()?.time(), to))),
    }
}

fn guid(datum: &Datum) -> Result<Uuid, Failure> {
    match datum {
        Datum::Guid(guid) => Ok(*guid),
        Datum::Text(text) => Uuid::try_parse(text.trim()).map_err(|_| "the text is not a GUID"),
        _ => Err(NOT_CONVERTIBLE),
    }
}

fn bytes(datum: Datum, to: Type) -> Result<Vec<u8>, Failure> {
    let mut bytes = match datum {
        Datum::Bytes(bytes) => bytes,
        Datum::Text(text) => {
            let digits = text.trim();
            let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
            read_bytes(digits).ok_or("the text is not made of pairs of hexadecimal digits")?
        }
        _ => return Err(NOT_CONVERTIBLE),
    };
    if let Type::Bytes { length } = to {
        bytes.truncate(length as usize);
    }
    Ok(bytes)
}

fn read_bytes(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}
