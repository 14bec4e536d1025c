//! Prometheus' text format 0.0.4, read as strictly as its description is written: what a lenient reader would let
//! pass is an error here. Pure.

use std::collections::BTreeMap;

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// Everything that one answer holds, by metric.
#[derive(Debug, Default)]
pub struct Exposition(BTreeMap<String, Family>);

/// One metric.
#[derive(Debug, Default)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    pub help: String,
    /// The name that the line has, with `_bucket` and the like; labels; value.
    pub samples: Vec<(String, Labels, f64)>,
}

impl Exposition {
    /// Reads an answer.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        if !text.ends_with('\n') {
            return Err("the last line does not end".to_owned());
        }
        for (index, line) in text.lines().enumerate() {
            all.add(line).map_err(|problem| format!("line {}: {problem}: {line:?}", index + 1))?;
        }
        all.0.iter().try_for_each(|(name, family)| {
            family.check(name).map_err(|problem| format!("{name}: {problem}"))
        })?;
        Ok(all)
    }

    /// The names of all metrics.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn family(&self, name: &str) -> Option<&Family> {
        self.0.get(name)
    }

    /// The value of the line that begins so and has exactly these labels.
    pub fn value(&self, line: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted: Labels =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let samples = self.0.values().flat_map(|family| &family.samples);
        let found = samples.into_iter().find(|(name, labels, _)| name == line && *labels == wanted);
        found.map(|(_, _, value)| *value)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() {
            return Ok(());
        }
        if let Some(comment) = line.strip_prefix("# ") {
            return self.add_comment(comment);
        }
        let (name, rest) = split_name(line)?;
        let (labels, rest) = read_labels(rest)?;
        let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
        let value: f64 = value.parse().map_err(|_| "no number")?;
        let family = self.family_of(name).ok_or("its type does not stand before it")?;
        if family.samples.iter().any(|(known, others, _)| known == name && *others == labels) {
            return Err("the same line is there twice".to_owned());
        }
        family.samples.push((name.to_owned(), labels, value));
        Ok(())
    }

    fn add_comment(&mut self, comment: &str) -> Result<(), String> {
        let mut words = comment.splitn(3, ' ');
        let (Some(what), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) else {
            return Err("a comment that says nothing".to_owned());
        };
        split_name(name).ok().filter(|(_, rest)| rest.is_empty()).ok_or("no name")?;
        let family = self.0.entry(name.to_owned()).or_default();
        if !family.samples.is_empty() {
            return Err("it stands after what it describes".to_owned());
        }
        let (slot, is_known) = match what {
            "HELP" => (&mut family.help, true),
            "TYPE" => (&mut family.kind, ["counter", "gauge", "histogram"].contains(&rest)),
            _ => return Err("neither HELP nor TYPE".to_owned()),
        };
        if !slot.is_empty() || !is_known {
            return Err("it is there twice, or unknown".to_owned());
        }
        rest.clone_into(slot);
        Ok(())
    }

    /// Whose line it is: a histogram's lines have names of their own.
    fn family_of(&mut self, line: &str) -> Option<&mut Family> {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| line.strip_suffix(part));
        let histogram =
            parts.into_iter().find(|name| self.0.get(*name).is_some_and(|one| one.kind == "histogram"));
        let family = self.0.get_mut(histogram.unwrap_or(line))?;
        (!family.kind.is_empty() && (histogram.is_some() || family.kind != "histogram")).then_some(family)
    }
}

impl Family {
    /// What every metric of its kind must be.
    fn check(&self, name: &str) -> Result<(), String> {
        if self.help.is_empty() || self.kind.is_empty() || self.samples.is_empty() {
            return Err("it has no help, no type or no value".to_owned());
        }
        if self.kind != "gauge" && self.samples.iter().any(|(_, _, value)| *value < 0.0 || value.is_nan()) {
            return Err("it counts below nothing".to_owned());
        }
        if self.kind == "histogram" { self.check_buckets(name) } else { Ok(()) }
    }

    /// Buckets rise in bound and number, and the last one holds all.
    fn check_buckets(&self, name: &str) -> Result<(), String> {
        let mut last: BTreeMap<Labels, (f64, f64)> = BTreeMap::new();
        for (line, labels, value) in &self.samples {
            let mut labels = labels.clone();
            let bound = labels.remove("le");
            if line.ends_with("_bucket") {
                let bound = bound.ok_or("a bucket has no bound")?;
                let bound: f64 = bound.parse().map_err(|_| "a bound is no number")?;
                let before = last.insert(labels, (bound, *value));
                if before.is_some_and(|(lower, fewer)| lower >= bound || fewer > *value) {
                    return Err("its buckets do not rise".to_owned());
                }
            } else if line.strip_suffix("_count") == Some(name)
                && last.get(&labels) != Some(&(f64::INFINITY, *value))
            {
                return Err("its last bucket does not hold all".to_owned());
            }
        }
        Ok(())
    }
}

fn split_name(text: &str) -> Result<(&str, &str), String> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_inner(c)).unwrap_or(text.len());
    if end == 0 || text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("no name".to_owned());
    }
    Ok(text.split_at(end))
}

fn read_labels(text: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Ok((labels, text)) };
    loop {
        let (name, after) = split_name(rest)?;
        let quoted = after.strip_prefix("=\"").ok_or("a label without a value")?;
        let (value, after) = read_quoted(quoted)?;
        if labels.insert(name.to_owned(), value).is_some() {
            return Err("a label is there twice".to_owned());
        }
        if let Some(done) = after.strip_prefix('}') {
            return Ok((labels, done));
        }
        rest = after.strip_prefix(',').ok_or("labels do not end")?;
    }
}

fn read_quoted(text: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return Err("an unknown escape".to_owned()),
            },
            c => value.push(c),
        }
    }
    Err("a label's value does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# HELP a_total what it is\n# TYPE a_total counter\na_total{x=\"1\",y=\"\\\"q\\\\\"} 3\na_total 4.5\n\n\
                        # HELP h how long\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 7\nh_count 2\n";

    #[test]
    fn what_is_written_well_is_read() {
        let all = Exposition::parse(GOOD).unwrap();
        assert_eq!(all.names().collect::<Vec<_>>(), ["a_total", "h"]);
        assert_eq!(all.value("a_total", &[("y", "\"q\\"), ("x", "1")]), Some(3.0));
        assert_eq!(all.value("a_total", &[("x", "1")]), None);
        assert_eq!((all.value("a_total", &[]), all.value("h_count", &[])), (Some(4.5), Some(2.0)));
        assert_eq!(all.family("a_total").unwrap().help, "what it is");
    }

    #[test]
    fn what_is_not_is_refused() {
        for (from, to) in [
            ("h_count 2\n", "h_count 2"),
            ("# TYPE a_total counter\n", ""),
            ("# HELP a_total what it is\n", ""),
            ("counter", "untyped"),
            ("a_total 4.5", "a_total 4,5"),
            ("a_total 4.5", "a_total  4.5"),
            ("a_total 4.5", "a_total -4.5"),
            ("a_total 4.5", "a_total{} 4.5"),
            ("a_total 4.5", "a_total{x=\"1\",y=\"\\\"q\\\\\"} 4"),
            ("a_total 4.5", "b_total 4.5"),
            ("x=\"1\"", "y=\"1\""),
            ("x=\"1\"", "x=1"),
            ("\\\"q", "\\q"),
            ("h_count 2", "h_count 3"),
            ("le=\"0.1\"} 1", "le=\"0.1\"} 3"),
            ("h_sum 7", "h 7"),
            ("h_sum 7\n", "# TYPE h histogram\n"),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let bad = GOOD.replacen(from, to, 1);
            assert!(Exposition::parse(&bad).is_err(), "{from:?} became {to:?}");
        }
    }
}
