//! Private RabbitMQ and PostgreSQL servers on this machine, for dev, tests and benches.
