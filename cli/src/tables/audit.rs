//! The audit. Pure.

use scaleout_common::api::AuditEntry;

use super::{View, plain, printable_line};
use crate::times;

/// The table of who did what.
pub(crate) fn audit(view: &View, entries: &[AuditEntry]) -> String {
    let row = |entry: &AuditEntry| {
        vec![
            entry.id.to_string(),
            times::local(entry.at, &view.zone),
            printable_line(&entry.who),
            entry.role.clone().unwrap_or_else(|| "-".to_owned()),
            entry.action.clone(),
            printable_line(&entry.object),
            entry.result.as_str().to_owned(),
            entry.times.to_string(),
            entry.address.clone().unwrap_or_else(|| "-".to_owned()),
            printable_line(&entry.detail),
        ]
    };
    let header = ["ID", "AT", "WHO", "ROLE", "ACTION", "OBJECT", "RESULT", "TIMES", "FROM", "DETAIL"];
    plain(&header, entries.iter().map(row))
}

#[cfg(test)]
mod tests {
    use scaleout_common::api::AuditResult;

    use super::super::view::tests::{at, view};
    use super::*;

    #[test]
    fn a_line_cannot_be_forged() {
        let entry = AuditEntry {
            id: 7,
            at: at("2026-03-01T09:00:00Z"),
            who: "ci".to_owned(),
            role: Some("reader".to_owned()),
            action: "batch.enqueue".to_owned(),
            object: "demo/x\n8 done".to_owned(),
            batch: None,
            result: AuditResult::Refused,
            times: 3,
            detail: "no".to_owned(),
            address: None,
        };
        let shown = audit(&view(), &[entry]);
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(shown.contains("2026-03-01 11:00:00+02:00 ci"), "{shown}");
    }
}
