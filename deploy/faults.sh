#!/bin/sh
# The fault run, and the soak: deploy/faults.sh run|soak [SECONDS [text|json [SEED]]]. An empty argument is as none.
# Installs the servers if they are missing, and libfaketime where apt-get has it. Exits as the run does.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

what=${1:-run}
sh deploy/install.sh

# Clock jumps need it; without it the run says loudly that they were left out.
have_faketime() {
    for library in /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib*/faketime/libfaketimeMT.so.1 \
        /usr/local/lib/faketime/libfaketimeMT.so.1; do
        [ -e "$library" ] && return 0
    done
    return 1
}
if ! have_faketime && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends libfaketime >/dev/null 2>&1 ||
        printf 'faults: libfaketime cannot be installed; clocks will not jump\n' >&2
fi

cargo build --quiet --locked --workspace --bins
format=${3:-text}
case $what in
run) exec "$programs/scaleout-faults" run --seconds "${2:-600}" --format "$format" --seed "${4:-1}" ;;
soak) exec "$programs/scaleout-faults" soak --seconds "${2:-3600}" --format "$format" ;;
*)
    printf 'usage: %s run|soak [SECONDS [text|json [SEED]]]\n' "$0" >&2
    exit 2
    ;;
esac
