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

heading "tests"
"$programs/scaleout-servers" run -- cargo test --workspace --locked --no-fail-fast

sh deploy/deb-test.sh
