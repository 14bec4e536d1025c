#!/bin/sh
# The fuzz run, on private servers that end with it. SEED: which inputs (1); SECONDS: for how long each of decoder,
# expressions and API (600). Failing inputs go to target/fuzz. Exits as the run does.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

sh deploy/install.sh
cargo build --quiet --locked --workspace --bins
exec "$programs/scaleout-servers" run -- "$programs/scaleout-fuzz" all \
    --seed "${SEED:-1}" --seconds "${SECONDS:-600}" --folder "${CARGO_TARGET_DIR:-target}/fuzz"
