#!/bin/sh
# The steps of the demo, beside a running `scaleout dev`, which sets SCALEOUT_URL, SCALEOUT_TOKEN and
# SCALEOUT_DEV_POSTGRES. Shows every command before it runs. Ends at the first that fails, with its code.
set -eu

MONTHS=1,2,3,4,5,6,7,8,9,10,11,12
AIRPORTS=EWR,JFK,LGA

heading() {
    printf '\n== %s\n\n' "$1"
}

run() {
    printf '$ %s\n' "$*"
    "$@"
}

# The newest execution of a package.
newest() {
    scaleout execution list --package "$1" --limit 1 | awk 'NR == 2 { print $1 }'
}

heading "Deploy a project: a year of flights from New York, and the weather they met"
run scaleout project deploy examples/nyc-flights --folder demo

heading "Tell it where its warehouse is (the value is sensitive: encrypted, and masked wherever it is shown)"
printf '%s\n' '$ scaleout project set demo/nyc-flights warehouse_url="$SCALEOUT_DEV_POSTGRES"'
scaleout project set demo/nyc-flights warehouse_url="$SCALEOUT_DEV_POSTGRES"

heading "Make the tables"
run scaleout enqueue demo/nyc-flights/prepare --wait

heading "Load 336,776 flights: 12 months at 3 airports, 36 executions in one batch"
run scaleout enqueue demo/nyc-flights/load-month --each month=$MONTHS --each airport=$AIRPORTS --wait

heading "Who ran them"
scaleout execution list --package demo/nyc-flights/load-month --limit 1000 | awk '
    NR > 1 { ran[$5]++; if ($3 == "succeeded") succeeded[$5]++; all++ }
    END {
        printf "%-10s %10s %10s\n", "WORKER", "EXECUTIONS", "SUCCEEDED"
        for (worker in ran) printf "%-10s %10d %10d\n", worker, ran[worker], succeeded[worker] | "sort"
        close("sort")
        printf "%-10s %10d\n", "all", all
    }'

heading "The answer: what the weather costs"
run scaleout enqueue demo/nyc-flights/report --wait
report=$(newest demo/nyc-flights/report)
printf '\n'
run scaleout execution logs "$report" --type stdout --plain

heading "The whole at a glance"
run scaleout status
