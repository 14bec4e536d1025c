#!/bin/sh
# Measures how soon work goes on after the loss of a worker, a master, the broker; on private servers.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain
sh deploy/install.sh
cargo build --quiet --locked --workspace --bins
exec "$programs/scaleout-servers" run -- "$programs/scaleout-recovery"
