//! Splits a process's output into lines, and long lines into pieces. Pure: bytes in, pieces out.

use super::super::log::TEXT_BYTES_MAX;
use super::super::mask::Masker;

/// The bytes read and not yet given out; never more than one read, one piece and the longest sensitive value.
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the next piece begins.
    start: usize,
    /// Up to here there is no line end.
    scanned: usize,
}

impl Lines {
    /// Takes what was read.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its end, or piece of a long one.
    pub(super) fn next(&mut self, masker: &Masker) -> Option<&[u8]> {
        let end = memchr::memchr(b'\n', &self.buffer[self.scanned..]).map(|found| self.scanned + found);
        let length = end.unwrap_or(self.buffer.len()) - self.start;
        match end {
            Some(end) if length <= TEXT_BYTES_MAX => {
                let line = self.start..end;
                (self.start, self.scanned) = (end + 1, end + 1);
                let line = &self.buffer[line];
                Some(line.strip_suffix(b"\r").unwrap_or(line))
            }
            // A sensitive value that begins before the cut must be there whole to be seen.
            _ if length > TEXT_BYTES_MAX + masker.longest() || (end.is_some() && length > TEXT_BYTES_MAX) => {
                let cut = self.start + cut(&self.buffer[self.start..self.start + length], masker);
                let piece = self.start..cut;
                (self.start, self.scanned) = (cut, cut);
                Some(&self.buffer[piece])
            }
            _ => {
                self.scanned = end.unwrap_or(self.buffer.len());
                None
            }
        }
    }

    /// Forgets what was not given out; returns how many bytes that were.
    pub(super) fn forget(&mut self) -> usize {
        let forgotten = self.buffer.len() - self.start;
        *self = Lines::default();
        forgotten
    }

    /// The last line, if it has no end. Call it when the output has ended and [`next`](Self::next) has nothing.
    pub(super) fn rest(&mut self, masker: &Masker) -> Option<&[u8]> {
        let length = self.buffer.len() - self.start;
        if length == 0 {
            return None;
        }
        let end = if length > TEXT_BYTES_MAX { cut(&self.buffer[self.start..], masker) } else { length };
        let piece = self.start..self.start + end;
        (self.start, self.scanned) = (piece.end, piece.end);
        Some(&self.buffer[piece])
    }
}

/// Where to cut the first piece off a long line: not within a character, not within a sensitive value.
fn cut(line: &[u8], masker: &Masker) -> usize {
    const CHARACTER_BYTES_MAX: usize = 4;
    let continues = |at: usize| line[at] & 0b1100_0000 == 0b1000_0000;
    let mut at = TEXT_BYTES_MAX;
    while continues(at) && at > TEXT_BYTES_MAX - CHARACTER_BYTES_MAX {
        at -= 1;
    }
    masker.cut(line, at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]], masker: &Masker) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for chunk in chunks {
            lines.feed(chunk);
            while let Some(line) = lines.next(masker) {
                found.push(line.to_vec());
            }
        }
        while let Some(line) = lines.rest(masker) {
            found.push(line.to_vec());
        }
        found
    }

    #[test]
    fn lines_are_split() {
        for (chunks, expected) in [
            (vec![&b"a\nb\n"[..]], vec![&b"a"[..], b"b"]),
            (vec![b"a", b"b\r\nc"], vec![b"ab", b"c"]),
            (vec![b"\n\n"], vec![b"", b""]),
            (vec![b""], vec![]),
            (vec![b"no end"], vec![b"no end"]),
        ] {
            assert_eq!(split(&chunks, &Masker::default()), expected, "{chunks:?}");
        }
    }

    #[test]
    fn long_lines_come_in_pieces_between_characters() {
        let line = "ä".repeat(TEXT_BYTES_MAX);
        let text = format!("x{line}\nnext\n");
        let pieces = split(&[text.as_bytes()], &Masker::default());
        assert_eq!(pieces.len(), 4);
        assert!(
            pieces.iter().all(|piece| piece.len() <= TEXT_BYTES_MAX && std::str::from_utf8(piece).is_ok())
        );
        assert_eq!(pieces.concat(), text.replace('\n', "").as_bytes());
    }

    #[test]
    fn a_sensitive_value_is_never_cut_in_two() {
        let masker = Masker::new(["hunter2-hunter2".to_owned()]);
        for before in TEXT_BYTES_MAX - 20..TEXT_BYTES_MAX + 5 {
            let text = format!("{}hunter2-hunter2{}", "x".repeat(before), "y".repeat(40));
            for chunk in [16 * 1024, text.len()] {
                let chunks: Vec<&[u8]> = text.as_bytes().chunks(chunk).collect();
                let pieces = split(&chunks, &masker);
                let whole =
                    pieces.iter().any(|piece| memchr::memmem::find(piece, b"hunter2-hunter2").is_some());
                assert!(whole, "{before} bytes before, chunks of {chunk}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_however_the_reads_fall(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400),
            size in 1_usize..50,
        ) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            let mut expected: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            let last = expected.pop().unwrap_or_default();
            let mut expected: Vec<Vec<u8>> = expected
                .into_iter()
                .map(|line| line.strip_suffix(b"\r").map_or_else(|| line.clone(), <[u8]>::to_vec))
                .collect();
            expected.extend((!last.is_empty()).then_some(last));
            prop_assert_eq!(split(&chunks, &Masker::default()), expected);
        }
    }
}
