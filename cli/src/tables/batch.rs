//! Batches and counts per status. Pure.

use std::collections::BTreeMap;

use scaleout_common::api::BatchDetail;
use scaleout_common::status::Status;

use super::plain;

/// A batch: one line of counts.
pub(crate) fn batch(batch: &BatchDetail) -> String {
    format!(
        "batch {}: {} of {} ended\n{}",
        batch.batch,
        batch.ended(),
        batch.executions,
        counts(&batch.counts)
    )
}

/// Status and count, one a line.
pub(crate) fn counts(counts: &BTreeMap<Status, u64>) -> String {
    plain(
        &["STATUS", "EXECUTIONS"],
        counts.iter().map(|(status, count)| vec![status.to_string(), count.to_string()]),
    )
}

#[cfg(test)]
mod tests {
    use scaleout_common::ids::BatchId;
    use uuid::Uuid;

    use super::super::view::tests::at;
    use super::*;

    #[test]
    fn a_batch_counts_what_ended() {
        let detail = BatchDetail {
            batch: BatchId(Uuid::nil()),
            created_at: at("2026-03-01T10:00:00Z"),
            executions: 36,
            counts: BTreeMap::from([(Status::Succeeded, 35), (Status::Running, 1)]),
            schedule: None,
            scheduled_at: None,
        };
        let expected = "\
batch 00000000-0000-0000-0000-000000000000: 35 of 36 ended
STATUS    EXECUTIONS
running   1
succeeded 35
";
        assert_eq!(batch(&detail), expected);
    }
}
