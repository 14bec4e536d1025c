//! URLs of the settings as logs and errors may show them.

use secrecy::{ExposeSecret, SecretString};

/// `url` with its password masked, for logs and errors.
pub fn without_password(url: &SecretString) -> String {
    let url = url.expose_secret();
    let Some((scheme, rest)) = url.split_once("://") else { return "(not a URL)".to_owned() };
    let Some((user, host)) = rest.rsplit_once('@') else {
        return format!("{scheme}://{}", masked_query(rest));
    };
    let user = user.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{}", masked_query(host))
}

/// PostgreSQL takes passwords behind the question mark, too.
fn masked_query(rest: &str) -> String {
    let Some((place, query)) = rest.split_once('?') else { return rest.to_owned() };
    let masked = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().ends_with("password") => format!("{key}=***"),
        _ => pair.to_owned(),
    };
    format!("{place}?{}", query.split('&').map(masked).collect::<Vec<_>>().join("&"))
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
        assert_eq!(masked("postgres://h/d?user=u&password=s3cret"), "postgres://h/d?user=u&password=***");
        assert_eq!(
            masked("postgres://u:s3cret@h/d?sslpassword=s3cret&x=1"),
            "postgres://u:***@h/d?sslpassword=***&x=1"
        );
        assert_eq!(masked("nonsense"), "(not a URL)");
    }
}
