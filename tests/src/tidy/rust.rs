//! Just enough of Rust's grammar for the rules: code without comments and texts, and where functions and tests
//! begin and end. Pure.

use std::ops::Range;

/// A lexed file.
#[derive(Debug)]
pub(super) struct Rust {
    /// The code; what stood in comments, texts and characters is blank. Lines are where they were.
    pub(super) code: Vec<char>,
    /// What the texts say, each with the line on which it begins, from 1.
    pub(super) texts: Vec<(usize, String)>,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// Its first line, from 1.
    pub(super) line: usize,
    /// From `fn` to the closing brace.
    pub(super) lines: usize,
}

impl Rust {
    pub(super) fn lex(text: &str) -> Self {
        let mut lexer = Lexer { input: text.chars().collect(), at: 0, line: 1, rust: Self::empty() };
        while lexer.at < lexer.input.len() {
            lexer.step();
        }
        lexer.rust
    }

    fn empty() -> Self {
        Self { code: Vec::new(), texts: Vec::new() }
    }

    /// The code, line by line, from 1.
    pub(super) fn lines(&self) -> Vec<(usize, String)> {
        let code: String = self.code.iter().collect();
        code.lines().enumerate().map(|(index, line)| (index + 1, line.to_owned())).collect()
    }

    /// The lines on which `word` stands as a word of its own.
    pub(super) fn lines_with(&self, word: &str) -> Vec<usize> {
        let lines = self.lines().into_iter();
        lines.filter(|(_, line)| has_word(line, word)).map(|(number, _)| number).collect()
    }

    /// Every function that has a body, those inside others too.
    pub(super) fn functions(&self) -> Vec<Function> {
        let starts = self.words().filter(|word| self.text(word) == "fn");
        starts.filter_map(|word| self.function(word.end)).collect()
    }

    /// Words that begin an item at the outermost level, with their lines.
    pub(super) fn outer_words(&self) -> Vec<(usize, String)> {
        let mut depth = 0_usize;
        let mut found = Vec::new();
        let mut at = 0;
        for word in self.words() {
            for c in &self.code[at..word.start] {
                match c {
                    '{' | '(' | '[' => depth += 1,
                    '}' | ')' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            at = word.end;
            if depth == 0 {
                found.push((self.line_of(word.start), self.text(&word)));
            }
        }
        found
    }

    /// The lines of modules that only tests have.
    pub(super) fn test_lines(&self) -> Vec<Range<usize>> {
        let code: String = self.code.iter().map(|c| if c.is_ascii() { *c } else { ' ' }).collect();
        let marks = code.match_indices("#[cfg(test)]").chain(code.match_indices("#[cfg(all(test"));
        let block = |(at, mark): (usize, &str)| {
            let open = self.find_body(at + mark.len())?;
            let close = self.closing(open)?;
            Some(self.line_of(at)..self.line_of(close) + 1)
        };
        marks.filter_map(block).collect()
    }

    fn function(&self, after_fn: usize) -> Option<Function> {
        let name = self.words_from(after_fn).next().filter(|word| {
            // `fn(…)` is a type, `fn $name` a macro's.
            self.code[after_fn..word.start].iter().all(|c| c.is_whitespace())
        })?;
        let open = self.find_body(name.end)?;
        let close = self.closing(open)?;
        let line = self.line_of(after_fn);
        Some(Function { name: self.text(&name), line, lines: self.line_of(close) - line + 1 })
    }

    /// The brace that opens the body of what begins at `from`; none if a semicolon ends it first.
    fn find_body(&self, from: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, c) in self.code.iter().enumerate().skip(from) {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth = depth.saturating_sub(1),
                '{' if depth == 0 => return Some(at),
                ';' if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, c) in self.code.iter().enumerate().skip(open) {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => return Some(at),
                '}' => depth -= 1,
                _ => {}
            }
        }
        None
    }

    fn words(&self) -> impl Iterator<Item = Range<usize>> {
        self.words_from(0)
    }

    fn words_from(&self, from: usize) -> impl Iterator<Item = Range<usize>> {
        let mut at = from;
        std::iter::from_fn(move || {
            let start = at + self.code[at..].iter().position(|c| is_word_char(*c))?;
            let length = self.code[start..].iter().position(|c| !is_word_char(*c));
            at = length.map_or(self.code.len(), |length| start + length);
            Some(start..at)
        })
    }

    fn text(&self, range: &Range<usize>) -> String {
        self.code[range.clone()].iter().collect()
    }

    fn line_of(&self, at: usize) -> usize {
        1 + self.code[..at].iter().filter(|c| **c == '\n').count()
    }
}

/// Whether `word` stands in `text` with no letter, digit or `_` on either side.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_word_char) && !text[at + word.len()..].starts_with(is_word_char)
    })
}

fn is_word_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Walks the text once.
struct Lexer {
    input: Vec<char>,
    at: usize,
    line: usize,
    rust: Rust,
}

impl Lexer {
    fn step(&mut self) {
        match self.input[self.at] {
            '/' if self.peek(1) == Some('/') => self.line_comment(),
            '/' if self.peek(1) == Some('*') => self.block_comment(),
            '"' => self.text(0, true),
            'r' if !self.is_in_word() => match self.raw_hashes() {
                Some(hashes) => {
                    self.blank(1 + hashes);
                    self.text(hashes, false);
                }
                None => self.keep(),
            },
            '\'' => self.quote(),
            _ => self.keep(),
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.input.get(self.at + ahead).copied()
    }

    /// `b` and `c` in front of `r"…"` are no word.
    fn is_in_word(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).map(|at| self.input[at]);
        match before(1) {
            Some('b' | 'c') => before(2).is_some_and(is_word_char),
            Some(c) => is_word_char(c),
            None => false,
        }
    }

    fn raw_hashes(&self) -> Option<usize> {
        let hashes = self.input[self.at + 1..].iter().take_while(|c| **c == '#').count();
        (self.peek(1 + hashes) == Some('"')).then_some(hashes)
    }

    fn keep(&mut self) {
        let c = self.input[self.at];
        self.push(c);
    }

    fn blank(&mut self, count: usize) {
        for _ in 0..count {
            let c = if self.peek(0) == Some('\n') { '\n' } else { ' ' };
            self.push(c);
        }
    }

    fn push(&mut self, c: char) {
        if self.at >= self.input.len() {
            return;
        }
        self.line += usize::from(c == '\n');
        self.rust.code.push(c);
        self.at += 1;
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.blank(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return,
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.blank(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.blank(2);
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.blank(1),
            }
        }
    }

    /// A text from its opening quote to its closing one, which `hashes` follow.
    fn text(&mut self, hashes: usize, has_escapes: bool) {
        let line = self.line;
        let mut said = String::new();
        self.blank(1);
        while let Some(c) = self.peek(0) {
            if c == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.blank(1 + hashes);
                break;
            }
            let length = if c == '\\' && has_escapes { 2 } else { 1 };
            said.extend((0..length).filter_map(|ahead| self.peek(ahead)));
            self.blank(length);
        }
        self.rust.texts.push((line, said));
    }

    /// A character, or the mark of a lifetime.
    fn quote(&mut self) {
        match (self.peek(1), self.peek(2)) {
            (Some('\\'), _) => {
                self.blank(3);
                while self.peek(0).is_some_and(|c| c != '\'') {
                    self.blank(1);
                }
                self.blank(1);
            }
            (Some(_), Some('\'')) => self.blank(3),
            _ => self.blank(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Rust::lex(text).code.iter().collect()
    }

    #[test]
    fn comments_texts_and_characters_are_blanked() {
        for (text, expect) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"a("b\"c", d)"#, "a(      , d)"),
            (r##"a(r#"b"c"#)"##, "a(        )"),
            (r#"a(br"\", b'"')"#, "a(b    , b   )"),
            (r"x('{', '\'', '\u{7b}', &'a str)", "x(   ,     ,         , & a str)"),
            ("r#fn for_r", "r#fn for_r"),
        ] {
            assert_eq!(code(text), expect, "{text}");
        }
        assert_eq!(Rust::lex("\n\"one\" r#\"two\"#").texts, [(2, "one".to_owned()), (2, "two".to_owned())]);
    }

    #[test]
    fn functions_are_measured() {
        let text = "trait T { fn none(&self); }\nfn a(x: [u8; 2], f: fn(u8) -> u8) {\n  fn inner() {}\n}\n";
        let found = Rust::lex(text).functions();
        let brief: Vec<(&str, usize, usize)> =
            found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(brief, [("a", 2, 3), ("inner", 3, 1)]);
    }

    #[test]
    fn tests_and_outer_items_are_told_apart() {
        let rust = Rust::lex("use a::{b};\nfn x() { let y; }\n#[cfg(test)]\nmod tests {\n  fn z() {}\n}\n");
        assert_eq!(rust.test_lines().first(), Some(&(3..7)));
        let words: Vec<String> = rust.outer_words().into_iter().map(|(_, word)| word).collect();
        assert_eq!(words, ["use", "a", "fn", "x", "mod", "tests"]);
        assert!(Rust::lex("#[cfg(test)]\nmod tests;\n").test_lines().is_empty());
    }
}
