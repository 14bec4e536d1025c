#!/bin/sh
# Shows Scaleout at work: installs the servers if they are missing, builds, starts everything in a temporary
# folder, runs deploy/demo-steps.sh beside it, and leaves nothing behind. Exits as the steps do.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

sh deploy/install.sh

heading "Building (the first time takes some minutes)"
cargo build --locked --package scaleout

# What the user's own shell points at is not for this.
unset SCALEOUT_URL SCALEOUT_TOKEN SCALEOUT_SETTINGS
PATH="$programs:$PATH"
export PATH

folder=$(mktemp -d "${TMPDIR:-/tmp}/scaleout-demo.XXXXXX")
# Root's servers run as other users, who must get through.
[ "$(id -u)" -ne 0 ] || chmod 711 "$folder"

clean_up() {
    if [ -e "$folder/data/dev.lock" ]; then
        scaleout dev destroy --data-dir "$folder/data" --yes >/dev/null 2>&1 || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

heading "Starting a private RabbitMQ and PostgreSQL, a master, and three workers"
scaleout dev --workers 3 --data-dir "$folder/data" --port 0 -- sh deploy/demo-steps.sh

heading "That was all: nothing runs on, nothing is left"
cat <<'END'
To go on yourself:

  make dev                                   # starts it again, to stay; then, in another terminal:
  export PATH="$PWD/target/debug:$PATH"
  scaleout project deploy examples/hello --folder demo
  scaleout enqueue demo/hello/hello --each name=Ada,Grace,Barbara --wait
  scaleout execution list

How to write packages is in docs/packages.md, how all of it works in ARCHITECTURE.md.
END
