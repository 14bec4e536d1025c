#!/bin/sh
# Everything that is checked: format, lints, and every test of the workspace on private servers, which are
# installed if they are missing and end with the run. Exits 0 only if all of it is well.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

sh deploy/install.sh
sh deploy/check.sh

# All targets at once: one set of features, so nothing is compiled twice, and the end-to-end tests find the
# program that they start.
heading "build"
cargo build --workspace --all-targets --locked

sh deploy/deb-test.sh

heading "tests"
# A record that outlives the scroll: what failed is said again at the end, with its reasons.
record=$(mktemp)
trap 'rm -f "$record"' EXIT
tests() { "$programs/scaleout-servers" run -- cargo test --workspace --locked --no-fail-fast 2>&1; }
{ tests || echo "tests-failed"; } | tee "$record" | grep --line-buffered -v '^tests-failed$'
if grep -q '^tests-failed$' "$record"; then
    heading "what failed, once more"
    grep -A 12 " panicked at " "$record" | tail -n 120 || true
    grep "^test result: \|^error: \| \.\.\. FAILED$" "$record" | grep -v "^test result: ok" || true
    exit 1
fi
