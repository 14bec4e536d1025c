//! Markers: how single lost messages are found. A marker is published behind what a task queue holds. A queue gives
//! out in order, so when the marker has come out, everything published before it has been delivered; what still waits
//! for its claim a while later has lost its message and is dispatched again. Publishing twice is harmless.

use std::time::Duration;

use crate::protocol::timing::{MARKER_EVERY, MARKER_MAX, MARKER_PATIENCE};
use crate::wire::Dialect;

/// The marker of one task queue, as the catalog has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outstanding {
    /// How long ago it was last published.
    pub age: Duration,
    /// How long ago a worker reported that it came out; absent: not yet.
    pub seen_for: Option<Duration>,
    /// What it showed has been dispatched again.
    pub swept: bool,
}

/// What to do about a queue's marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerDuty {
    /// Nothing yet.
    Wait,
    /// Dispatch again what was published before it and still waits.
    Sweep,
    /// Publish a new one, or, if the present one has not come out, that one once more: the first copy may be on its
    /// way through a long backlog, and shows the same.
    Publish,
}

/// Decides it. At most one marker of a queue is outstanding.
pub fn decide_marker(marker: Option<Outstanding>) -> MarkerDuty {
    let Some(marker) = marker else { return MarkerDuty::Publish };
    match marker.seen_for {
        Some(seen_for) if !marker.swept && seen_for >= MARKER_PATIENCE => MarkerDuty::Sweep,
        Some(_) if !marker.swept => MarkerDuty::Wait,
        Some(_) if marker.age >= MARKER_EVERY => MarkerDuty::Publish,
        None if marker.age >= MARKER_MAX => MarkerDuty::Publish,
        _ => MarkerDuty::Wait,
    }
}

/// The task queue behind which a marker is to be published, as it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    /// Somebody consumes it. Where nobody does, markers would only pile up.
    pub consumed: bool,
    /// Nothing is ready for delivery.
    pub empty: bool,
    /// The catalog knows of messages that the broker has confirmed and that nobody has claimed yet.
    pub promised: bool,
}

/// Decides it for a queue that can be looked at: nothing is published that could find nothing, and a marker that is
/// neither in the queue nor reported went the way of what it was to find.
pub fn decide_marker_behind(marker: Option<Outstanding>, queue: Behind) -> MarkerDuty {
    let gone =
        marker.is_some_and(|marker| marker.seen_for.is_none() && marker.age >= MARKER_EVERY && queue.empty);
    match decide_marker(marker) {
        MarkerDuty::Publish if !queue.consumed || !queue.promised => MarkerDuty::Wait,
        MarkerDuty::Wait if gone && queue.consumed && queue.promised => MarkerDuty::Publish,
        duty => duty,
    }
}

/// Whether markers may be published: every living master and every worker that may receive one understands them.
pub fn may_mark(builds: impl IntoIterator<Item = Dialect>) -> bool {
    builds.into_iter().all(|dialect| dialect >= Dialect::Second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_awaited_swept_and_replaced() {
        let s = Duration::from_secs;
        let marker = |age, seen: Option<u64>, swept| {
            decide_marker(Some(Outstanding { age: s(age), seen_for: seen.map(s), swept }))
        };
        assert_eq!(decide_marker(None), MarkerDuty::Publish);
        assert_eq!(marker(599, None, false), MarkerDuty::Wait);
        assert_eq!(marker(600, None, false), MarkerDuty::Publish);
        assert_eq!(marker(31, Some(29), false), MarkerDuty::Wait);
        assert_eq!(marker(31, Some(30), false), MarkerDuty::Sweep);
        assert_eq!(marker(59, Some(40), true), MarkerDuty::Wait);
        assert_eq!(marker(60, Some(40), true), MarkerDuty::Publish);
        assert_eq!(marker(900, Some(1), false), MarkerDuty::Wait, "what it shows comes before the next one");
    }

    #[test]
    fn a_marker_goes_only_where_it_can_find_something() {
        let all = Behind { consumed: true, empty: false, promised: true };
        let unseen = |age| Some(Outstanding { age: Duration::from_secs(age), seen_for: None, swept: false });
        assert_eq!(decide_marker_behind(None, all), MarkerDuty::Publish);
        assert_eq!(decide_marker_behind(None, Behind { consumed: false, ..all }), MarkerDuty::Wait);
        assert_eq!(decide_marker_behind(None, Behind { promised: false, ..all }), MarkerDuty::Wait);
        // One that cannot be in its queue any more is not awaited for ten minutes.
        let empty = Behind { empty: true, ..all };
        assert_eq!(decide_marker_behind(unseen(59), empty), MarkerDuty::Wait);
        assert_eq!(decide_marker_behind(unseen(60), empty), MarkerDuty::Publish);
        assert_eq!(decide_marker_behind(unseen(60), all), MarkerDuty::Wait);
        // What a marker has shown is dispatched again, whatever the queue looks like.
        let s = Duration::from_secs;
        let shown = Some(Outstanding { age: s(40), seen_for: Some(s(30)), swept: false });
        let deserted = Behind { consumed: false, empty: true, promised: false };
        assert_eq!(decide_marker_behind(shown, deserted), MarkerDuty::Sweep);
    }

    #[test]
    fn nobody_is_sent_what_it_cannot_read() {
        assert!(may_mark([]));
        assert!(may_mark([Dialect::Second, Dialect::Second]));
        assert!(!may_mark([Dialect::Second, Dialect::First]));
    }
}
