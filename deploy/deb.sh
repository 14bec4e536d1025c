#!/bin/sh
# Builds the Debian package into target/deb with `cargo deb` (metadata in cli/Cargo.toml), which is installed beside the
# build if it is missing. BINARY: a program that is there already, instead of a release build. Prints the package's path.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

CARGO_DEB_VERSION=3.8.0

target=${CARGO_TARGET_DIR:-$PWD/target}
# Wherever cargo builds: cli/Cargo.toml takes what is generated from here.
made=$PWD/target/deb
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
package=$made/scaleout_$version-1_$(dpkg --print-architecture).deb

if cargo deb --version >/dev/null 2>&1; then
    cargo_deb="cargo deb"
else
    # Little optimised: it runs once, for a second.
    [ -x "$target/tools/bin/cargo-deb" ] || CARGO_PROFILE_RELEASE_OPT_LEVEL=1 cargo install --quiet --locked \
        --root "$target/tools" cargo-deb --version "$CARGO_DEB_VERSION" >&2
    cargo_deb="$target/tools/bin/cargo-deb deb"
fi

if [ -z "${BINARY:-}" ]; then
    cargo build --release --locked --package scaleout >&2
    binary=$target/release/scaleout
else
    binary=$BINARY
fi

rm -rf "$made/man" "$made/completions"
mkdir -p "$made/completions"
"$binary" man --out "$made/man" 2>/dev/null
"$binary" completions bash >"$made/completions/scaleout"
"$binary" completions zsh >"$made/completions/_scaleout"
"$binary" completions fish >"$made/completions/scaleout.fish"
# The notes for people are CHANGELOG.md; this file is what Debian's tools read.
cat >"$made/changelog" <<END
scaleout ($version-1) stable; urgency=medium

  * Version $version: see CHANGELOG.md of the source.

 -- The Scaleout authors <scaleout@localhost>  $(date -R -d "@$(git log -1 --format=%ct 2>/dev/null || echo 0)")
END

# `cargo deb` packs what a release build has left in its target folder: here, what was asked for, without symbols.
mkdir -p "$made/staged/release"
strip -o "$made/staged/release/scaleout" "$binary"
CARGO_TARGET_DIR=$made/staged $cargo_deb --package scaleout --no-build --no-strip --no-separate-debug-symbols --fast \
    --deb-version "$version-1" --output "$package" >&2
printf '%s\n' "$package"
