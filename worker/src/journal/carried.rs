//! What a hello can carry of the outcomes that no master has applied. All that are to count must travel in one hello:
//! with its answer the session that they belong to has ended, and what was left behind is lost and runs again.

use scaleout_common::wire::{BODY_BYTES_MAX, Outcome, OutcomeKind, Outcomes};

/// Bytes of unapplied outcomes that a hello carries at most. The rest of a message is ample for everything else.
const CARRIED_BYTES_MAX: usize = BODY_BYTES_MAX - 512 * 1024;

/// What an outcome takes in a message without its texts, generously.
pub(super) const OUTCOME_BYTES: usize = 64;

/// Bytes of its error that an outcome keeps before longer texts are asked for.
const ERROR_BYTES_MIN: usize = 256;

/// Executions that are named in the log at most.
const NAMED_MAX: usize = 20;

/// The outcomes as they can travel. If they are too large together, the largest texts are left out first; if there
/// are too many, those go first that run again anyway. Whatever is left out is logged.
pub(crate) fn fitting(reports: Vec<Outcomes>) -> Vec<Outcomes> {
    let fitted = fit(reports, CARRIED_BYTES_MAX);
    if fitted.shortened > 0 {
        tracing::error!(
            outcomes = fitted.shortened,
            "more unapplied outcomes than a hello can carry whole: they travel without their longest results and \
             with shortened errors"
        );
    }
    if !fitted.dropped.is_empty() {
        let named: Vec<String> =
            fitted.dropped.iter().take(NAMED_MAX).map(|one| one.execution.to_string()).collect();
        tracing::error!(
            lost = fitted.dropped.len(),
            ?named,
            "more unapplied outcomes than a hello can carry: these executions will run again"
        );
    }
    fitted.reports
}

struct Fitted {
    reports: Vec<Outcomes>,
    /// Outcomes that lost a text, or a part of one.
    shortened: usize,
    dropped: Vec<Outcome>,
}

fn fit(mut reports: Vec<Outcomes>, room: usize) -> Fitted {
    let all: Vec<&mut Outcome> = reports.iter_mut().flat_map(|report| &mut report.outcomes).collect();
    let whole: usize = all.iter().map(|outcome| OUTCOME_BYTES + text_bytes(outcome)).sum();
    if whole <= room {
        return Fitted { reports, shortened: 0, dropped: Vec::new() };
    }
    let dropped = drop_surplus(&mut reports, room / OUTCOME_BYTES);
    let mut outcomes: Vec<&mut Outcome> =
        reports.iter_mut().flat_map(|report| &mut report.outcomes).collect();
    let room = room - outcomes.len() * OUTCOME_BYTES;
    let shortened = shorten(&mut outcomes, room);
    reports.retain(|report| !report.outcomes.is_empty());
    Fitted { reports, shortened, dropped }
}

/// Drops what is over `count`: first what was handed back or told to stop, then failures, and successes last.
fn drop_surplus(reports: &mut [Outcomes], count: usize) -> Vec<Outcome> {
    let worth = |outcome: &Outcome| match outcome.kind {
        OutcomeKind::Returned => 0,
        OutcomeKind::Stopped => 1,
        OutcomeKind::Failed | OutcomeKind::TimedOut => 2,
        OutcomeKind::Succeeded => 3,
    };
    let mut surplus = reports.iter().map(|report| report.outcomes.len()).sum::<usize>().saturating_sub(count);
    let mut dropped = Vec::new();
    for least in 0..=3 {
        for report in &mut *reports {
            let goes = |outcome: &mut Outcome| {
                let goes = surplus > 0 && worth(outcome) == least;
                surplus -= usize::from(goes);
                goes
            };
            dropped.extend(report.outcomes.extract_if(.., goes));
        }
    }
    dropped
}

/// Gives the room to texts: the beginnings of errors, then results (which cannot be cut: they are JSON), then whole
/// errors; the smallest first, so that most outcomes stay whole.
fn shorten(outcomes: &mut [&mut Outcome], mut room: usize) -> usize {
    outcomes.sort_by_key(|outcome| text_bytes(outcome));
    let whole: Vec<usize> = outcomes.iter().map(|outcome| text_bytes(outcome)).collect();
    let errors: Vec<Option<String>> = outcomes.iter_mut().map(|outcome| outcome.error.take()).collect();
    for (outcome, error) in outcomes.iter_mut().zip(&errors) {
        let beginning = error.as_deref().map(|error| beginning(error, ERROR_BYTES_MIN.min(room)));
        room -= beginning.map_or(0, str::len);
        outcome.error = beginning.map(str::to_owned);
    }
    for outcome in outcomes.iter_mut() {
        let bytes = outcome.result.as_ref().map_or(0, String::len);
        if bytes > room {
            outcome.result = None;
        } else {
            room -= bytes;
        }
    }
    for (outcome, error) in outcomes.iter_mut().zip(errors) {
        let more = error.as_ref().map_or(0, String::len) - outcome.error.as_ref().map_or(0, String::len);
        if more <= room {
            room -= more;
            outcome.error = error;
        }
    }
    outcomes.iter().zip(whole).filter(|(outcome, whole)| text_bytes(outcome) < *whole).count()
}

fn beginning(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn text_bytes(outcome: &Outcome) -> usize {
    [&outcome.error, &outcome.result].into_iter().flatten().map(String::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scaleout_common::ids::{ExecutionId, SessionId, WorkerId};
    use scaleout_common::wire::{Hello, encode};
    use uuid::Uuid;

    fn outcome(number: usize, kind: OutcomeKind, error: usize, result: usize) -> Outcome {
        let text = |bytes: usize, letter: &str| (bytes > 0).then(|| letter.repeat(bytes));
        Outcome {
            execution: ExecutionId(Uuid::from_u128(number as u128)),
            attempt: 1,
            kind,
            error: text(error, "e"),
            result: text(result, "1"),
        }
    }

    fn report(outcomes: Vec<Outcome>) -> Vec<Outcomes> {
        vec![Outcomes { session: SessionId { worker: WorkerId(Uuid::nil()), counter: 1 }, outcomes }]
    }

    #[test]
    fn five_thousand_of_the_largest_all_travel() {
        let all = (0..5_000).map(|number| {
            let kind = OutcomeKind::ALL[number % 5];
            outcome(number, kind, 4 * 1024, 16 * 1024)
        });
        let fitted = fit(report(all.collect()), CARRIED_BYTES_MAX);
        assert_eq!(fitted.dropped, []);
        assert_eq!(fitted.reports[0].outcomes.len(), 5_000);
        assert!(fitted.reports[0].outcomes.iter().all(|one| one.error.as_ref().unwrap().len() >= 256));
        let pools = (0..1_000).map(|number| format!("pool-{number}").parse().unwrap());
        let hello = Hello {
            session: fitted.reports[0].session,
            nonce: 1,
            machine: "m".repeat(64),
            host: "h".repeat(255),
            name: "n".repeat(255),
            user: "u".repeat(255),
            version: "v".repeat(64),
            capacity: 8,
            pools: pools.collect(),
            previous: fitted.reports,
        };
        let bytes = encode(&hello).unwrap().len();
        assert!(bytes <= BODY_BYTES_MAX, "{bytes}");
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let all = report(vec![
            outcome(1, OutcomeKind::Failed, 4_000, 0),
            outcome(2, OutcomeKind::Succeeded, 0, 16_000),
        ]);
        let fitted = fit(all.clone(), 20_128);
        assert_eq!((fitted.reports, fitted.shortened), (all.clone(), 0));
        let fitted = fit(all, 20_127);
        assert_eq!((fitted.shortened, fitted.dropped), (1, vec![]));
    }

    #[test]
    fn small_texts_stay_whole_and_a_result_is_never_cut() {
        let all = vec![
            outcome(1, OutcomeKind::Succeeded, 0, 10_000),
            outcome(2, OutcomeKind::Succeeded, 0, 100),
            outcome(3, OutcomeKind::Failed, 2_000, 0),
        ];
        let fitted = fit(report(all), 3 * OUTCOME_BYTES + 1_000);
        let texts = fitted.reports[0]
            .outcomes
            .iter()
            .map(|one| (one.error.as_ref().map(String::len), one.result.as_ref().map(String::len)));
        assert_eq!(texts.collect::<Vec<_>>(), [(None, None), (None, Some(100)), (Some(256), None)]);
        assert_eq!(fitted.shortened, 2);
    }

    #[test]
    fn successes_are_the_last_to_be_dropped() {
        let all = vec![
            outcome(1, OutcomeKind::Failed, 0, 0),
            outcome(2, OutcomeKind::Returned, 0, 0),
            outcome(3, OutcomeKind::Succeeded, 0, 0),
            outcome(4, OutcomeKind::Stopped, 0, 0),
        ];
        for (room, kept) in [(3, vec![1, 3, 4]), (2, vec![1, 3]), (1, vec![3])] {
            let fitted = fit(report(all.clone()), room * OUTCOME_BYTES);
            let left = fitted.reports[0].outcomes.iter().map(|one| one.execution.0.as_u128());
            assert_eq!(left.collect::<Vec<_>>(), kept);
            assert_eq!(fitted.dropped.len(), 4 - room);
        }
    }
}
