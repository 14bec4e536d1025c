//! Everything AMQP: topology, connection supervisor, publish, consume.
