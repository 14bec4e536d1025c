//! What of a growing log may be sent, and when what has not come is no longer waited for. Pure.

use std::time::Duration;

use scaleout_common::api::{LogMessage, MissingEvent};
use scaleout_common::ids::Attempt;
use scaleout_common::wire::MessageType;

use crate::catalog::requests::{MessageCursor, PACKAGE_PATH};

/// How long a hole in a log is waited for, and the end of a log that must have one. A batch of messages may wait in the
/// broker for as long as a master holds it, and a master that hangs is found out by AMQP's heartbeat.
pub(super) const HOLE_WAIT: Duration = Duration::from_secs(30);

/// How long more messages are waited for of what has ended and need not say so in its log: killed, or empty.
pub(super) const TAIL_WAIT: Duration = Duration::from_secs(3);

/// The same where the log says that it ended: what output was cut is told behind that, in the same moment.
pub(super) const SETTLE: Duration = Duration::from_millis(500);

/// How far a log was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) cursor: MessageCursor,
    /// The attempt's log says that the package has ended.
    pub(super) closed: bool,
}

/// The attempt at the place has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) ago: Duration,
    /// Its worker reported the end, so its log, if it has one, says so, too.
    pub(super) reported: bool,
    /// It ended its execution.
    pub(super) last: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send so many from the piece's beginning.
    Send(usize),
    /// Nothing may be sent before that, unless something comes.
    Wait(Duration),
    /// Give up a hole.
    Skip(MissingEvent),
    /// The attempt's log is complete, but for what is missing at its end.
    Turn(Option<MissingEvent>),
    /// The same, and with it the execution's.
    End(Option<MissingEvent>),
}

impl Place {
    /// Behind `cursor`, in its attempt; the first attempt's beginning if there is none.
    pub(super) fn at(cursor: MessageCursor, closed: bool) -> Self {
        Self { cursor: MessageCursor { attempt: cursor.attempt.max(1), ..cursor }, closed }
    }

    /// Behind these messages, which were sent.
    pub(super) fn pass(&mut self, sent: &[LogMessage]) {
        for message in sent {
            self.cursor.sequence = message.sequence;
            self.closed |= message.kind == MessageType::PostExecute.as_str() && message.path == PACKAGE_PATH;
        }
    }

    /// At the beginning of the next attempt.
    pub(super) fn turn(&mut self) {
        *self = Self::at(MessageCursor { attempt: self.cursor.attempt + 1, sequence: 0 }, false);
    }
}

/// What follows from the messages behind `place` (a piece of the log, read after `over` was), from whether its attempt
/// has ended, and from how long there has been a hole.
pub(super) fn next(place: &Place, piece: &[LogMessage], over: Option<Over>, hole_for: Duration) -> Next {
    let Place { cursor, closed } = *place;
    if let Some(first) = piece.first().filter(|first| first.attempt == cursor.attempt) {
        let ago = over.map_or(Duration::ZERO, |over| over.ago);
        return match unbroken(cursor.attempt, cursor.sequence, piece) {
            0 if hole_for.max(ago) < HOLE_WAIT => Next::Wait(HOLE_WAIT - hole_for.max(ago)),
            0 => Next::Skip(missing(cursor, Some(first.sequence - 1))),
            count => Next::Send(count),
        };
    }
    let Some(over) = over else { return Next::Wait(HOLE_WAIT) };
    let is_cut_off = !closed && over.reported && cursor.sequence > 0;
    let wait = match (closed, is_cut_off) {
        (true, _) => SETTLE,
        (_, true) => HOLE_WAIT,
        _ => TAIL_WAIT,
    };
    let missing = is_cut_off.then(|| missing(cursor, None));
    match over {
        Over { ago, .. } if ago < wait => Next::Wait(wait - ago),
        Over { last: true, .. } => Next::End(missing),
        _ => Next::Turn(missing),
    }
}

/// How many messages from the beginning follow on `sequence` without a hole.
fn unbroken(attempt: Attempt, sequence: u64, piece: &[LogMessage]) -> usize {
    let follows = |(message, expected): &(&LogMessage, u64)| {
        message.attempt == attempt && message.sequence == *expected
    };
    piece.iter().zip(sequence + 1..).take_while(follows).count()
}

fn missing(behind: MessageCursor, to: Option<u64>) -> MissingEvent {
    MissingEvent { attempt: behind.attempt, from: behind.sequence + 1, to }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const NO_HOLE: Duration = Duration::ZERO;

    fn log(places: &[(Attempt, u64)]) -> Vec<LogMessage> {
        let message = |(attempt, sequence): &(Attempt, u64)| LogMessage {
            attempt: *attempt,
            sequence: *sequence,
            at: Timestamp::UNIX_EPOCH,
            kind: "stdout".into(),
            path: PACKAGE_PATH.into(),
            text: String::new(),
        };
        places.iter().map(message).collect()
    }

    fn place(attempt: Attempt, sequence: u64, closed: bool) -> Place {
        Place::at(MessageCursor { attempt, sequence }, closed)
    }

    fn over(ago: Duration, reported: bool, last: bool) -> Option<Over> {
        Some(Over { ago, reported, last })
    }

    #[test]
    fn only_what_follows_without_a_hole_is_sent() {
        let at = place(1, 2, false);
        let now = |places: &[(Attempt, u64)]| next(&at, &log(places), None, NO_HOLE);
        assert_eq!(now(&[(1, 3), (1, 4)]), Next::Send(2));
        assert_eq!(now(&[(1, 3), (1, 5), (1, 6)]), Next::Send(1));
        assert_eq!(now(&[(1, 3), (2, 1)]), Next::Send(1));
        assert_eq!(now(&[(1, 4)]), Next::Wait(HOLE_WAIT));
        assert_eq!(now(&[]), Next::Wait(HOLE_WAIT));
        let begin = Place::at(MessageCursor::default(), false);
        assert_eq!(next(&begin, &log(&[(1, 1)]), None, NO_HOLE), Next::Send(1));
        assert_eq!(next(&begin, &log(&[(1, 2)]), None, NO_HOLE), Next::Wait(HOLE_WAIT));
    }

    #[test]
    fn a_hole_is_given_up_by_name_when_nothing_can_fill_it_any_more() {
        let at = place(2, 2, false);
        let piece = log(&[(2, 7), (2, 8)]);
        let skip = Next::Skip(MissingEvent { attempt: 2, from: 3, to: Some(6) });
        assert_eq!(next(&at, &piece, None, HOLE_WAIT / 2), Next::Wait(HOLE_WAIT / 2));
        assert_eq!(next(&at, &piece, None, HOLE_WAIT), skip);
        assert_eq!(
            next(&at, &piece, over(TAIL_WAIT, true, true), NO_HOLE),
            Next::Wait(HOLE_WAIT - TAIL_WAIT)
        );
        assert_eq!(next(&at, &piece, over(HOLE_WAIT, true, true), NO_HOLE), skip);
    }

    #[test]
    fn an_end_waits_for_what_may_still_come() {
        let millisecond = Duration::from_millis(1);
        let cut_off = Some(MissingEvent { attempt: 1, from: 3, to: None });
        // Place, whether the worker reported the end, how long is waited, what is missing then.
        let cases = [
            (place(1, 2, true), true, SETTLE, None),
            (place(1, 2, false), true, HOLE_WAIT, cut_off),
            (place(1, 2, false), false, TAIL_WAIT, None),
            (place(1, 0, false), true, TAIL_WAIT, None),
        ];
        for (at, reported, wait, missing) in cases {
            let early = over(wait - millisecond, reported, true);
            assert_eq!(next(&at, &[], early, NO_HOLE), Next::Wait(millisecond), "{at:?}");
            assert_eq!(next(&at, &[], over(wait, reported, true), NO_HOLE), Next::End(missing), "{at:?}");
            // The next attempt's log does not overtake this one's.
            let ahead = log(&[(2, 1)]);
            let early = over(wait - millisecond, reported, false);
            assert_eq!(next(&at, &ahead, early, NO_HOLE), Next::Wait(millisecond), "{at:?}");
            assert_eq!(
                next(&at, &ahead, over(wait, reported, false), NO_HOLE),
                Next::Turn(missing),
                "{at:?}"
            );
        }
        assert_eq!(next(&place(1, 2, true), &log(&[(2, 1)]), None, NO_HOLE), Next::Wait(HOLE_WAIT));
    }

    #[test]
    fn the_end_of_the_package_closes_its_log() {
        let mut at = place(1, 0, false);
        let mut piece = log(&[(1, 1), (1, 2), (1, 3)]);
        piece[1].kind = "post-execute".into();
        piece[1].path = "\\Package\\load".into();
        at.pass(&piece[..2]);
        assert_eq!(at, place(1, 2, false));
        piece[2].kind = "post-execute".into();
        at.pass(&piece[2..]);
        assert_eq!(at, place(1, 3, true));
        at.turn();
        assert_eq!(at, place(2, 0, false));
    }
}
