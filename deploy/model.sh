#!/bin/sh
# The protocol's model in larger scopes than `make test` visits: minutes to hours, and gigabytes. Names of scopes as
# arguments choose among them.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

exec cargo run --quiet --locked --package scaleout-model -- "$@"
