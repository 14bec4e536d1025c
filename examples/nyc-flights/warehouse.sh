# The way into the warehouse, read by the other scripts with `.`: warehouse() runs psql on
# $DATABASE_URL and stops at the first error. Needs a psql; prints nothing of its own but errors.

# Package managers that keep several PostgreSQLs put psql outside PATH.
find_psql() {
    for candidate in "$(command -v psql || true)" \
        /usr/lib/postgresql/*/bin/psql /usr/pgsql-*/bin/psql \
        /opt/homebrew/opt/postgresql@*/bin/psql /usr/local/opt/postgresql@*/bin/psql \
        /opt/homebrew/opt/libpq/bin/psql /usr/local/opt/libpq/bin/psql; do
        if [ -x "$candidate" ]; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    echo "found no psql on PATH or in the usual places: install the PostgreSQL client" >&2
    return 1
}

warehouse() {
    psql=$(find_psql) || return 1
    PGAPPNAME="scaleout $SCALEOUT_EXECUTION_ID" PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=10 \
        "$psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$@" "$DATABASE_URL"
}
