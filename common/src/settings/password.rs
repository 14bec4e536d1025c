//! URLs of the settings as logs and errors may show them.

use secrecy::{ExposeSecret, SecretString};

/// `url` with its password masked, for logs and errors.
pub fn without_password(url: &SecretString) -> String {
    let url = url.expose_secret();
    let Some((scheme, rest)) = url.split_once("://") else { return "(not a URL)".to_owned() };
    let Some((user, host)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        let masked = |url: &str| without_password(&SecretString::from(url.to_owned()));
        assert_eq!(masked("amqp://me:s3cret@host:1/v"), "amqp://me:***@host:1/v");
        assert_eq!(masked("amqp://me:p@ss@host:1/v"), "amqp://me:***@host:1/v");
        assert_eq!(masked("amqp://host:1/v"), "amqp://host:1/v");
        assert_eq!(masked("nonsense"), "(not a URL)");
    }
}
