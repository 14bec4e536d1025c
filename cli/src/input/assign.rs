//! `name=value`, `name=a,b,c` and durations, as flags give them. Values stay text: the master reads them by the
//! parameter's declared type.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::exit::Failure;

/// `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// `name=a,b,c`: one execution for each value. A comma within a value is written `\,`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Each {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = split(text)?;
        Ok(Self { name, value: value.to_owned() })
    }
}

impl FromStr for Each {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, list) = split(text)?;
        let mut values = vec![String::new()];
        let mut letters = list.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' if letters.peek() == Some(&',') => push(&mut values, letters.next()),
                ',' => values.push(String::new()),
                letter => push(&mut values, Some(letter)),
            }
        }
        if values.iter().any(String::is_empty) {
            return Err(format!("{text:?} has an empty value: expected name=a,b,c"));
        }
        Ok(Self { name, values })
    }
}

/// Reads `250ms`, `10s`, `1h30m`; for clap.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    scaleout_package::duration::parse(text).map_err(|error| error.to_string())
}

/// The assignments as parameter values.
///
/// # Errors
/// A name is given twice.
pub(crate) fn values(assignments: &[Assignment], flag: &str) -> Result<Map<String, Value>, Failure> {
    let mut seen = BTreeMap::new();
    for Assignment { name, value } in assignments {
        if let Some(before) = seen.insert(name, value) {
            return Err(Failure::usage(format!("{flag} gives {name} twice: {before:?} and {value:?}")));
        }
    }
    Ok(seen.into_iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect())
}

fn split(text: &str) -> Result<(String, &str), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value)),
        _ => Err(format!("{text:?} is not of the form name=value")),
    }
}

fn push(values: &mut [String], letter: Option<char>) {
    if let Some(last) = values.last_mut() {
        last.extend(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_splits_at_the_first_equals_sign() {
        let read = |text: &str| text.parse::<Assignment>().map(|a| (a.name, a.value));
        assert_eq!(read("day=2026-01-01"), Ok(("day".into(), "2026-01-01".into())));
        assert_eq!(read("url=a=b"), Ok(("url".into(), "a=b".into())));
        assert_eq!(read("empty="), Ok(("empty".into(), String::new())));
        for bad in ["day", "=x", " =x"] {
            assert!(read(bad).unwrap_err().contains("name=value"), "{bad}");
        }
    }

    #[test]
    fn each_splits_at_commas_that_are_not_escaped() {
        let read = |text: &str| text.parse::<Each>().map(|each| each.values);
        assert_eq!(read("m=1,2,3"), Ok(vec!["1".into(), "2".into(), "3".into()]));
        assert_eq!(read(r"m=a\,b,c\d"), Ok(vec!["a,b".into(), r"c\d".into()]));
        for bad in ["m=", "m=1,", "m=,1", "m=1,,2"] {
            assert!(read(bad).unwrap_err().contains("empty value"), "{bad}");
        }
    }

    #[test]
    fn a_name_given_twice_is_wrong() {
        let twice = ["a=1".parse().unwrap(), "a=2".parse().unwrap()];
        assert!(values(&twice, "--set").unwrap_err().message.contains("--set gives a twice"));
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("10").is_err());
    }
}
