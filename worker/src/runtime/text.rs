//! Texts as people get to see them: bounded, readable. Pure.

use std::borrow::Cow;
use std::time::Duration;

use scaleout_package::Value;
use scaleout_package::property::{Property, PropertyValue};
use scaleout_package::scope::Scope;
use scaleout_package::template::Template;

use super::mask::Masker;

/// `text` without NUL, which PostgreSQL cannot keep, in at most `bytes_max` bytes; what was cut shows as `…`.
pub(crate) fn presentable(text: &str, bytes_max: usize) -> String {
    const ELLIPSIS: &str = "…";
    let mut text = text.replace('\0', "\\x00");
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
    text
}

/// `template` with its references replaced.
///
/// # Errors
/// Which template cannot be rendered, and why.
pub(super) fn rendered(template: &Template, scope: &Scope) -> Result<String, String> {
    template.render(scope).map_err(|error| format!("cannot render {template}: {error}"))
}

/// What `property` is, which packages call `key`.
///
/// # Errors
/// It has no value.
pub(super) fn resolved<T: PropertyValue>(
    key: &'static str,
    property: &Property<T>,
    scope: &Scope,
) -> Result<T, String> {
    property.resolve(key, scope).map_err(|error| error.to_string())
}

/// Bytes of a process as text. What is not UTF-8, and NUL, becomes `\xNN`; the second value says whether any did.
pub(super) fn readable(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !bytes.contains(&0)
    {
        return (Cow::Borrowed(text), false);
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        for (index, part) in chunk.valid().split('\0').enumerate() {
            text.push_str(if index > 0 { "\\x00" } else { "" });
            text.push_str(part);
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    (Cow::Owned(text), true)
}

/// A measured duration, short rather than exact: `250ms`, `1.5s`, `10m`. What somebody configured is shown as packages
/// write it: [`scaleout_package::duration::print`].
pub(super) fn measured(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds, duration.subsec_millis()) {
        (0, millis) => format!("{millis}ms"),
        (_, millis) if millis > 0 => format!("{:.1}s", duration.as_secs_f64()),
        (seconds, _) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (seconds, _) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        (seconds, _) => format!("{seconds}s"),
    }
}

/// Most of a variable's value that the log shows, in bytes.
const SHOWN_BYTES_MAX: usize = 200;

/// A variable's value for the log.
pub(super) fn shown(value: &Value, masker: &Masker) -> String {
    if let Value::Table(rows) = value {
        return told(rows.count() as u64, "row");
    }
    let text = value.render().unwrap_or_else(|_| "NULL".to_owned());
    presentable(&masker.mask_text(&text), SHOWN_BYTES_MAX)
}

/// Why a loop of which nobody knows how long it would be does not go on.
pub(super) fn enough_errors(errors: u32) -> String {
    format!(
        "no further iteration starts, because {} reached the loop's maximum-errors",
        told(errors.into(), "error")
    )
}

/// So many of `what`.
pub(super) fn told(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_readable() {
        for (bytes, expected, escaped) in [
            (&b"plain"[..], "plain", false),
            ("grün".as_bytes(), "grün", false),
            (b"a\xff\xfeb", "a\\xff\\xfeb", true),
            (b"\0a\0", "\\x00a\\x00", true),
            (b"cut \xe2\x82", "cut \\xe2\\x82", true),
            (b"", "", false),
        ] {
            assert_eq!(readable(bytes), (Cow::Borrowed(expected), escaped), "{bytes:?}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(presentable("ääää", 100), "ääää");
        assert_eq!(presentable("ääää", 6), "ä…");
        assert_eq!(presentable("a\0b", 100), "a\\x00b");
    }

    #[test]
    fn measured_durations_are_short() {
        for (millis, expected) in [
            (250, "250ms"),
            (1_500, "1.5s"),
            (90_000, "90s"),
            (600_000, "10m"),
            (7_200_000, "2h"),
            (0, "0ms"),
        ] {
            assert_eq!(measured(Duration::from_millis(millis)), expected);
        }
    }
}
