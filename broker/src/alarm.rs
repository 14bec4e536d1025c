//! Alarms: a broker that is short of memory or disk reads nothing from connections that publish, and says so. Nothing
//! is lost by it: what is to be published waits, and what is consumed goes on.

use std::time::Instant;

use tokio::sync::watch;

/// The broker takes nothing from us for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The broker's words, such as `low on memory`.
    pub reason: String,
    /// When we were told.
    pub since: Instant,
}

/// The alarm of one connection, while there is one.
pub(crate) type Alarms = watch::Sender<Option<Alarm>>;

/// The broker has told of an alarm. It tells again when a second one comes up: the first one's time stays.
pub(crate) fn raise(alarms: &Alarms, reason: String) {
    tracing::warn!(reason, "the broker takes nothing from us: an alarm is on; what is to be published waits");
    alarms.send_modify(|alarm| {
        let since = alarm.as_ref().map_or_else(Instant::now, |alarm| alarm.since);
        *alarm = Some(Alarm { reason, since });
    });
}

/// The broker takes messages again.
pub(crate) fn clear(alarms: &Alarms) {
    tracing::info!("the broker takes messages again: its alarm is off");
    alarms.send_replace(None);
}
