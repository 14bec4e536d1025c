//! For the tests of every crate: a fresh database or virtual host on the servers that the test run was
//! started with. Owns nothing; the servers, and so all that is made here, end with the run.

use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::management::Management;

/// URL of the superuser's database `postgres`.
pub const POSTGRES_VARIABLE: &str = "SCALEOUT_TEST_POSTGRES";
/// AMQP URL of virtual host `/`.
pub const AMQP_VARIABLE: &str = "SCALEOUT_TEST_AMQP";
/// URL of RabbitMQ's management plugin, with user and password.
pub const MANAGEMENT_VARIABLE: &str = "SCALEOUT_TEST_RABBITMQ_MANAGEMENT";

/// An empty database of a test's own.
#[derive(Clone, Debug)]
pub struct TestDatabase {
    /// `postgres://…`, as superuser.
    pub url: String,
    /// Its name.
    pub name: String,
}

/// An empty virtual host of a test's own.
#[derive(Clone, Debug)]
pub struct TestVhost {
    /// `amqp://…`, as administrator.
    pub amqp_url: String,
    /// Its name.
    pub name: String,
}

/// Makes a new database.
///
/// # Panics
/// When the run was started without servers, or they refuse.
pub async fn database() -> TestDatabase {
    let admin = variable(POSTGRES_VARIABLE);
    let name = unique_name();
    let (client, connection) =
        tokio_postgres::connect(&admin, NoTls).await.expect("the test PostgreSQL can be reached");
    let driver = tokio::spawn(connection);
    client.batch_execute(&format!("create database {name}")).await.expect("a test database can be made");
    drop(client);
    driver.await.expect("the connection's task ends").expect("the connection ends well");
    TestDatabase { url: replace_path(&admin, &name), name }
}

/// Makes a new virtual host, on which the tests' user may do everything.
///
/// # Panics
/// When the run was started without servers, or they refuse.
pub async fn vhost() -> TestVhost {
    let management = Management::from_url(&variable(MANAGEMENT_VARIABLE)).expect("a management URL");
    let name = unique_name();
    management.create_vhost(&name).await.expect("a test virtual host can be made");
    TestVhost { amqp_url: replace_path(&variable(AMQP_VARIABLE), &name), name }
}

/// How many messages were published in a virtual host until some seconds ago; `None`: none were, or it is not known yet.
///
/// # Panics
/// When the servers do not answer.
pub async fn published(vhost: &TestVhost) -> Option<u64> {
    let management = Management::from_url(&variable(MANAGEMENT_VARIABLE)).expect("a management URL");
    management.published(&vhost.name).await.expect("the broker tells what it did")
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: these tests need servers; run them through `make test` or \
             `deploy/with-servers.sh cargo test …`"
        )
    })
}

fn unique_name() -> String {
    format!("test_{}", Uuid::new_v4().simple())
}

/// Both kinds of URL are `scheme://user:password@host:port/path`.
fn replace_path(url: &str, path: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("the variable holds a URL with a path");
    format!("{server}/{path}")
}

#[cfg(test)]
mod tests {
    use super::replace_path;

    #[test]
    fn the_path_of_a_url_is_replaced() {
        assert_eq!(
            replace_path("amqp://u:p@127.0.0.1:5672/%2f", "test_1"),
            "amqp://u:p@127.0.0.1:5672/test_1"
        );
        assert_eq!(
            replace_path("postgres://u:p@127.0.0.1:5432/postgres", "a"),
            "postgres://u:p@127.0.0.1:5432/a"
        );
    }
}
