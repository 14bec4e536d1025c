//! Concurrency limits. Pure.

use scaleout_common::api::{BACKLOG_COUNT_MAX, LimitSummary};

use super::{View, plain};
use crate::times;

/// The table of limits.
pub(crate) fn limits(view: &View, limits: &[LimitSummary]) -> String {
    let row = |limit: &LimitSummary| {
        let or_more = if limit.waiting >= BACKLOG_COUNT_MAX { "+" } else { "" };
        vec![
            limit.name.to_string(),
            limit.at_most.to_string(),
            limit.held.to_string(),
            format!("{}{or_more}", limit.waiting),
            limit.first_at.map_or_else(|| "-".to_owned(), |at| times::took(Some(at), None, view.now)),
            times::local(limit.set_at, &view.zone),
            limit.set_by.clone(),
            if limit.applying { "being applied" } else { "" }.to_owned(),
        ]
    };
    plain(&["LIMIT", "AT MOST", "HELD", "WAITING", "FIRST", "SET", "BY", ""], limits.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::{at, view};
    use super::*;

    #[test]
    fn a_limit_tells_who_waits() {
        let limit = |name: &str, waiting, applying| LimitSummary {
            name: name.parse().unwrap(),
            at_most: 3,
            held: 3,
            waiting,
            first_at: (waiting > 0).then(|| at("2026-03-01T10:00:00Z")),
            applying,
            set_at: at("2026-03-01T09:00:00Z"),
            set_by: "ops".to_owned(),
        };
        let shown = limits(
            &view(),
            &[limit("d/p/load", 12, false), limit("warehouse", 0, true), limit("k", 10_000, false)],
        );
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert_eq!(lines[1], "d/p/load  3       3    12      30.0s 2026-03-01 11:00:00+02:00 ops", "{shown}");
        assert!(
            lines[2].starts_with("warehouse 3       3    0       -") && lines[2].ends_with("being applied"),
            "{shown}"
        );
        assert!(lines[3].contains("10000+"), "{shown}");
    }
}
