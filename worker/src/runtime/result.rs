//! The result that a package leaves: JSON, bounded, without sensitive values. Pure.

use scaleout_common::MASK;
use serde_json::Value as Json;

use super::mask::Masker;

/// Largest result in bytes.
pub(super) const RESULT_BYTES_MAX: usize = 16 * 1024;

/// The result as it is kept with the execution; none if the file is empty. At most one byte above the bound needs
/// to be in `bytes`.
///
/// # Errors
/// Why it is dropped.
pub(super) fn check(bytes: Vec<u8>, masker: &Masker) -> Result<Option<String>, String> {
    if bytes.len() > RESULT_BYTES_MAX {
        return Err(format!("the file has more than {RESULT_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "the file is not UTF-8".to_owned())?;
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let json: Json = serde_json::from_str(text).map_err(|error| format!("the file is not JSON: {error}"))?;
    // PostgreSQL's jsonb has no place for it.
    if any_text(&json, &|text| text.contains('\0')) {
        return Err("a text in it holds \\u0000".to_owned());
    }
    let hides = |text: &str| masker.mask_text(text) != text;
    if !hides(text) && !any_text(&json, &hides) {
        return Ok(Some(text.to_owned()));
    }
    Ok(Some(masked(json, masker).to_string()))
}

/// Whether `test` holds for a key, a string, or the text of a number or constant.
fn any_text(json: &Json, test: &impl Fn(&str) -> bool) -> bool {
    match json {
        Json::String(text) => test(text),
        Json::Array(items) => items.iter().any(|item| any_text(item, test)),
        Json::Object(entries) => entries.iter().any(|(key, value)| test(key) || any_text(value, test)),
        Json::Null | Json::Bool(_) | Json::Number(_) => test(&json.to_string()),
    }
}

fn masked(json: Json, masker: &Masker) -> Json {
    match json {
        Json::String(text) => Json::String(masker.mask_text(&text).into_owned()),
        Json::Array(items) => items.into_iter().map(|item| masked(item, masker)).collect(),
        Json::Object(entries) => {
            let entries = entries.into_iter();
            entries.map(|(key, value)| (masker.mask_text(&key).into_owned(), masked(value, masker))).collect()
        }
        scalar => {
            let text = scalar.to_string();
            if masker.mask_text(&text) == text { scalar } else { Json::String(MASK.to_owned()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, secrets: &[&str]) -> Result<Option<String>, String> {
        check(text.into(), &Masker::new(secrets.iter().map(|s| (*s).to_owned())))
    }

    #[test]
    fn good_results_are_kept_as_they_are() {
        for (text, kept) in [("{\"rows\": 12}\n", Some("{\"rows\": 12}")), ("[]", Some("[]")), (" \n", None)]
        {
            assert_eq!(checked(text, &[]), Ok(kept.map(str::to_owned)));
        }
    }

    #[test]
    fn bad_results_are_dropped_with_a_reason() {
        for (text, reason) in [
            ("{rows: 12}", "not JSON"),
            ("1 2", "not JSON"),
            (r#"{"a":"\u0000"}"#, "u0000"),
            (r#""\ud800""#, "not JSON"),
        ] {
            let error = checked(text, &[]).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let long = format!("\"{}\"", "x".repeat(RESULT_BYTES_MAX));
        assert!(checked(&long, &[]).unwrap_err().contains("16384"));
        assert!(check(vec![b'"', 0xff, b'"'], &Masker::default()).unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn sensitive_values_are_masked_and_it_stays_json() {
        let text = r#"{"token": "hunter2", "pin": 123456, "quoted": "say \"hi\" now", "n": 1}"#;
        let kept = checked(text, &["hunter2", "123456", "say \"hi\""]).unwrap().unwrap();
        let json: Json = serde_json::from_str(&kept).unwrap();
        assert_eq!(json, serde_json::json!({"token": "***", "pin": "***", "quoted": "*** now", "n": 1}));
    }
}
