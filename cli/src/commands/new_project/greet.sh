#!/bin/sh
# What it prints is the package's log; what it leaves in $SCALEOUT_RESULT, as JSON, its result.
set -eu
printf 'Hello, %s! Your name has %s letters.\n' "$1" "$2"
printf '{"letters": %s}\n' "$2" > "$SCALEOUT_RESULT"
