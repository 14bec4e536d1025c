#!/bin/sh
# report.sh TOP: prints the report on what is loaded, and writes its main numbers as the result of
# the execution. Reads only.
set -eu
. ./warehouse.sh

warehouse --set=top="$1" --set=late_minutes="$LATE_MINUTES" --set=result="$SCALEOUT_RESULT" \
    --file=report.sql
