//! Mutation of requests that knows their parts: segments of the path, the query, JSON values.

use serde_json::{Map, Value, json};

use super::bytes;
use super::request::Request;
use crate::harness::Random;

/// Longest body in bytes; longer ones are the business of the test of hostile input.
const BODY_BYTES_MAX: usize = 128 << 10;

const TARGET_BYTES_MAX: usize = 4 << 10;

/// Texts that something breaks at: none, control characters, ends of texts, numbers out of range, other people's
/// languages, paths out of the place, half a character, and what JSON, SQL and terminals find special.
const TEXTS: [&str; 26] = [
    "",
    " ",
    "\0",
    "a\0b",
    "\u{1b}[31mred\u{1b}]0;title\u{7}",
    "\r\nX: y",
    "..",
    "../../etc/passwd",
    "/",
    "%",
    "%00",
    "'; drop table internal.executions; --",
    "\u{202e}\u{feff}\u{fffd}",
    "𝔘𝔫𝔦",
    "-1",
    "9223372036854775808",
    "18446744073709551616",
    "1e999",
    "NaN",
    "0000-00-00",
    "9999-12-31T23:59:60Z",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "{{ @x }}",
    "null",
    "{new}",
];

const KEYS: [&str; 17] = [
    "limit",
    "before",
    "after",
    "status",
    "package",
    "batch",
    "worker",
    "folder",
    "explain",
    "attempt",
    "session",
    "request_id",
    "executions",
    "parameters",
    "count",
    "values",
    "pool",
];

const WORDS: [&[u8]; 12] = [
    b"{execution}",
    b"{batch}",
    b"{hash}",
    b"{worker}",
    b"{new}",
    b"t/all/p",
    b"\\u0000",
    b"\\ud800",
    b"1e400",
    b"[[[[[[[[",
    b"%2f..%2f",
    b"default",
];

/// Changes one or two parts of `request`.
pub(super) fn mutate(random: &mut Random, request: &mut Request, other: &Request) {
    for _ in 0..random.within(1..3) {
        match random.within(0..10) {
            0 => segment(random, &mut request.target),
            1 => query(random, &mut request.target),
            2 => bytes::mutate(random, &mut request.target, &other.target, &WORDS, TARGET_BYTES_MAX),
            3..=6 if json_body(random, request) => {}
            _ => bytes::mutate(random, &mut request.body, &other.body, &WORDS, BODY_BYTES_MAX),
        }
    }
}

/// Another text for a segment of the path.
fn segment(random: &mut Random, target: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(target).into_owned();
    let mut parts: Vec<&str> = text.split('/').collect();
    let index = random.within(0..parts.len() as u64) as usize;
    let word = escaped(random.pick::<&str>(&TEXTS));
    parts[index] = &word;
    *target = parts.join("/").into_bytes();
}

fn query(random: &mut Random, target: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(target).into_owned();
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    let mut pairs: Vec<String> =
        query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    let key = *random.pick(&KEYS);
    let pair = format!("{key}={}", escaped(random.pick::<&str>(&TEXTS)));
    match random.within(0..3) {
        0 if !pairs.is_empty() => {
            let index = random.within(0..pairs.len() as u64) as usize;
            let key = pairs[index].split('=').next().unwrap_or_default().to_owned();
            pairs[index] = format!("{key}={}", escaped(random.pick::<&str>(&TEXTS)));
        }
        _ => pairs.push(pair),
    }
    *target = format!("{path}?{}", pairs.join("&")).into_bytes();
}

fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~{}".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect()
}

/// Changes a value somewhere in a JSON body; `false` if the body is none.
fn json_body(random: &mut Random, request: &mut Request) -> bool {
    let Ok(mut value) = serde_json::from_slice::<Value>(&request.body) else { return false };
    change(random, &mut value);
    request.body = value.to_string().into_bytes();
    request.body.len() <= BODY_BYTES_MAX
}

fn change(random: &mut Random, value: &mut Value) {
    let goes_deeper = random.chance(75);
    match value {
        Value::Object(map) if goes_deeper && !map.is_empty() => {
            let index = random.within(0..map.len() as u64) as usize;
            let key = map.keys().nth(index).cloned().expect("the index is below the length");
            match random.within(0..8) {
                0 => drop(map.remove(&key)),
                1 => rename(random, map, &key),
                _ => change(random, map.get_mut(&key).expect("it was just found")),
            }
        }
        Value::Array(items) if goes_deeper && !items.is_empty() => {
            let index = random.within(0..items.len() as u64) as usize;
            match random.within(0..6) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => change(random, &mut items[index]),
            }
        }
        other => *other = strange(random),
    }
}

fn rename(random: &mut Random, map: &mut Map<String, Value>, key: &str) {
    let value = map.remove(key).unwrap_or_default();
    let pool: &[&str] = if random.chance(50) { &KEYS } else { &TEXTS };
    map.insert((*random.pick(pool)).to_owned(), value);
}

fn strange(random: &mut Random) -> Value {
    match random.within(0..12) {
        0 => Value::Null,
        1 => json!(random.chance(50)),
        2 => json!(*random.pick(&[0_i64, -1, 1, 1001, i64::from(i32::MAX) + 1, i64::MAX, i64::MIN])),
        3 => json!(*random.pick(&[u64::MAX, 1 << 63, 1 << 53])),
        4 => json!(*random.pick(&[0.5, -0.0, 1e308, 5e-324])),
        5 => json!([]),
        6 => json!({}),
        7 => json!("x".repeat(1 << random.within(0..16))),
        8 => (0..random.within(1..140)).fold(Value::Null, |inner, _| json!([inner])),
        9 => json!({ *random.pick(&TEXTS): *random.pick(&TEXTS) }),
        _ => json!(*random.pick(&TEXTS)),
    }
}
