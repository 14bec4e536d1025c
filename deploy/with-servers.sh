#!/bin/sh
# Runs a command beside temporary private servers, which end with it:
#   deploy/with-servers.sh cargo test -p scaleout-broker
# The command finds them in SCALEOUT_TEST_POSTGRES, SCALEOUT_TEST_AMQP and SCALEOUT_TEST_RABBITMQ_MANAGEMENT.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || {
    printf 'usage: %s COMMAND [ARGUMENT...]\n' "$0" >&2
    exit 2
}
cargo build --quiet --manifest-path "$here/../Cargo.toml" -p scaleout-local --bin scaleout-servers
exec "${CARGO_TARGET_DIR:-$here/../target}/debug/scaleout-servers" run -- "$@"
