#!/bin/sh
# Format and lints of the whole workspace; warnings are errors. Changes nothing, needs no servers.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain
need_component fmt
need_component clippy

heading "format"
cargo fmt --all --check

heading "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings
