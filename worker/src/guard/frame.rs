//! What the worker tells its guard: frames of one size, so that each is written and read whole. Pure.

use super::boot_time::BootTime;

/// Size of every frame in bytes: a tag, a token, a number. Far below PIPE_BUF, so a write is atomic.
pub(super) const FRAME_BYTES: usize = 17;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// The forked child `group` is about to become a program, as the leader of a group of its own.
    Add { token: u64, group: i32 },
    /// The group that was added under `token` is gone, or its program could not be started. A token and not a
    /// process id, because the worker does not learn the id of a child that could not become its program.
    Remove { token: u64 },
    /// From this moment on nothing of the session may run.
    Fence(BootTime),
    /// The session ends in order.
    End,
}

impl Frame {
    /// Allocates nothing: the forked child calls it before it becomes its program.
    pub(super) fn encode(self) -> [u8; FRAME_BYTES] {
        let (tag, token, number) = match self {
            Frame::Add { token, group } => (b'a', token, u64::from(group.cast_unsigned())),
            Frame::Remove { token } => (b'r', token, 0),
            Frame::Fence(at) => (b'f', 0, at.nanoseconds()),
            Frame::End => (b'e', 0, 0),
        };
        let mut bytes = [0; FRAME_BYTES];
        bytes[0] = tag;
        bytes[1..9].copy_from_slice(&token.to_le_bytes());
        bytes[9..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    /// `None` if these are no bytes of ours.
    pub(super) fn decode(bytes: &[u8; FRAME_BYTES]) -> Option<Frame> {
        let (token, number) = bytes[1..].split_at(8);
        let token = u64::from_le_bytes(token.try_into().ok()?);
        let number = u64::from_le_bytes(number.try_into().ok()?);
        match bytes[0] {
            b'a' => Some(Frame::Add { token, group: i32::try_from(number).ok()? }),
            b'r' => Some(Frame::Remove { token }),
            b'f' => Some(Frame::Fence(BootTime::from_nanoseconds(number))),
            b'e' => Some(Frame::End),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_pipe() {
        for frame in [
            Frame::Add { token: u64::MAX, group: 4_194_304 },
            Frame::Remove { token: 7 },
            Frame::Fence(BootTime::NEVER),
            Frame::End,
        ] {
            assert_eq!(Frame::decode(&frame.encode()), Some(frame));
        }
    }

    #[test]
    fn other_bytes_are_no_frame() {
        assert_eq!(Frame::decode(&[0; FRAME_BYTES]), None);
        let mut negative = Frame::Add { token: 1, group: 1 }.encode();
        negative[16] = 0xff;
        assert_eq!(Frame::decode(&negative), None);
    }
}
