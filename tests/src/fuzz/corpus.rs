//! Inputs worth mutating: the seeds, and every input that was answered in a way not seen before. That stands in for
//! coverage, which would need a compiler of its own.

use std::collections::HashSet;

use crate::harness::Random;

/// Inputs kept beside the seeds at most.
const LEARNED_MAX: usize = 4_096;

/// Shapes told apart at most.
const SHAPES_MAX: usize = 65_536;

/// Characters of a shape at most.
const SHAPE_MAX: usize = 120;

/// The inputs of one run.
#[derive(Debug)]
pub(super) struct Corpus<T> {
    inputs: Vec<T>,
    seeds: usize,
    shapes: HashSet<String>,
}

impl<T: Clone> Corpus<T> {
    /// # Panics
    /// When there are no seeds.
    pub(super) fn new(seeds: Vec<T>) -> Self {
        assert!(!seeds.is_empty(), "there is nothing to begin with");
        Self { seeds: seeds.len(), inputs: seeds, shapes: HashSet::new() }
    }

    pub(super) fn pick(&self, random: &mut Random) -> &T {
        // The seeds reach everything; what was learned goes deeper.
        if random.chance(40) { random.pick(&self.inputs[..self.seeds]) } else { random.pick(&self.inputs) }
    }

    /// Keeps the input if its answer is of a shape not seen before.
    pub(super) fn learn(&mut self, input: &T, answer: &str) {
        let is_new = self.shapes.len() < SHAPES_MAX && self.shapes.insert(shape(answer));
        if is_new && self.inputs.len() < self.seeds + LEARNED_MAX {
            self.inputs.push(input.clone());
        }
    }

    /// Different shapes of answers so far.
    pub(super) fn shapes(&self) -> usize {
        self.shapes.len()
    }
}

/// An answer without what it quotes: words, but neither numbers nor what stands between quotes or backquotes.
fn shape(answer: &str) -> String {
    let mut quoted = None;
    let mut kept = String::new();
    let mut characters = answer.chars();
    while let Some(character) = characters.next() {
        match quoted {
            Some(_) if character == '\\' => drop(characters.next()),
            Some(open) if character == open => quoted = None,
            Some(_) => {}
            None if character == '"' || character == '`' => quoted = Some(character),
            None if character.is_ascii_digit() => {}
            None => kept.push(character),
        }
        if kept.len() >= SHAPE_MAX {
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_a_new_shape_is_learned_from() {
        let mut corpus = Corpus::new(vec![0]);
        corpus.learn(&1, "found 12, in \"a\"");
        corpus.learn(&2, "found 7, in \"b \\\" c\"");
        corpus.learn(&3, "found nothing");
        assert_eq!((corpus.inputs.as_slice(), corpus.shapes()), (&[0, 1, 3][..], 2));
    }
}
