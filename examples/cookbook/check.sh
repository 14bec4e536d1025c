#!/bin/sh
# Whether a CSV file has the columns that orders have: check.sh FILE
set -eu
head -n 1 "$1" | grep -qx 'day,region,amount' || { echo "$1 does not begin with day,region,amount" >&2; exit 2; }
