//! The one binary: arguments, settings, output; starts master and worker.

fn main() {}
