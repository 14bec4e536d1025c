//! What a new worker is told in one line: where the masters are, by which certificate to know them, and a secret
//! that is good once. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Begins every invitation, so that one that leaked is recognised.
const PREFIX: &str = "sojoin_";
/// Bytes of the SHA-256 that end it: enough to notice that some of it is missing.
const CHECK_BYTES: usize = 4;
/// Longest text that is read.
const TEXT_MAX: usize = 16 * 1024;

/// An invitation. Whoever holds it can become a worker, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// The masters' URLs.
    #[serde(rename = "u")]
    pub urls: Vec<String>,
    /// SHA-256 in hexadecimal digits of certificates that masters' chains hold; none: this machine's authorities
    /// decide.
    #[serde(rename = "p")]
    pub pins: Vec<String>,
    #[serde(rename = "s")]
    pub secret: String,
}

/// Why a text is no invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    #[error("this is a token for the API, not an invitation: those begin with {PREFIX}")]
    Token,
    #[error("this is no invitation: those begin with {PREFIX}")]
    Other,
    #[error("the invitation is not complete or was changed: copy the whole line")]
    Damaged,
    #[error("the invitation is of another version of scaleout: use the same version here as there")]
    Version,
}

impl Invitation {
    /// The line to copy.
    pub fn text(&self) -> String {
        let mut bytes = serde_json::to_vec(self).expect("texts can be written as JSON");
        let check: [u8; 32] = Sha256::digest(&bytes).into();
        bytes.extend_from_slice(&check[..CHECK_BYTES]);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// # Errors
    /// It is none, or not whole.
    pub fn read(text: &str) -> Result<Self, InvitationError> {
        let text = text.trim();
        let Some(body) = text.strip_prefix(PREFIX) else {
            return Err(if text.starts_with("so_") {
                InvitationError::Token
            } else {
                InvitationError::Other
            });
        };
        if text.len() > TEXT_MAX {
            return Err(InvitationError::Damaged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| InvitationError::Damaged)?;
        let at = bytes.len().checked_sub(CHECK_BYTES).ok_or(InvitationError::Damaged)?;
        let (json, check) = bytes.split_at(at);
        if Sha256::digest(json)[..CHECK_BYTES] != *check {
            return Err(InvitationError::Damaged);
        }
        serde_json::from_slice(json).map_err(|_| InvitationError::Version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_comes_back_whole_or_not_at_all() {
        let invitation = Invitation {
            urls: vec!["https://m1:8391".to_owned(), "https://m2:8391".to_owned()],
            pins: vec!["ab".repeat(32)],
            secret: "cd".repeat(32),
        };
        let text = invitation.text();
        assert_eq!(Invitation::read(&format!(" {text}\n")), Ok(invitation));
        for end in PREFIX.len()..text.len() {
            assert_eq!(Invitation::read(&text[..end]), Err(InvitationError::Damaged), "{end}");
        }
        let changed = text.replacen('J', "K", 1);
        assert!(changed == text || Invitation::read(&changed).is_err());
        assert_eq!(Invitation::read("so_0123"), Err(InvitationError::Token));
        assert_eq!(Invitation::read("hello"), Err(InvitationError::Other));
    }
}
