//! What went wrong with a request, in words, without what must not be told.

use reqwest::StatusCode;

use super::super::mask::Masker;
use super::super::text::readable;

/// How much of an answer's body an error shows, in bytes.
const EXCERPT_BYTES_MAX: usize = 1024;

/// Why no answer came. The library's own words hide the cause, and repeat the URL.
pub(super) fn error(error: &reqwest::Error) -> String {
    if let Some(tls) = scaleout_tls::tls_error(error) {
        return scaleout_tls::explain(tls, "the task's ca-file");
    }
    if error.is_timeout() && error.is_connect() {
        return "it was not connected within connect-timeout".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A status with its usual words.
pub(super) fn status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The beginning of a body for an error: masked, in one line. Empty if there is nothing to show.
pub(super) fn excerpt(body: &[u8], masker: &Masker) -> String {
    let is_long = body.len() > EXCERPT_BYTES_MAX;
    let end = if is_long { masker.cut(body, EXCERPT_BYTES_MAX) } else { body.len() };
    let masked = masker.mask(&body[..end]);
    let (text, _) = readable(&masked);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if is_long && !line.is_empty() { format!("{line} …") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_readable_and_masked() {
        let masker = Masker::new(["hunter2".to_owned()]);
        assert_eq!(excerpt(b"no: \xff\r\n  hunter2", &masker), "no: \\xff ***");
        assert_eq!(excerpt(b" \n", &masker), "");
        // A sensitive value that the end would cut in two.
        let long = [vec![b'x'; EXCERPT_BYTES_MAX - 3], b"hunter2 and more".to_vec()].concat();
        let shown = excerpt(&long, &masker);
        assert!(shown.ends_with("xx …") && !shown.contains("hun"), "{shown}");
    }
}
