//! The journal's bytes: a header, then frames of length, checksum and body. A body is a message in the wire's own
//! encoding: outcomes that were added, or the keys of those that need no keeping any more.

use std::io::{self, Read};

use scaleout_common::wire::BODY_BYTES_MAX;
use sha2::{Digest, Sha256};

/// The first bytes of the file; another layout gets another header.
pub(super) const HEADER: &[u8; 8] = b"SOJRNL1\n";

/// Length (4 bytes, little endian) and checksum.
const PREFIX_BYTES: usize = 4 + CHECK_BYTES;

/// The first bytes of the SHA-256 of length and body: zeros that a crash left behind are no frame.
const CHECK_BYTES: usize = 8;

/// The frame that holds `body`.
pub(super) fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("a message is smaller than 4 GiB").to_le_bytes();
    [&length, &check(length, body)[..], body].concat()
}

/// What a look at the next frame found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Body(Vec<u8>),
    /// The file ends here.
    End,
    /// No whole frame is here.
    Damaged,
}

/// Reads the next frame. What was torn off by a crash and what was damaged later look the same from here.
pub(super) fn next(file: &mut impl Read) -> io::Result<Next> {
    let mut prefix = [0; PREFIX_BYTES];
    match fill(file, &mut prefix)? {
        0 => return Ok(Next::End),
        PREFIX_BYTES => {}
        _ => return Ok(Next::Damaged),
    }
    let (length, expected) = prefix.split_at(4);
    let length: [u8; 4] = length.try_into().expect("the prefix was split behind four bytes");
    let bytes = u32::from_le_bytes(length) as usize;
    if bytes > BODY_BYTES_MAX {
        return Ok(Next::Damaged);
    }
    let mut body = vec![0; bytes];
    let whole = fill(file, &mut body)? == bytes && check(length, &body) == expected;
    Ok(if whole { Next::Body(body) } else { Next::Damaged })
}

/// Bytes that the frame of a body takes.
pub(super) fn frame_bytes(body: &[u8]) -> u64 {
    (PREFIX_BYTES + body.len()) as u64
}

fn check(length: [u8; 4], body: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = Sha256::new().chain_update(length).chain_update(body).finalize();
    hash[..CHECK_BYTES].try_into().expect("a SHA-256 is longer than its beginning")
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_whole_or_damaged_and_never_another() {
        let bytes = frame(b"an outcome");
        assert_eq!(next(&mut bytes.as_slice()).unwrap(), Next::Body(b"an outcome".to_vec()));
        assert_eq!(next(&mut [].as_slice()).unwrap(), Next::End);
        for cut in 1..bytes.len() {
            assert_eq!(next(&mut &bytes[..cut]).unwrap(), Next::Damaged, "cut after {cut}");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(next(&mut flipped.as_slice()).unwrap(), Next::Damaged, "byte {at} flipped");
        }
        assert_eq!(next(&mut [0; 64].as_slice()).unwrap(), Next::Damaged, "zeros behind a crash");
        assert_eq!(next(&mut [0xff; 64].as_slice()).unwrap(), Next::Damaged, "a length beyond all bounds");
    }
}
