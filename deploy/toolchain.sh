# Read by the other scripts with `.`, from the repository's folder: finds Rust, or says how to get it.
# Sets `programs`, the folder where built programs are.

need_toolchain() {
    if ! command -v cargo >/dev/null 2>&1 && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
    command -v cargo >/dev/null 2>&1 ||
        refuse "Rust is needed to build Scaleout, and there is no cargo in PATH" "install it from https://rustup.rs"
    command -v cc >/dev/null 2>&1 ||
        refuse "a C compiler is needed to build Scaleout, and there is no cc in PATH" \
            "on Debian and Ubuntu: apt-get install gcc libc6-dev; on macOS: xcode-select --install"
}

# need_component NAME: fmt or clippy, which some installations of Rust leave out.
need_component() {
    cargo "$1" --version >/dev/null 2>&1 ||
        refuse "this Rust has no cargo $1" "rustup component add rustfmt clippy"
}

refuse() {
    printf '%s: %s\n  %s\n' "$0" "$1" "$2" >&2
    exit 3
}

heading() {
    printf '\n== %s\n\n' "$1"
}

programs=${CARGO_TARGET_DIR:-target}/debug
case $programs in
/*) ;;
*) programs=$PWD/$programs ;;
esac
