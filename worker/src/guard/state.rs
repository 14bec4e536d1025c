//! What the guard process knows: the groups that may run, and the fence. Pure: frames and moments in, verdicts
//! out; the killing is done by [`super::process`].

use std::collections::HashMap;
use std::time::Duration;

use super::boot_time::BootTime;
use super::frame::{FRAME_BYTES, Frame};

/// Longest sleep while a fence is set. The kernel's sleeps do not count suspend: without this a machine that
/// wakes up would notice a passed fence as late as the whole lease.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The worker closed its pipe or died.
    WorkerGone,
    /// The fence passed.
    Fenced,
    /// The worker asked for it.
    Asked,
    /// The pipe brought bytes that are no frame.
    Damaged,
}

#[derive(Debug, Default)]
pub(super) struct State {
    groups: HashMap<u64, i32>,
    fence: Option<BootTime>,
    /// Bytes of a frame that has not come whole.
    partial: Vec<u8>,
}

impl State {
    /// Takes what one read of the pipe brought; nothing means that its other end is closed.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), Over> {
        if bytes.is_empty() {
            return Err(Over::WorkerGone);
        }
        self.partial.extend_from_slice(bytes);
        let whole = self.partial.len() - self.partial.len() % FRAME_BYTES;
        let taken: Vec<u8> = self.partial.drain(..whole).collect();
        let (frames, _) = taken.as_chunks::<FRAME_BYTES>();
        frames.iter().try_for_each(|frame| self.apply(Frame::decode(frame)))
    }

    fn apply(&mut self, frame: Option<Frame>) -> Result<(), Over> {
        match frame {
            Some(Frame::Add { token, group }) => {
                self.groups.insert(token, group);
            }
            Some(Frame::Remove { token }) => {
                self.groups.remove(&token);
            }
            Some(Frame::Fence(at)) => self.fence = Some(at),
            Some(Frame::End) => return Err(Over::Asked),
            None => return Err(Over::Damaged),
        }
        Ok(())
    }

    /// How long the guard may sleep at `now`, `None` without limit.
    pub(super) fn sleep(&self, now: BootTime) -> Result<Option<Duration>, Over> {
        match self.fence {
            Some(fence) if fence <= now => Err(Over::Fenced),
            Some(fence) => Ok(Some(fence.since(now).min(TICK))),
            None => Ok(None),
        }
    }

    /// The groups that may have a living process.
    pub(super) fn groups(&self) -> Vec<i32> {
        self.groups.values().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanoseconds: u64) -> BootTime {
        BootTime::from_nanoseconds(nanoseconds)
    }

    #[test]
    fn groups_come_and_go_by_token() {
        let mut state = State::default();
        state.read(&Frame::Add { token: 1, group: 100 }.encode()).unwrap();
        state.read(&Frame::Add { token: 2, group: 200 }.encode()).unwrap();
        state.read(&Frame::Remove { token: 1 }.encode()).unwrap();
        state.read(&Frame::Remove { token: 9 }.encode()).unwrap();
        assert_eq!(state.groups(), [200]);
    }

    #[test]
    fn frames_may_come_in_pieces() {
        let mut state = State::default();
        let bytes = [Frame::Add { token: 1, group: 5 }.encode(), Frame::Add { token: 2, group: 6 }.encode()];
        for byte in bytes.as_flattened() {
            state.read(&[*byte]).unwrap();
        }
        assert_eq!(state.groups().len(), 2);
    }

    #[test]
    fn the_session_is_over_for_a_reason() {
        assert_eq!(State::default().read(&[]), Err(Over::WorkerGone));
        assert_eq!(State::default().read(&Frame::End.encode()), Err(Over::Asked));
        assert_eq!(State::default().read(&[0; FRAME_BYTES]), Err(Over::Damaged));
    }

    #[test]
    fn a_fence_is_kept_to_the_moment_and_a_later_one_replaces_it() {
        let mut state = State::default();
        assert_eq!(state.sleep(at(u64::MAX)), Ok(None));
        state.read(&Frame::Fence(at(1_000)).encode()).unwrap();
        assert_eq!(state.sleep(at(400)), Ok(Some(Duration::from_nanos(600))));
        assert_eq!(state.sleep(at(1_000)), Err(Over::Fenced));
        state.read(&Frame::Fence(at(60_000_000_000)).encode()).unwrap();
        assert_eq!(state.sleep(at(1_000)), Ok(Some(TICK)));
    }
}
