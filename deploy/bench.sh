#!/bin/sh
# Measures throughput, latency and work on private servers that wait for the disk, with programs as they are released,
# and writes benches/RESULTS.md. `standard` takes up to a quarter of an hour, besides the building; `full` measures four times
# as much, and what takes long.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain
sh deploy/install.sh
cargo build --quiet --locked --release --workspace --bins
peers=$(dirname "$programs")/peers
programs=$(dirname "$programs")/release
if sh deploy/peers.sh "$peers"; then
    export SCALEOUT_BENCH_PEERS="$peers"
else
    echo "make bench: the peers cannot be installed, and are left out" >&2
fi
commit=$(git rev-parse --short HEAD 2>/dev/null) || commit="no commit"
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || commit="$commit, changed"
export SCALEOUT_BENCH_COMMIT="$commit"
exec "$programs/scaleout-servers" run --durable -- "$programs/scaleout-bench" "${1:-standard}" benches
