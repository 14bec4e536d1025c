//! Bytes of a message: an envelope `magic (2), version (1), kind (1)`, then bincode.
//!
//! The only place that names bincode. RUSTSEC-2025-0141 calls it unmaintained: 1.3.3 is finished and has no known
//! fault; the options are explicit (fixed-size integers, a limit, trailing bytes refused), golden bytes hold the
//! format, and a new version byte is the way out (wincode reads the same bytes).

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::kind::{Kind, Message};

/// The version this build writes. A reader accepts its own and the previous one.
pub const VERSION: u8 = 1;

/// The oldest version this build reads.
const VERSION_MIN: u8 = 1;

/// "SO": tells our messages from a stranger's.
const MAGIC: [u8; 2] = *b"SO";

const ENVELOPE_BYTES: usize = 4;

/// Largest body in bytes, envelope included. RabbitMQ 4 refuses messages above 16 MiB; big things are fetched by
/// hash instead.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a message could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode a {kind:?} message: {source}")]
pub struct EncodeError {
    kind: Kind,
    source: bincode::Error,
}

/// Why bytes are no message of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the message has {0} bytes: expected 4 to {BODY_BYTES_MAX}")]
    Size(usize),
    #[error("the message does not begin with Scaleout's magic bytes")]
    Magic,
    #[error("the message has version {0}: this build reads {VERSION_MIN} to {VERSION}")]
    Version(u8),
    #[error("the message is of kind {found}: expected {expected:?}")]
    Kind { found: u8, expected: Kind },
    #[error("the body of the {kind:?} message is damaged: {source}")]
    Body { kind: Kind, source: bincode::Error },
}

/// The message's bytes.
pub fn encode<M: Message + Serialize>(message: &M) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![MAGIC[0], MAGIC[1], VERSION, M::KIND as u8];
    options().serialize_into(&mut bytes, message).map_err(|source| EncodeError { kind: M::KIND, source })?;
    Ok(bytes)
}

/// The message in `bytes`, which must be of kind `M`.
pub fn decode<M: Message + DeserializeOwned>(bytes: &[u8]) -> Result<M, DecodeError> {
    if bytes.len() < ENVELOPE_BYTES || bytes.len() > BODY_BYTES_MAX {
        return Err(DecodeError::Size(bytes.len()));
    }
    let (envelope, body) = bytes.split_at(ENVELOPE_BYTES);
    if envelope[..2] != MAGIC {
        return Err(DecodeError::Magic);
    }
    if !(VERSION_MIN..=VERSION).contains(&envelope[2]) {
        return Err(DecodeError::Version(envelope[2]));
    }
    if envelope[3] != M::KIND as u8 {
        return Err(DecodeError::Kind { found: envelope[3], expected: M::KIND });
    }
    options().deserialize(body).map_err(|source| DecodeError::Body { kind: M::KIND, source })
}

/// The kind in the envelope, to choose how to [`decode`] on a queue that carries several.
pub(super) fn kind_of(bytes: &[u8]) -> Option<u8> {
    (bytes.len() >= ENVELOPE_BYTES && bytes[..2] == MAGIC).then(|| bytes[3])
}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_limit((BODY_BYTES_MAX - ENVELOPE_BYTES) as u64)
        .reject_trailing_bytes()
}
