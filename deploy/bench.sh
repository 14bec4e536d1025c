#!/bin/sh
# Measures throughput, latency and work on private servers that wait for the disk, with programs as they are released,
# and writes benches/RESULTS.md. `standard` took nine minutes here, besides the building; `full` measures four times as much.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain
sh deploy/install.sh
cargo build --quiet --locked --release --workspace --bins
programs=$(dirname "$programs")/release
exec "$programs/scaleout-servers" run --durable -- "$programs/scaleout-bench" "${1:-standard}" benches
