#!/bin/sh
# Rehearses a rolling upgrade: builds the version before (PREVIOUS, a commit; else the last one whose version is
# another) and runs it beside this one, in every combination of masters and workers, while packages run.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain
sh deploy/install.sh

version_at() {
    git show "$1:Cargo.toml" | sed -n 's/^version = "\(.*\)"$/\1/p' | head -n 1
}

previous=${PREVIOUS:-}
if [ -z "$previous" ]; then
    ours=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
    for commit in $(git rev-list HEAD -- Cargo.toml); do
        # The first parent of the commit that raised the version.
        [ "$(version_at "$commit^")" = "$ours" ] && continue
        previous=$(git rev-parse "$commit^")
        break
    done
fi
[ -n "$previous" ] || { echo "rehearse: no commit of another version found; name one: PREVIOUS=COMMIT" >&2; exit 2; }

target=${CARGO_TARGET_DIR:-$PWD/target}
source=$target/rehearse/source
heading "build the version before: $(version_at "$previous"), $previous"
rm -rf "$source"
mkdir -p "$source"
git archive "$previous" | tar -x -C "$source"
CARGO_TARGET_DIR="$target/rehearse/build" cargo build --locked --manifest-path "$source/Cargo.toml" -p scaleout

heading "build this version: $(version_at HEAD)"
cargo build --locked -p scaleout -p scaleout-local -p scaleout-tests --tests --bins

heading "the rehearsal"
SCALEOUT_PREVIOUS=$target/rehearse/build/debug/scaleout \
    "$programs/scaleout-servers" run -- cargo test --locked -p scaleout-tests --test upgrade -- --ignored --nocapture
