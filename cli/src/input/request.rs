//! Makes the enqueue request of what was given: packages × rows × crossed values, each with the common values; and
//! maps the master's problems back to the row they came from. Pure.

use scaleout_common::api::{EnqueueItem, Problem};
use scaleout_common::names::PackagePath;
use serde_json::{Map, Value};

use super::assign::Each;
use super::rows::{ROWS_MAX, Row, Rows};
use crate::exit::Failure;

/// What is to run.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) packages: &'a [PackagePath],
    /// For every execution.
    pub(crate) common: &'a Map<String, Value>,
    pub(crate) each: &'a [Each],
    pub(crate) rows: Option<&'a Rows>,
    /// Executions per package, row and crossed value.
    pub(crate) count: u32,
}

/// Where each item of a request came from.
#[derive(Debug)]
pub(crate) struct Origins {
    file: Option<String>,
    /// Package, and line of the file if there is one, of each item by index.
    items: Vec<(PackagePath, u64)>,
}

/// # Errors
/// A parameter gets values in two ways, or there are too many items.
pub(crate) fn build(wanted: &Wanted<'_>) -> Result<(Vec<EnqueueItem>, Origins), Failure> {
    check_names(wanted)?;
    let crossed = cross(wanted.each, wanted.common)?;
    let no_row = [Row { line: 0, values: Map::new() }];
    let rows = wanted.rows.map_or(&no_row[..], |rows| &rows.rows);
    let items_count = wanted.packages.len().saturating_mul(rows.len()).saturating_mul(crossed.len());
    if items_count > ROWS_MAX {
        return Err(too_many(items_count));
    }
    let mut items = Vec::with_capacity(items_count);
    let mut origins = Vec::with_capacity(items_count);
    for package in wanted.packages {
        for row in rows {
            for values in &crossed {
                let mut parameters = values.clone();
                parameters.extend(row.values.iter().map(|(name, value)| (name.clone(), value.clone())));
                items.push(EnqueueItem { package: package.clone(), parameters, count: wanted.count });
                origins.push((package.clone(), row.line));
            }
        }
    }
    Ok((items, Origins { file: wanted.rows.map(|rows| rows.file.clone()), items: origins }))
}

impl Origins {
    /// The problems with `executions[17].parameters.day` said as `months.csv:18, column day`.
    pub(crate) fn translate(&self, problems: Vec<Problem>) -> Vec<Problem> {
        problems.into_iter().map(|problem| Problem { place: self.place(&problem.place), ..problem }).collect()
    }

    fn place(&self, place: &str) -> String {
        self.known_place(place).unwrap_or_else(|| place.to_owned())
    }

    fn known_place(&self, place: &str) -> Option<String> {
        let (index, rest) = place.strip_prefix("executions[")?.split_once(']')?;
        let (package, line) = self.items.get(index.parse::<usize>().ok()?)?;
        let parameter = rest.strip_prefix(".parameters.");
        Some(match &self.file {
            Some(file) => {
                let column = parameter.map(|name| format!(", column {name}")).unwrap_or_default();
                let package =
                    if self.has_several_packages() { format!(" ({package})") } else { String::new() };
                format!("{file}:{line}{column}{package}")
            }
            None => match parameter {
                Some(name) => format!("{package}, parameter {name}"),
                None => package.to_string(),
            },
        })
    }

    fn has_several_packages(&self) -> bool {
        self.items.first().map(|item| &item.0) != self.items.last().map(|item| &item.0)
    }
}

fn check_names(wanted: &Wanted<'_>) -> Result<(), Failure> {
    let twice = |name: &str, ways: &str| Failure::usage(format!("parameter {name} gets values from {ways}"));
    for (index, each) in wanted.each.iter().enumerate() {
        if wanted.common.contains_key(&each.name) {
            return Err(twice(&each.name, "both --set and --each"));
        }
        if wanted.each[..index].iter().any(|other| other.name == each.name) {
            return Err(twice(&each.name, "two --each"));
        }
    }
    for row in wanted.rows.iter().flat_map(|rows| &rows.rows) {
        for name in row.values.keys() {
            if wanted.common.contains_key(name) {
                return Err(twice(name, "both --set and --from"));
            }
            if wanted.each.iter().any(|each| &each.name == name) {
                return Err(twice(name, "both --each and --from"));
            }
        }
    }
    Ok(())
}

/// Every combination; the last `--each` changes fastest.
fn cross(each: &[Each], common: &Map<String, Value>) -> Result<Vec<Map<String, Value>>, Failure> {
    let combinations = each.iter().fold(1_usize, |count, each| count.saturating_mul(each.values.len()));
    if combinations > ROWS_MAX {
        return Err(too_many(combinations));
    }
    let mut crossed = vec![common.clone()];
    for Each { name, values } in each {
        crossed = crossed
            .iter()
            .flat_map(|base| {
                values.iter().map(|value| {
                    let mut with = base.clone();
                    with.insert(name.clone(), Value::from(value.as_str()));
                    with
                })
            })
            .collect();
    }
    Ok(crossed)
}

fn too_many(found: usize) -> Failure {
    Failure::usage(format!("that makes {found} combinations, more than {ROWS_MAX}"))
        .hint("use --count for executions with the same values, or enqueue in parts")
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;

    fn packages(paths: &[&str]) -> Vec<PackagePath> {
        paths.iter().map(|path| path.parse().unwrap()).collect()
    }

    fn each(texts: &[&str]) -> Vec<Each> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn common(name: &str) -> Map<String, Value> {
        Map::from_iter([(name.to_owned(), Value::from("x"))])
    }

    fn problem(place: &str) -> Problem {
        Problem { place: place.to_owned(), message: "expected a date".to_owned() }
    }

    #[test]
    fn values_are_crossed() {
        let (packages, each, common) =
            (packages(&["d/f/load"]), each(&["m=1,2,3", "a=JFK,LGA"]), common("late"));
        let wanted = Wanted { packages: &packages, common: &common, each: &each, rows: None, count: 2 };
        let (items, _) = build(&wanted).unwrap();
        let shown: Vec<String> = items
            .iter()
            .map(|item| {
                format!("{}{}{}", item.parameters["m"], item.parameters["a"], item.parameters["late"])
            })
            .collect();
        assert_eq!(items.len(), 6);
        assert_eq!(shown[0], r#""1""JFK""x""#);
        assert_eq!(shown[1], r#""1""LGA""x""#);
        assert_eq!(shown[5], r#""3""LGA""x""#);
        assert!(items.iter().all(|item| item.count == 2));
    }

    #[test]
    fn problems_are_said_of_the_row_they_came_from() {
        let packages = packages(&["d/f/load"]);
        let rows = rows::parse("m.csv".into(), Some("csv"), b"day\n2026-01-01\n\nnever\n").unwrap();
        let none = Map::new();
        let wanted = Wanted { packages: &packages, common: &none, each: &[], rows: Some(&rows), count: 1 };
        let (_, origins) = build(&wanted).unwrap();
        let cases = [
            ("executions[1].parameters.day", "m.csv:4, column day"),
            ("executions[0]", "m.csv:2"),
            ("executions[9].parameters.day", "executions[9].parameters.day"),
            ("pool", "pool"),
        ];
        for (place, expected) in cases {
            assert_eq!(origins.translate(vec![problem(place)])[0].place, expected);
        }
    }

    #[test]
    fn problems_without_a_file_name_the_package() {
        let packages = packages(&["d/f/load", "d/f/report"]);
        let none = Map::new();
        let wanted = Wanted { packages: &packages, common: &none, each: &[], rows: None, count: 1 };
        let (_, origins) = build(&wanted).unwrap();
        let place = |place: &str| origins.translate(vec![problem(place)])[0].place.clone();
        assert_eq!(place("executions[1].parameters.top"), "d/f/report, parameter top");
        assert_eq!(place("executions[0].package"), "d/f/load");
    }

    #[test]
    fn a_parameter_gets_its_values_in_one_way() {
        let packages = packages(&["d/f/load"]);
        let rows = rows::parse("m.csv".into(), Some("csv"), b"day\nx\n").unwrap();
        let none = Map::new();
        let day = common("day");
        let cases = [
            (&day, each(&["day=1,2"]), None, "both --set and --each"),
            (&none, each(&["day=1", "day=2"]), None, "two --each"),
            (&day, each(&[]), Some(&rows), "both --set and --from"),
            (&none, each(&["day=1"]), Some(&rows), "both --each and --from"),
        ];
        for (common, each, rows, expected) in cases {
            let wanted = Wanted { packages: &packages, common, each: &each, rows, count: 1 };
            assert!(build(&wanted).unwrap_err().message.ends_with(expected));
        }
    }

    #[test]
    fn too_many_combinations_are_refused_before_they_are_made() {
        let packages = packages(&["d/f/load"]);
        let many: Vec<Each> =
            (0..8).map(|n| Each { name: format!("p{n}"), values: vec!["v".to_owned(); 100] }).collect();
        let none = Map::new();
        let wanted = Wanted { packages: &packages, common: &none, each: &many, rows: None, count: 1 };
        assert!(build(&wanted).unwrap_err().message.contains("more than 1000000"));
    }
}
