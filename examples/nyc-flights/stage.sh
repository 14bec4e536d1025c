#!/bin/sh
# stage.sh flights|weather AIRPORT MONTH: unpacks one slice of the data and puts it into its staging
# table, in place of what this execution had staged before, in one transaction: it can be run again
# at any time. For flights, writes the result of the execution.
set -eu
. ./warehouse.sh

kind=$1 airport=$2 month=$3
case $kind in
flights) columns=5 ;;
weather) columns=7 ;;
*) echo "stage.sh stages flights or weather, not '$kind'" >&2; exit 2 ;;
esac

slice=data/$kind/2013-$(printf %02d "$month")-$airport.csv.gz
if [ ! -f "$slice" ]; then
    echo "there is no $slice: airport is EWR, JFK or LGA, month is 1 to 12" >&2
    exit 1
fi

# Unpacked to a file first: a pipe would hide a damaged archive, and load half of it.
gunzip -c "$slice" >"$SCALEOUT_WORK_DIR/$kind.unpacked"
awk -F, -v execution="$SCALEOUT_EXECUTION_ID" -v airport="$airport" -v month="$month" \
    -v columns="$columns" '
    NF != columns {
        printf "line %d has %d columns, wanted %d\n", NR, NF, columns > "/dev/stderr"
        exit 1
    }
    NR > 1 { print execution "," NR "," airport "," month "," $0 }
' "$SCALEOUT_WORK_DIR/$kind.unpacked" >"$SCALEOUT_WORK_DIR/$kind.csv"

cd "$SCALEOUT_WORK_DIR"
warehouse --single-transaction --set=execution="$SCALEOUT_EXECUTION_ID" --file=- <<SQL
delete from nyc.staged_$kind where execution = :'execution';
\\copy nyc.staged_$kind from '$kind.csv' with (format csv)
SQL

rows=$(awk 'END { print NR }' "$kind.csv")
echo "staged $rows rows of $kind of $airport, month $month"
if [ "$kind" = flights ]; then
    awk -F, -v airport="$airport" -v month="$month" '
        $NF == "" { canceled++ }
        END {
            printf "{\"airport\":\"%s\",\"month\":%d,", airport, month
            printf "\"flights\":%d,\"canceled\":%d}\n", NR, canceled
        }
    ' "$kind.csv" >"$SCALEOUT_RESULT"
fi
