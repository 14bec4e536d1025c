//! The broker: whatever it holds may come next, twice, or never. Only the world's end of it is decided here; what a
//! message does is its receiver's.

use crate::message::Message;
use crate::state::{Broker, State, Task};

impl Broker {
    pub(crate) fn send(&mut self, message: Message) {
        if !self.messages.contains(&message) {
            self.messages.push(message);
            self.messages.sort_unstable_by_key(Message::key);
        }
    }

    pub(crate) fn remove(&mut self, message: &Message) {
        self.messages.retain(|other| other != message);
    }

    pub(crate) fn holds(&self, test: impl Fn(&Message) -> bool) -> bool {
        self.messages.iter().any(test)
    }

    fn drop_inbox(&mut self, worker: u8) {
        self.messages.retain(|message| message.inbox() != Some(worker));
    }
}

impl State {
    /// A worker's connection ends: its inbox goes with it, and the deliveries it held are the broker's again.
    pub(crate) fn unlink(&mut self, worker: u8) {
        self.broker.drop_inbox(worker);
        let back: Vec<Task> = self.workers[usize::from(worker)]
            .claims
            .iter_mut()
            .filter_map(|claim| std::mem::take(&mut claim.delivery).then_some(claim.task))
            .collect();
        back.into_iter().for_each(|task| self.broker.send(Message::Task(task)));
    }

    /// Everything is gone, the sentinel with it. Deliveries that workers hold are worth nothing.
    pub(crate) fn wipe(&mut self) {
        self.broker.messages.clear();
        self.broker.sentinels.clear();
        for worker in &mut self.workers {
            worker.claims.iter_mut().for_each(|claim| claim.delivery = false);
        }
    }
}
