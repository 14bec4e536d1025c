#!/bin/sh
# Installs what `make bench` compares with into the folder $1: Celery and Dramatiq (Python), graphile-worker (Node), at the
# versions of benches/peers. Installs Python's venv, Node and npm themselves, if they are missing, as deploy/install.sh
# installs servers: Debian and Ubuntu with apt-get, macOS with Homebrew. Exit codes: 0 all is there, 1 it is not.
set -eu

say() { printf 'peers: %s\n' "$*" >&2; }

# As old as the packages allow.
have_python() { python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
have_node() { command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi
}

install_tools() {
    case $(uname -s) in
    Darwin) HOMEBREW_NO_AUTO_UPDATE=1 brew install --quiet python node ;;
    *)
        as_root apt-get -qq update
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends \
            python3 python3-venv nodejs npm >/dev/null
        ;;
    esac
}

folder=$1
here=$(dirname "$0")/../benches/peers
mkdir -p "$folder/app"
cp "$here"/* "$folder/app/"
if ! have_python || ! have_node; then
    say "installing Python and Node"
    install_tools
fi
have_python && have_node || { say "Python 3.11 or later, with venv, and Node with npm are needed"; exit 1; }
# A virtual environment that is half made is made anew.
wanted=$( (python3 --version && node --version && cat "$here/requirements.txt" "$here/package-lock.json") | cksum)
if [ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ]; then
    say "installing Celery, Dramatiq and graphile-worker into $folder"
    rm -rf "$folder/venv" "$folder/app/node_modules" "$folder/installed"
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$folder/app/requirements.txt"
    (cd "$folder/app" && npm ci --silent --no-audit --no-fund)
    printf '%s\n' "$wanted" >"$folder/installed"
fi
: >"$folder/log"
