//! Code pages: which bytes the characters of a `DT_STR` take. The tables are those of `encoding_rs`.

use std::borrow::Cow;
use std::fmt;

use encoding_rs::Encoding;

/// What stands for a character that a code page lacks, as Windows puts it.
const REPLACEMENT: char = '?';

/// Number and name of each code page that is known.
const KNOWN: &[(u32, &Encoding)] = &[
    (866, encoding_rs::IBM866),
    (874, encoding_rs::WINDOWS_874),
    (932, encoding_rs::SHIFT_JIS),
    (936, encoding_rs::GBK),
    (949, encoding_rs::EUC_KR),
    (950, encoding_rs::BIG5),
    (1250, encoding_rs::WINDOWS_1250),
    (1251, encoding_rs::WINDOWS_1251),
    (1252, encoding_rs::WINDOWS_1252),
    (1253, encoding_rs::WINDOWS_1253),
    (1254, encoding_rs::WINDOWS_1254),
    (1255, encoding_rs::WINDOWS_1255),
    (1256, encoding_rs::WINDOWS_1256),
    (1257, encoding_rs::WINDOWS_1257),
    (1258, encoding_rs::WINDOWS_1258),
    (20866, encoding_rs::KOI8_R),
    (20932, encoding_rs::EUC_JP),
    (21866, encoding_rs::KOI8_U),
    (28592, encoding_rs::ISO_8859_2),
    (28593, encoding_rs::ISO_8859_3),
    (28594, encoding_rs::ISO_8859_4),
    (28595, encoding_rs::ISO_8859_5),
    (28596, encoding_rs::ISO_8859_6),
    (28597, encoding_rs::ISO_8859_7),
    (28598, encoding_rs::ISO_8859_8),
    (28603, encoding_rs::ISO_8859_13),
    (28605, encoding_rs::ISO_8859_15),
    (54936, encoding_rs::GB18030),
    (65001, encoding_rs::UTF_8),
];

/// A code page by its Windows number, such as 1252 (western Europe) or 65001 (UTF-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodePage(u32);

impl CodePage {
    /// Western Europe.
    pub const WESTERN: CodePage = CodePage(1252);
    /// UTF-8.
    pub const UTF_8: CodePage = CodePage(65001);

    /// The code page of that number, if it is known.
    pub fn new(number: u32) -> Option<CodePage> {
        KNOWN.iter().any(|(known, _)| *known == number).then_some(CodePage(number))
    }

    /// Its Windows number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Every number that is known, ascending.
    pub fn known() -> impl Iterator<Item = u32> {
        KNOWN.iter().map(|(number, _)| *number)
    }

    /// The longest start of `text` that takes at most `bytes_max` bytes here, with `?` for what the code page lacks.
    pub fn fit(self, text: &str, bytes_max: usize) -> String {
        let mut fitted = String::new();
        let mut bytes = 0;
        let mut one = [0; 4];
        for character in text.chars() {
            let encoded = self.length(character.encode_utf8(&mut one));
            let (character, length) = encoded.map_or((REPLACEMENT, 1), |length| (character, length));
            bytes += length;
            if bytes > bytes_max {
                break;
            }
            fitted.push(character);
        }
        fitted
    }

    /// The bytes of `text`, with `?` for what the code page lacks.
    pub fn encode(self, text: &str) -> Vec<u8> {
        let (bytes, _, lacks) = self.encoding().encode(text);
        if !lacks {
            return bytes.into_owned();
        }
        self.encoding().encode(&self.fit(text, usize::MAX)).0.into_owned()
    }

    /// How many bytes `text` takes; `None` if the code page lacks something of it.
    fn length(self, text: &str) -> Option<usize> {
        if text.is_ascii() {
            return Some(text.len());
        }
        let (bytes, _, lacks): (Cow<'_, [u8]>, _, bool) = self.encoding().encode(text);
        (!lacks).then_some(bytes.len())
    }

    fn encoding(self) -> &'static Encoding {
        KNOWN
            .iter()
            .find(|(number, _)| *number == self.0)
            .map_or(encoding_rs::UTF_8, |(_, encoding)| encoding)
    }
}

impl fmt::Display for CodePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_and_cut_by_code_page() {
        let page = |number| CodePage::new(number).unwrap();
        let cases = [
            (1252, "café", 4, "café"),
            (1252, "café", 3, "caf"),
            (65001, "café", 4, "caf"),
            (65001, "café", 5, "café"),
            (1252, "東京 ok", 5, "?? ok"),
            (932, "東京", 3, "東"),
            (932, "東京", 4, "東京"),
            (1252, "€5", 2, "€5"),
        ];
        for (number, text, bytes, expect) in cases {
            assert_eq!(page(number).fit(text, bytes), expect, "{text} in {number}");
        }
        assert_eq!(page(1252).encode("é東"), b"\xe9?");
        assert_eq!(CodePage::new(1), None);
    }
}
