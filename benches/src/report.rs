//! Figures as tables in Markdown: medians of rounds, with the least and the most beside them.

use std::fmt::Write as _;

/// The figures of one thing in several rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    pub(crate) fn add(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// In the order of rounds.
    pub(crate) fn each(&self) -> impl Iterator<Item = f64> {
        self.0.iter().copied()
    }

    /// Of an even number the larger of the middle two; zero of none.
    pub(crate) fn median(&self) -> f64 {
        self.sorted().get(self.0.len() / 2).copied().unwrap_or_default()
    }

    /// The median, and in brackets the least and the most.
    pub(crate) fn told(&self, digits: usize) -> String {
        let sorted = self.sorted();
        match (sorted.first(), sorted.last()) {
            (Some(least), Some(most)) if sorted.len() > 1 => {
                let (median, least, most) =
                    (grouped(self.median(), digits), grouped(*least, digits), grouped(*most, digits));
                format!("{median} ({least} – {most})")
            }
            _ => grouped(self.median(), digits),
        }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted
    }
}

impl FromIterator<f64> for Rounds {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        Self(figures.into_iter().collect())
    }
}

/// A number with its thousands set apart: `12,345.6`.
pub(crate) fn grouped(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let (whole, fraction) = text.split_once('.').map_or((&*text, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let first = whole.len() % 3;
    let mut parts: Vec<&str> = if first == 0 { Vec::new() } else { vec![&whole[..first]] };
    parts.extend((first..whole.len()).step_by(3).map(|at| &whole[at..at + 3]));
    let whole = parts.join(",");
    match fraction {
        Some(fraction) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{whole}"),
    }
}

/// A table; the first column is left, the others right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    let marks: Vec<&str> =
        head.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }).collect();
    // Writing into a text cannot fail.
    let _ = writeln!(text, "| {} |\n|{}|", head.join(" | "), marks.join("|"));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let cases = [
            (0.0, 0, "0"),
            (999.6, 0, "1,000"),
            (12_345.67, 1, "12,345.7"),
            (-1_234.0, 0, "-1,234"),
            (123.456, 2, "123.46"),
        ];
        for (number, digits, expected) in cases {
            assert_eq!(grouped(number, digits), expected);
        }
    }

    #[test]
    fn rounds_are_told_by_their_median() {
        let rounds: Rounds = [3.0, 1.0, 2.0].into_iter().collect();
        assert_eq!(rounds.told(0), "2 (1 – 3)");
        assert_eq!([7.0].into_iter().collect::<Rounds>().told(1), "7.0");
        assert_eq!(
            table(&["what", "n"], &[vec!["a".into(), "1".into()]]),
            "| what | n |\n|---|---:|\n| a | 1 |\n"
        );
    }
}
