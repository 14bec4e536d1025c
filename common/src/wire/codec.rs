//! Bytes of a message: an envelope `magic (2), version (1), kind (1)`, then bincode.
//!
//! The only place that names bincode. RUSTSEC-2025-0141 calls it unmaintained: 1.3.3 is finished and has no known
//! fault; the options are explicit (fixed-size integers, a limit, trailing bytes refused), golden bytes hold the
//! format, and a new version byte is the way out (wincode reads the same bytes).

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::kind::{Kind, Message};

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
    #[error("the {kind:?} message has version {found}: this build reads up to {newest}")]
    Version { kind: Kind, found: u8, newest: u8 },
    #[error("the message is of kind {found}: expected {expected:?}")]
    Kind { found: u8, expected: Kind },
    #[error("the body of the {kind:?} message is damaged: {source}")]
    Body { kind: Kind, source: bincode::Error },
}

/// The message's bytes.
pub fn encode<M: Message + Serialize>(message: &M) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = vec![MAGIC[0], MAGIC[1], M::VERSION, M::KIND as u8];
    options().serialize_into(&mut bytes, message).map_err(|source| EncodeError { kind: M::KIND, source })?;
    Ok(bytes)
}

/// The message in `bytes`, which must be of kind `M`, in its layout or the one before.
pub fn decode<M: Message + DeserializeOwned>(bytes: &[u8]) -> Result<M, DecodeError> {
    if bytes.len() < ENVELOPE_BYTES || bytes.len() > BODY_BYTES_MAX {
        return Err(DecodeError::Size(bytes.len()));
    }
    let (envelope, body) = bytes.split_at(ENVELOPE_BYTES);
    if envelope[..2] != MAGIC {
        return Err(DecodeError::Magic);
    }
    if envelope[3] != M::KIND as u8 {
        return Err(DecodeError::Kind { found: envelope[3], expected: M::KIND });
    }
    match envelope[2] {
        version if version == M::VERSION => read(M::KIND, body),
        version if version > 0 && version.checked_add(1) == Some(M::VERSION) => {
            M::from_previous(PreviousBody { version, bytes: body })
        }
        found => Err(DecodeError::Version { kind: M::KIND, found, newest: M::VERSION }),
    }
}

/// What follows the envelope of a message whose layout is the one before this build's.
pub struct PreviousBody<'a> {
    version: u8,
    bytes: &'a [u8],
}

impl PreviousBody<'_> {
    /// Reads the struct of that layout.
    pub(super) fn read<P: Message + DeserializeOwned>(&self) -> Result<P, DecodeError> {
        read(P::KIND, self.bytes)
    }

    /// There was no such layout.
    pub(super) fn unreadable<M: Message>(&self) -> DecodeError {
        DecodeError::Version { kind: M::KIND, found: self.version, newest: M::VERSION }
    }
}

fn read<M: DeserializeOwned>(kind: Kind, body: &[u8]) -> Result<M, DecodeError> {
    options().deserialize(body).map_err(|source| DecodeError::Body { kind, source })
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
