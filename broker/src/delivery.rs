//! A message that came in, and the ledger of what may be acknowledged.

use std::collections::BTreeSet;

use scaleout_common::wire::Kind;

/// A message that came in. It is the broker's until acknowledged.
#[derive(Debug)]
pub struct Delivery {
    /// Rises by one with each delivery of its channel, from 1.
    pub tag: u64,
    /// What the envelope says it is; `None` if it is not ours.
    pub kind: Option<Kind>,
    pub body: Vec<u8>,
    /// The inbox that an answer goes to.
    pub reply_to: Option<String>,
    pub routing_key: String,
}

impl From<lapin::message::Delivery> for Delivery {
    fn from(delivery: lapin::message::Delivery) -> Self {
        Self {
            tag: delivery.delivery_tag,
            kind: Kind::of(&delivery.data),
            reply_to: delivery.properties.reply_to().as_ref().map(ToString::to_string),
            routing_key: delivery.routing_key.to_string(),
            body: delivery.data,
        }
    }
}

/// Turns answers in any order into acknowledgements of whole prefixes: one `multiple` ack for hundreds of
/// deliveries costs what one for a single delivery does.
#[derive(Debug, Default)]
pub struct AckLedger {
    /// Everything up to this tag has been acknowledged.
    through: u64,
    /// Done, but a delivery before them is not.
    done: BTreeSet<u64>,
}

impl AckLedger {
    /// The delivery has been dealt with. Call [`take`](Self::take) afterwards.
    pub fn done(&mut self, tag: u64) {
        if tag > self.through {
            self.done.insert(tag);
        }
    }

    /// The tag up to which all may be acknowledged now, if that is any further than before.
    pub fn take(&mut self) -> Option<u64> {
        let before = self.through;
        while self.done.remove(&(self.through + 1)) {
            self.through += 1;
        }
        (self.through > before).then_some(self.through)
    }
}

#[cfg(test)]
mod tests {
    use super::AckLedger;

    #[test]
    fn a_prefix_is_acknowledged_at_once_and_a_gap_holds_it_back() {
        let mut ledger = AckLedger::default();
        for tag in [1, 2, 4] {
            ledger.done(tag);
        }
        assert_eq!(ledger.take(), Some(2));
        assert_eq!(ledger.take(), None);
        ledger.done(1);
        ledger.done(3);
        assert_eq!(ledger.take(), Some(4));
        assert!(ledger.done.is_empty());
    }
}
