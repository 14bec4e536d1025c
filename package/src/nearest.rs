//! The nearest known word to a misspelt one. Pure.

/// Words less similar than this are not suggested.
const SIMILARITY_MIN: f64 = 0.6;

/// Most words that are compared: the cost is bounded also for a hostile file.
const WORDS_MAX: usize = 500;

/// The word of `known` nearest to `found`, if any is near enough.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    known
        .into_iter()
        .take(WORDS_MAX)
        .map(|word| (similarity(&found, &word.to_lowercase()), word))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// 1 for the same word, 0 for one without a letter in common; two letters exchanged are one step.
fn similarity(a: &str, b: &str) -> f64 {
    let longest = a.chars().count().max(b.chars().count()).max(1);
    1.0 - strsim::osa_distance(a, b) as f64 / longest as f64
}

/// The help line for an unknown word: did you mean the nearest known one?
pub(crate) fn suggest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(found, known).map(|word| format!("did you mean `{word}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let known = ["command", "environment", "retries", "retry-delay", "load"];
        let cases = [
            ("comand", Some("command")),
            ("Command", Some("command")),
            ("retry_delay", Some("retry-delay")),
            ("laod", Some("load")),
            ("zzz", None),
            ("", None),
        ];
        for (found, expect) in cases {
            assert_eq!(nearest(found, known), expect, "{found}");
        }
    }
}
