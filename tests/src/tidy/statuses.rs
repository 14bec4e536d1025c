//! The diagram of statuses in ARCHITECTURE.md against the table that the code obeys.

use scaleout_common::status::{Move, Status, TRANSITIONS};

use super::{Finding, Tree};

const DOCUMENT: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Statuses";

/// What the diagram and the table do not share.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let drawn = match read(tree.get(DOCUMENT).unwrap_or_default()) {
        Ok(drawn) => drawn,
        Err(problem) => return vec![Finding::whole(DOCUMENT, problem)],
    };
    let table: Vec<Line> = TRANSITIONS.to_vec();
    let missing = table.iter().filter(|line| !drawn.contains(line)).map(|line| ("lacks", *line));
    let added =
        drawn.iter().filter(|line| !table.contains(line)).map(|line| ("has, but the code not,", *line));
    let tell = |(how, (from, why, to)): (&str, Line)| {
        Finding::whole(DOCUMENT, format!("the diagram {how} {from} --{}--> {to}", word(why)))
    };
    missing.chain(added).map(tell).collect()
}

type Line = (Status, Move, Status);

/// Reads the first fenced block behind the heading: lines such as `running --loss--> created | unexpected`.
fn read(text: &str) -> Result<Vec<Line>, String> {
    let (_, section) = text.split_once(HEADING).ok_or_else(|| format!("there is no heading {HEADING:?}"))?;
    let block = section.split("```").nth(1).ok_or("there is no diagram under the heading")?;
    // The first line names the block's language.
    let lines = block.lines().skip(1).filter(|line| line.contains("--"));
    let lines = lines.map(|line| read_line(line).ok_or_else(|| format!("cannot read the line {line:?}")));
    Ok(lines.collect::<Result<Vec<_>, _>>()?.concat())
}

fn read_line(line: &str) -> Option<Vec<Line>> {
    let (from, rest) = line.split_once("--")?;
    let (arrow, to) = rest.split_once('>')?;
    let from: Status = from.trim().parse().ok()?;
    let name = arrow.trim_matches('-');
    let why = Move::ALL.into_iter().find(|why| word(*why) == name)?;
    to.split('|').map(|to| Some((from, why, to.trim().parse().ok()?))).collect()
}

/// `StartDeadline` as `start-deadline`.
fn word(why: Move) -> String {
    let mut word = String::new();
    for c in format!("{why:?}").chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagram(lines: &[Line]) -> Tree {
        let lines: Vec<String> =
            lines.iter().map(|(from, why, to)| format!("{from} ---{}--> {to}\n", word(*why))).collect();
        let text = format!("# A\n\n{HEADING}\n\n```text\n{}```\n", lines.concat());
        Tree::of(&[(DOCUMENT, &text)])
    }

    #[test]
    fn a_diagram_that_differs_is_found() {
        assert_eq!(check(&diagram(TRANSITIONS)), []);
        assert_eq!(check(&diagram(&TRANSITIONS[1..])).len(), 1);
        let wrong = (Status::Succeeded, Move::Cancel, Status::Canceled);
        assert_eq!(check(&diagram(&[TRANSITIONS, &[wrong]].concat())).len(), 1);
        assert_eq!(check(&Tree::of(&[(DOCUMENT, "# A\n")])).len(), 1);
    }

    #[test]
    fn lines_may_share_their_beginning() {
        let read = read_line("running   --loss-----------> created | unexpected");
        let expect = [Status::Created, Status::Unexpected].map(|to| (Status::Running, Move::Loss, to));
        assert_eq!(read, Some(expect.to_vec()));
        assert_eq!(read_line("running --lost--> created"), None);
    }
}
