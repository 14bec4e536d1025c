//! The packages of a project as their callers see them: parameters, and which others they run. Known before any package is
//! read whole, so that what one gives to another is checked where it is written. Pure.

use std::collections::{BTreeMap, BTreeSet};

use scaleout_common::names::Name;

use crate::model::Parameter;
use crate::project::PACKAGES_MAX;
use crate::reader;

/// Most packages within each other, the outermost included.
pub const PACKAGES_DEEP_MAX: usize = 16;
/// Deepest task, counted over packages within each other: as deep as one package may be, for every level takes some of
/// the stack while it runs.
pub const LEVELS_MAX: usize = reader::NESTING_MAX;

/// What callers need to know of a package.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outline {
    /// Its parameters, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// The user that its processes run as, if it names one.
    pub run_as: Option<String>,
    /// The packages that it runs, and where.
    pub calls: BTreeMap<String, Call>,
    /// How deep its deepest task stands in it.
    pub levels: usize,
    /// How many iterations of its loops run at the same time, of those within each other.
    pub at_once: u32,
    /// Something of this could not be read, which is reported where the package is read.
    pub is_faulty: bool,
}

/// Where a package runs another one; of several tasks that do the most of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Call {
    /// How deep the task stands in it.
    pub levels: usize,
    /// How many iterations of the loops around the task run at the same time.
    pub at_once: u32,
}

/// How much is within a package, itself included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Packages within each other.
    pub packages: usize,
    /// Containers within each other.
    pub levels: usize,
    /// Iterations that run at the same time, of loops within each other.
    pub at_once: u32,
}

/// The packages that are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Siblings {
    outlines: BTreeMap<String, Outline>,
    /// Of those that are in no circle, and lead to none.
    depths: BTreeMap<String, Depth>,
    circle: Vec<String>,
}

impl Siblings {
    /// Those called `first`, and all that they run. `read` gives the text of a package's file, if there is one.
    pub fn gather<'n>(
        first: impl IntoIterator<Item = &'n str>,
        read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
    ) -> Siblings {
        let mut waiting: Vec<String> = first.into_iter().map(str::to_owned).collect();
        let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
        let mut outlines = BTreeMap::new();
        while let Some(name) = waiting.pop().filter(|_| outlines.len() < PACKAGES_MAX) {
            // What is no name of a package must not become a path.
            let Some(bytes) = Name::new(&name).ok().and_then(|_| read(&name)) else { continue };
            let outline = reader::outline(&name, &bytes);
            for called in outline.calls.keys().filter(|called| !seen.contains(*called)) {
                waiting.push(called.clone());
            }
            seen.extend(outline.calls.keys().cloned());
            outlines.insert(name, outline);
        }
        Siblings::of(outlines)
    }

    /// Takes away packages that run none that is left, until none can be; those that stay have a circle among them.
    fn of(outlines: BTreeMap<String, Outline>) -> Siblings {
        let known =
            |outline: &Outline| outline.calls.keys().filter(|name| outlines.contains_key(*name)).count();
        let mut waits_for: BTreeMap<&str, usize> =
            outlines.iter().map(|(name, outline)| (name.as_str(), known(outline))).collect();
        let mut callers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, outline) in &outlines {
            for called in outline.calls.keys() {
                callers.entry(called).or_default().push(name);
            }
        }
        let mut free: Vec<&str> =
            outlines.keys().map(String::as_str).filter(|name| waits_for[name] == 0).collect();
        let mut depths: BTreeMap<String, Depth> = BTreeMap::new();
        while let Some(name) = free.pop() {
            depths.insert(name.to_owned(), depth(&outlines[name], &depths));
            for caller in callers.get(name).into_iter().flatten() {
                if let Some(left) = waits_for.get_mut(caller) {
                    *left -= 1;
                    if *left == 0 {
                        free.push(caller);
                    }
                }
            }
        }
        let circle = find_circle(&outlines, &depths);
        Siblings { depths, circle, outlines }
    }

    /// The package `name`.
    pub fn get(&self, name: &str) -> Option<&Outline> {
        self.outlines.get(name)
    }

    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.outlines.keys().map(String::as_str)
    }

    /// How much is within the package `name`; `None` if it is not known or leads into a circle.
    pub fn depth(&self, name: &str) -> Option<Depth> {
        self.depths.get(name).copied()
    }

    /// Packages that run each other in a circle, from the first by name on, if there are any.
    pub fn circle(&self) -> &[String] {
        &self.circle
    }
}

fn depth(outline: &Outline, depths: &BTreeMap<String, Depth>) -> Depth {
    let mut depth = Depth { packages: 1, levels: outline.levels, at_once: outline.at_once.max(1) };
    for (called, Call { levels, at_once }) in &outline.calls {
        let inside = depths.get(called).copied().unwrap_or_default();
        depth.packages = depth.packages.max(1 + inside.packages);
        depth.levels = depth.levels.max(levels + inside.levels);
        depth.at_once = depth.at_once.max(at_once.saturating_mul(inside.at_once.max(1)));
    }
    depth
}

/// Walks from one that is left to one that is left, until one comes again.
fn find_circle(outlines: &BTreeMap<String, Outline>, depths: &BTreeMap<String, Depth>) -> Vec<String> {
    let is_left = |name: &&String| outlines.contains_key(*name) && !depths.contains_key(*name);
    let mut walked: Vec<&String> = Vec::new();
    let mut next = outlines.keys().find(is_left);
    while let Some(at) = next {
        if let Some(position) = walked.iter().position(|seen| *seen == at) {
            let mut circle: Vec<String> = walked[position..].iter().map(|name| (*name).clone()).collect();
            let first = circle.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(index, _)| index);
            circle.rotate_left(first);
            return circle;
        }
        walked.push(at);
        next = outlines[at].calls.keys().find(is_left);
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packages of which each runs some, in tasks that stand 2 deep.
    fn siblings(packages: &[(&str, &[&str])]) -> Siblings {
        let text = |calls: &[&str]| {
            let task = |called: &&str| {
                format!(
                    "[tasks.s]\nkind = \"sequence\"\n[tasks.s.tasks.{called}]\nkind = \"package\"\npackage = \"{called}\"\n"
                )
            };
            calls.iter().map(task).collect::<String>().replace("[tasks.s]\nkind = \"sequence\"\n", "")
        };
        let texts: BTreeMap<&str, String> =
            packages.iter().map(|(name, calls)| (*name, text(calls))).collect();
        Siblings::gather([packages[0].0], &mut |name| texts.get(name).map(|text| text.clone().into_bytes()))
    }

    #[test]
    fn those_that_are_called_are_known_with_their_depth() {
        let found = siblings(&[("a", &["b", "c"]), ("b", &["c", "gone"]), ("c", &[]), ("alone", &[])]);
        assert_eq!(found.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        let depth = |name| found.depth(name).map(|depth| (depth.packages, depth.levels));
        assert_eq!((depth("a"), depth("b"), depth("c")), (Some((3, 4)), Some((2, 2)), Some((1, 0))));
        assert!(found.circle().is_empty());
    }

    #[test]
    fn circles_are_found_from_their_first_name_on() {
        let found = siblings(&[("m", &["z"]), ("z", &["b"]), ("b", &["x"]), ("x", &["z"])]);
        assert_eq!(found.circle(), ["b", "x", "z"]);
        assert_eq!(found.depth("m"), None);
        assert_eq!(siblings(&[("a", &["a"])]).circle(), ["a"]);
    }
}
