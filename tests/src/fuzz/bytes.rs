//! Mutation of bytes that knows nothing of what they mean but where lengths and words may lie.

use crate::harness::Random;

/// Numbers that lengths, counts and ids break at.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0xffff,
    0x10_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

/// Mutations of one input at most; one is the most frequent.
const STACKED_MAX: u64 = 6;

/// Longest piece that is cut out, doubled or moved, in bytes.
const PIECE_MAX: u64 = 64;

/// Changes `input` at some places: bits, bytes, pieces of its own and of `other`, lengths, and words of `dictionary`.
/// It stays within `bytes_max`.
pub(super) fn mutate(
    random: &mut Random,
    input: &mut Vec<u8>,
    other: &[u8],
    dictionary: &[&[u8]],
    bytes_max: usize,
) {
    let rounds = if random.chance(50) { 1 } else { random.within(1..STACKED_MAX + 1) };
    for _ in 0..rounds {
        match random.within(0..12) {
            0 | 1 => flip(random, input),
            2 | 3 => set(random, input),
            4 => cut(random, input),
            5 => double(random, input),
            6 => truncate(random, input),
            7 => splice(random, input, other),
            8 | 9 => number(random, input),
            10 => word(random, input, dictionary),
            _ => repeat(random, input),
        }
    }
    input.truncate(bytes_max);
}

fn place(random: &mut Random, input: &[u8]) -> Option<usize> {
    if input.is_empty() { None } else { Some(random.within(0..input.len() as u64) as usize) }
}

/// Where a piece begins and ends.
fn piece(random: &mut Random, input: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = place(random, input)?;
    let length = random.within(1..PIECE_MAX + 1) as usize;
    Some(start..input.len().min(start + length))
}

fn flip(random: &mut Random, input: &mut [u8]) {
    if let Some(at) = place(random, input) {
        input[at] ^= 1 << random.within(0..8);
    }
}

fn set(random: &mut Random, input: &mut [u8]) {
    if let Some(at) = place(random, input) {
        input[at] = random.draw() as u8;
    }
}

fn cut(random: &mut Random, input: &mut Vec<u8>) {
    if let Some(piece) = piece(random, input) {
        input.drain(piece);
    }
}

fn double(random: &mut Random, input: &mut Vec<u8>) {
    if let Some(piece) = piece(random, input) {
        let copy = input[piece.clone()].to_vec();
        input.splice(piece.end..piece.end, copy);
    }
}

fn truncate(random: &mut Random, input: &mut Vec<u8>) {
    if let Some(at) = place(random, input) {
        input.truncate(at);
    }
}

fn splice(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    let (Some(at), Some(from)) = (place(random, input), place(random, other)) else { return };
    input.truncate(at);
    input.extend_from_slice(&other[from..]);
}

/// Writes a number over what may be a length, in any of the sizes lengths have.
fn number(random: &mut Random, input: &mut [u8]) {
    let Some(at) = place(random, input) else { return };
    let near = random.within(0..input.len() as u64 + 2);
    let number = if random.chance(40) { near } else { *random.pick(&NUMBERS) };
    let width = *random.pick(&[1, 2, 4, 8]);
    let end = input.len().min(at + width);
    input[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
}

fn word(random: &mut Random, input: &mut Vec<u8>, dictionary: &[&[u8]]) {
    if dictionary.is_empty() {
        return;
    }
    let word = *random.pick(dictionary);
    let at = random.within(0..input.len() as u64 + 1) as usize;
    let over = if random.chance(50) { input.len().min(at + word.len()) } else { at };
    input.splice(at..over, word.iter().copied());
}

/// One piece many times: depth and length.
fn repeat(random: &mut Random, input: &mut Vec<u8>) {
    let Some(piece) = piece(random, input) else { return };
    let times = 1 << random.within(1..9);
    let many = input[piece.clone()].repeat(times);
    input.splice(piece.end..piece.end, many);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_follow_from_the_seed_and_stay_within_their_bound() {
        let mutated = |seed| {
            let mut random = Random::new(seed);
            let mut input = b"0123456789".to_vec();
            mutate(&mut random, &mut input, b"abc", &[b"word"], 64);
            input
        };
        let all: std::collections::HashSet<Vec<u8>> = (0..500).map(mutated).collect();
        assert!(all.len() > 300, "{} of 500 differ", all.len());
        assert!(all.iter().all(|input| input.len() <= 64));
        assert_eq!(mutated(7), mutated(7));
        // What is empty stays whole.
        for seed in 0..100 {
            mutate(&mut Random::new(seed), &mut Vec::new(), b"", &[], 8);
        }
    }
}
