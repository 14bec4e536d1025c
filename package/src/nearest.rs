//! The nearest known word to a misspelt one. Pure.

/// Words further than this share of their length from the misspelt one are not suggested.
const SIMILARITY_MIN: f64 = 0.6;

/// Most words that are compared: the cost is bounded also for a hostile file.
const WORDS_MAX: usize = 500;

/// The word of `known` nearest to `found`, if any is near enough.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_lowercase();
    known
        .into_iter()
        .take(WORDS_MAX)
        .map(|word| (strsim::normalized_damerau_levenshtein(&found, &word.to_lowercase()), word))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// The help line for an unknown word: did you mean the nearest known one?
pub(crate) fn suggest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(found, known).map(|word| format!("did you mean `{word}`?"))
}
