//! The decoder of messages: whatever the bytes, it neither panics nor allocates out of proportion, and what it reads
//! it also writes. Begins with the golden messages of every kind and version.

use std::fmt::Debug;
use std::panic::catch_unwind;

use scaleout_common::hex;
use scaleout_common::wire::{
    BODY_BYTES_MAX, ClaimAnswers, Claims, Heartbeat, HeartbeatAnswer, Hello, HelloAnswer, Kind, LogBatch,
    Marker, Markers, MarkersSeen, Message, Outcomes, OutcomesApplied, Stops, Task, Tasks, decode, encode, v1,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bytes::mutate;
use super::corpus::Corpus;
use super::effort::{Budget, Effort, Figures, Finding};
use super::memory::{is_counting, peak_of};
use crate::harness::{Random, repository};

/// Longest input in bytes: mostly small, for speed; the bound itself has a test of its own.
const INPUT_BYTES_MAX: usize = 64 << 10;

/// Bytes that reading a message may hold at once for each byte it was given: the largest element of a list in memory
/// against its smallest form on the wire, while the list grows, and the layout before beside today's.
const HELD_PER_BYTE: usize = 16;

/// Bytes it may hold besides: serde sets aside up to 1 MiB for a list it was promised, and lists lie in lists.
const HELD_BESIDES: usize = 3 << 20;

const WORDS: [&[u8]; 6] =
    [b"SO\x01", b"SO\x02", b"default", b"{}", "\u{fffd}".as_bytes(), b"\x00\x00\x00\x00"];

/// Fuzzes for as long as `budget` says.
///
/// # Errors
/// What was found.
///
/// # Panics
/// When this program's allocator does not count, or the golden messages cannot be read.
pub fn fuzz_decoder(budget: &Budget) -> Result<Figures, Box<Finding>> {
    assert!(is_counting(), "the program that fuzzes must have `Counting` for its allocator");
    let mut effort = Effort::begin("decoder", budget);
    let mut corpus = Corpus::new(golden());
    let (mut read, mut most_held) = (0_u64, 0);
    while effort.goes_on() {
        let mut random = Random::of(budget.seed, &format!("decoder {}", effort.iteration));
        let mut input = corpus.pick(&mut random).clone();
        let other = corpus.pick(&mut random);
        mutate(&mut random, &mut input, other, &WORDS, INPUT_BYTES_MAX);
        let seen = try_all(&input).map_err(|what| effort.finding(&input, what))?;
        read += u64::from(seen.is_read);
        most_held = most_held.max(seen.held);
        corpus.learn(&input, &seen.answer);
    }
    let counted = format!("{read} were messages; at most {most_held} bytes were held for one");
    Ok(effort.figures(corpus.shapes(), counted))
}

/// One input again.
///
/// # Errors
/// What is wrong with it.
pub fn repeat_decoder(input: &[u8]) -> Result<String, String> {
    try_all(input).map(|seen| seen.answer)
}

/// What became of one input.
#[derive(Default)]
struct Seen {
    answer: String,
    is_read: bool,
    /// Bytes, at most.
    held: usize,
}

type Attempt = fn(&[u8]) -> Result<Seen, String>;

/// As every kind, and in every layout: a queue may hold any.
const ATTEMPTS: [Attempt; 16] = [
    try_as::<Task>,
    try_as::<Tasks>,
    try_as::<Hello>,
    try_as::<Heartbeat>,
    try_as::<Claims>,
    try_as::<Outcomes>,
    try_as::<LogBatch>,
    try_as::<Marker>,
    try_as::<Markers>,
    try_as::<HelloAnswer>,
    try_as::<HeartbeatAnswer>,
    try_as::<ClaimAnswers>,
    try_as::<v1::ClaimAnswers>,
    try_as::<OutcomesApplied>,
    try_as::<Stops>,
    try_as::<MarkersSeen>,
];

fn try_all(input: &[u8]) -> Result<Seen, String> {
    let kind = Kind::of(input);
    let mut all = Seen::default();
    for attempt in ATTEMPTS {
        let tried = catch_unwind(|| attempt(input)).map_err(|_| "the decoder panicked".to_owned())?;
        let seen = tried?;
        if seen.is_read && kind.is_none() {
            return Err("a message of no kind was read".to_owned());
        }
        all.held = all.held.max(seen.held);
        if seen.is_read || all.answer.len() < seen.answer.len() && !all.is_read {
            all.answer = seen.answer;
        }
        all.is_read |= seen.is_read;
    }
    Ok(all)
}

fn try_as<M>(input: &[u8]) -> Result<Seen, String>
where
    M: Message + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (decoded, held) = peak_of(|| decode::<M>(input));
    let allowed = HELD_PER_BYTE * input.len() + HELD_BESIDES;
    if held > allowed {
        return Err(format!("{:?}: {held} bytes were held for an input of {}", M::KIND, input.len()));
    }
    let message = match decoded {
        Ok(message) => message,
        Err(error) => return Ok(Seen { answer: error.to_string(), is_read: false, held }),
    };
    let written = encode(&message).map_err(|error| format!("{message:?} was read: {error}"))?;
    // Of its own layout there is one way to write it; of the layout before, another.
    if input[2] == M::VERSION && written != input {
        return Err(format!("{message:?} is written as {}", hex::print(&written)));
    }
    let again =
        decode::<M>(&written).map_err(|error| format!("{message:?} was read and written: {error}"))?;
    if again != message {
        return Err(format!("{message:?} was read, written, and read as {again:?}"));
    }
    // As letters: answers that differ by numbers alone are of one shape.
    let size = char::from(b'a' + input.len().ilog2() as u8);
    let layout = char::from(b'a' + input[2]);
    Ok(Seen { answer: format!("{:?} {size} {layout}", M::KIND), is_read: true, held })
}

/// The golden messages: small ones, and lists that are long and go deep.
fn golden() -> Vec<Vec<u8>> {
    let folder = repository().join("common/src/wire/golden");
    let files = std::fs::read_dir(&folder).expect("the golden messages are in this repository");
    let mut files: Vec<_> = files.filter_map(|file| Some(file.ok()?.path())).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let text = std::fs::read_to_string(file).expect("a golden message can be read");
        bytes_of(text.trim()).expect("a golden message is hexadecimal")
    };
    let all: Vec<Vec<u8>> = files.iter().map(read).collect();
    assert!(all.len() >= Kind::ALL.len() && all.iter().all(|bytes| bytes.len() <= BODY_BYTES_MAX));
    all
}

fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|pair| hex::parse::<1>(std::str::from_utf8(pair).ok()?).map(|[byte]| byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_messages_are_read_and_others_are_not() {
        for bytes in golden() {
            assert!(try_all(&bytes).unwrap().is_read);
        }
        assert!(!try_all(b"SO").unwrap().is_read);
        assert!(!try_all(b"").unwrap().is_read);
    }
}
