#!/bin/sh
# Builds Scaleout and starts everything on this machine; Ctrl-C stops it. WORKERS: how many workers (2).
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

sh deploy/install.sh
cargo build --locked --package scaleout
# The commands that it shows are to be typed as they stand.
printf '\nIn other terminals, so that they find the program:\n  export PATH="%s:$PATH"\n\n' "$programs"
exec "$programs/scaleout" dev --workers "${WORKERS:-2}"
