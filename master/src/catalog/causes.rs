//! Errors with their causes, in one line. Owns nothing.

use std::error::Error;

use tokio_postgres::error::DbError;

/// The error and its causes, outermost first. What the server said stands for itself: around it tokio-postgres says
/// only "db error".
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    if let Some(tls) = scaleout_tls::tls_error(error) {
        return scaleout_tls::explain(tls, "the setting postgres.ca_file, or sslrootcert in its URL");
    }
    let chain = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = chain.filter(|error| !wraps_server(*error)).map(text).collect();
    texts.join(": ")
}

fn wraps_server(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<tokio_postgres::Error>().is_some_and(|error| error.as_db_error().is_some())
}

fn text(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<DbError>() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot go on")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_what_they_caused() {
        assert_eq!(causes(&Outer(std::io::Error::other("no disk"))), "cannot go on: no disk");
    }
}
