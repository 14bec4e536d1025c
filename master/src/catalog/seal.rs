//! Sensitive values at rest: sealed with ChaCha20-Poly1305 (RFC 8439) under one key that every master has.

use std::path::Path;

use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use scaleout_common::hex;

const NONCE_BYTES: usize = 12;
const KEY_BYTES: usize = 32;

/// Why a value could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(
        "there is no key for sensitive values: name a file with 64 hexadecimal digits in the setting \
         master.secret_key_file (`openssl rand -hex 32` makes one); every master needs the same"
    )]
    NoKey,
    #[error("cannot read the key for sensitive values from {file}: {reason}")]
    KeyFile { file: String, reason: String },
    #[error(
        "a sensitive value of {owner} cannot be opened: it was sealed with another key than this master's"
    )]
    WrongKey { owner: String },
}

/// Seals and opens. Each sealed value is bound to its owner, so that one row's value cannot be moved to another.
#[derive(Clone)]
pub struct Sealer(Option<ChaCha20Poly1305>);

impl Sealer {
    /// Reads the key; an empty path gives a sealer that refuses to seal.
    pub fn from_file(file: &Path) -> Result<Self, SealError> {
        if file.as_os_str().is_empty() {
            return Ok(Self(None));
        }
        let fail = |reason: String| SealError::KeyFile { file: file.display().to_string(), reason };
        let text = std::fs::read_to_string(file).map_err(|error| fail(error.to_string()))?;
        let key = hex::parse(text.trim()).ok_or_else(|| fail("expected 64 hexadecimal digits".to_owned()))?;
        Ok(Self::new(key))
    }

    pub fn new(key: [u8; KEY_BYTES]) -> Self {
        Self(Some(ChaCha20Poly1305::new(Key::from_slice(&key))))
    }

    /// Nonce and ciphertext of `plain`, bound to `owner`.
    pub fn seal(&self, owner: &str, plain: &str) -> Result<Vec<u8>, SealError> {
        let cipher = self.0.as_ref().ok_or(SealError::NoKey)?;
        let nonce = ChaCha20Poly1305::generate_nonce(&mut OsRng);
        let payload = Payload { msg: plain.as_bytes(), aad: owner.as_bytes() };
        let sealed = cipher
            .encrypt(&nonce, payload)
            .expect("a text that fits in memory is far below the cipher's limit");
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The text that [`seal`](Self::seal) took.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<String, SealError> {
        let cipher = self.0.as_ref().ok_or(SealError::NoKey)?;
        let wrong = || SealError::WrongKey { owner: owner.to_owned() };
        let (nonce, body) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(wrong)?;
        let payload = Payload { msg: body, aad: owner.as_bytes() };
        let plain = cipher.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(plain).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_for_its_owner_only() {
        let sealer = Sealer::new([7; 32]);
        let sealed = sealer.seal("execution/1", "s3cret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"s3cret"));
        assert_eq!(sealer.open("execution/1", &sealed).unwrap(), "s3cret");
        assert!(sealer.open("execution/2", &sealed).is_err());
        assert!(Sealer::new([8; 32]).open("execution/1", &sealed).is_err());
        assert!(sealer.open("execution/1", b"short").is_err());
    }

    #[test]
    fn without_a_key_it_says_how_to_get_one() {
        let sealer = Sealer::from_file(Path::new("")).unwrap();
        assert!(sealer.seal("x", "y").unwrap_err().to_string().contains("master.secret_key_file"));
    }
}
