#!/bin/sh
# Prints whether the file is there; if it is not, a second later: wait-a-second.sh FILE
set -eu
if test -e "$1"; then echo true; else sleep 1; echo false; fi
