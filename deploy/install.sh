#!/bin/sh
# Installs the servers that Scaleout's private servers need, if they are missing: RabbitMQ (with Erlang)
# and PostgreSQL 15 or later. It starts no service, enables none, and touches none that is there.
# Debian and Ubuntu with apt-get (as root or through sudo), macOS with Homebrew. Says nothing when
# nothing is to do. Exit codes: 0 all is there, 1 something could not be installed, 130 interrupted.
set -eu

POSTGRES_VERSION_MIN=15
POLICY=/usr/sbin/policy-rc.d
POLICY_SAVED=$POLICY.scaleout-saved
POLICY_MARK='# placed by deploy/install.sh of Scaleout for the duration of one installation'
CREATE_CLUSTER=/etc/postgresql-common/createcluster.conf
CREATE_CLUSTER_SAVED=$CREATE_CLUSTER.scaleout-saved
# Root's folder: in one that everybody may write, another user could put a link to any file in its place.
LOCK=/run/scaleout-install.lock

say() { printf 'install: %s\n' "$*"; }

fail() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}

# ---- what is there ---------------------------------------------------------------------------------

have_rabbitmq() {
    command -v erl >/dev/null 2>&1 || [ -x /opt/homebrew/bin/erl ] || [ -x /usr/local/bin/erl ] || return 1
    # /usr/sbin/rabbitmq-server of Debian is a wrapper that is of no use to ordinary users.
    for script in /usr/lib/rabbitmq/bin/rabbitmq-server /opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server \
        /usr/local/opt/rabbitmq/sbin/rabbitmq-server /usr/local/lib/rabbitmq/sbin/rabbitmq-server \
        /opt/rabbitmq/sbin/rabbitmq-server; do
        [ -x "$script" ] && return 0
    done
    return 1
}

have_postgres() {
    for folder in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
        if [ ! -x "$folder/initdb" ] || [ ! -x "$folder/postgres" ]; then continue; fi
        version=${folder%/bin}
        version=${version##*/}
        version=${version##*@}
        [ "$version" -ge "$POSTGRES_VERSION_MIN" ] 2>/dev/null && return 0
    done
    command -v postgres >/dev/null 2>&1 && command -v initdb >/dev/null 2>&1 || return 1
    version=$(postgres --version | sed -n 's/^[^0-9]*\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge "$POSTGRES_VERSION_MIN" ]
}

find_missing() {
    missing=
    have_rabbitmq || missing=rabbitmq
    have_postgres || missing="$missing postgres"
}

# ---- macOS -----------------------------------------------------------------------------------------

# Homebrew starts no service unless `brew services` is asked to.
install_with_homebrew() {
    command -v brew >/dev/null 2>&1 || fail "Homebrew is needed to install:$1. See https://brew.sh, then run this again"
    for what in $1; do
        case $what in
        rabbitmq) formula=rabbitmq ;;
        postgres) formula=postgresql@17 ;;
        esac
        say "installing $formula with Homebrew"
        HOMEBREW_NO_AUTO_UPDATE=1 HOMEBREW_NO_INSTALL_UPGRADE=1 brew install --quiet "$formula"
    done
}

# ---- Debian and Ubuntu -----------------------------------------------------------------------------

# Puts both files back as they were. Also run first, for what a killed run left behind.
restore() {
    if [ -e "$POLICY_SAVED" ] || [ -L "$POLICY_SAVED" ]; then
        mv -f "$POLICY_SAVED" "$POLICY"
    elif [ -f "$POLICY" ] && grep -qF "$POLICY_MARK" "$POLICY"; then
        rm -f "$POLICY"
    fi
    if [ -e "$CREATE_CLUSTER_SAVED" ]; then
        mv -f "$CREATE_CLUSTER_SAVED" "$CREATE_CLUSTER"
    fi
}

# Whether a killed run could not put them back.
left_behind() {
    [ -e "$POLICY_SAVED" ] || [ -L "$POLICY_SAVED" ] || [ -e "$CREATE_CLUSTER_SAVED" ] ||
        grep -qsF "$POLICY_MARK" "$POLICY"
}

# Forbids every start, stop and restart by package scripts. The file is moved, not copied, so that owner,
# mode and times come back exactly.
block_services() {
    if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
        mv -f "$POLICY" "$POLICY_SAVED"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY.scaleout-new"
    chmod 755 "$POLICY.scaleout-new"
    mv -f "$POLICY.scaleout-new" "$POLICY"
}

# Without this, installing a PostgreSQL server makes a cluster that starts with the machine.
block_main_cluster() {
    [ -e "$CREATE_CLUSTER" ] || apt_install postgresql-common
    cp -p "$CREATE_CLUSTER" "$CREATE_CLUSTER_SAVED.part"
    mv -f "$CREATE_CLUSTER_SAVED.part" "$CREATE_CLUSTER_SAVED"
    rm -f "$CREATE_CLUSTER"
    {
        sed 's/^[[:space:]]*create_main_cluster/#&/' "$CREATE_CLUSTER_SAVED"
        printf '\ncreate_main_cluster = false\n'
    } >"$CREATE_CLUSTER"
}

# The package lists are fetched once, and only when they do not know the package.
candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '^(none)$' || true
}

update_if_unknown() {
    [ -n "$(candidate "$1")" ] || update_lists
}

update_lists() {
    [ -z "${updated:-}" ] || return 0
    say "fetching the package lists"
    apt-get -qq update 9>&- || fail "apt-get update failed; is the network there?"
    updated=1
}

# --no-upgrade: what is installed already stays as it is. needrestart would restart servers of others.
apt_install() {
    log=$(mktemp)
    attempt_install "$@" >"$log" 2>&1 && rm -f "$log" && return 0
    # Old lists name files that the mirror no longer has.
    (update_lists) || give_up "$log" "$@"
    updated=1
    attempt_install "$@" >"$log" 2>&1 && rm -f "$log" && return 0
    give_up "$log" "$@"
}

give_up() {
    tail -n 20 "$1" >&2
    rm -f "$1"
    shift
    fail "apt-get install $* failed; its last lines are above"
}

attempt_install() {
    DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l \
        apt-get -qq -y -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
        install --no-install-recommends --no-upgrade "$@" </dev/null 9>&-
}

# A package enables its units for the next boot even when it may not start them now. Only units that were
# not there before are switched off.
disable_new_units() {
    for unit in rabbitmq-server.service epmd.service epmd.socket; do
        case " $units_before " in *" $unit "*) continue ;; esac
        unit_exists "$unit" || continue
        if command -v systemctl >/dev/null 2>&1; then
            systemctl -q --no-reload disable "$unit" >/dev/null 2>&1 || true
        elif [ "$unit" = rabbitmq-server.service ]; then
            update-rc.d rabbitmq-server disable >/dev/null 2>&1 || true
        fi
    done
}

unit_exists() {
    [ -e "/lib/systemd/system/$1" ] || [ -e "/usr/lib/systemd/system/$1" ] || [ -e "/etc/systemd/system/$1" ] ||
        { [ "$1" = rabbitmq-server.service ] && [ -e /etc/init.d/rabbitmq-server ]; }
}

install_rabbitmq() {
    units_before=
    for unit in rabbitmq-server.service epmd.service epmd.socket; do
        if unit_exists "$unit"; then units_before="$units_before $unit"; fi
    done
    update_if_unknown rabbitmq-server
    [ -n "$(candidate rabbitmq-server)" ] || fail "apt knows no package rabbitmq-server; add the archive that has it (on Ubuntu: universe)"
    say "installing rabbitmq-server (its service is neither started nor enabled)"
    apt_install rabbitmq-server
    disable_new_units
}

install_postgres() {
    update_if_unknown postgresql
    # Candidates look like 15+248+deb12u1 or 16+257build1.1.
    version=$(candidate postgresql | sed 's/[^0-9].*//')
    [ "${version:-0}" -ge "$POSTGRES_VERSION_MIN" ] ||
        fail "PostgreSQL $POSTGRES_VERSION_MIN or later is needed, apt offers ${version:-none}; add the archive of apt.postgresql.org, then run this again"
    say "installing postgresql-$version (no cluster is made, no service started)"
    block_main_cluster
    apt_install "postgresql-$version"
}

install_with_apt() {
    [ "$(id -u)" -eq 0 ] || become_root
    # One installation at a time: two would restore each other's files.
    exec 9>"$LOCK"
    flock 9
    if left_behind; then
        say "putting back what a killed installation left changed"
        restore
    fi
    find_missing
    [ -n "$missing" ] || return 0
    trap 'restore' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    block_services
    for what in $missing; do
        "install_$what"
    done
    restore
    trap - EXIT INT TERM HUP
}

become_root() {
    command -v sudo >/dev/null 2>&1 || fail "run this as root, or install sudo; missing:$missing"
    say "asking sudo for the right to install"
    exec sudo -- sh "$0"
}

# ---- all -------------------------------------------------------------------------------------------

find_missing
[ -n "$missing" ] || left_behind || exit 0
missing=" ${missing# }"

case $(uname -s) in
Darwin) install_with_homebrew "$missing" ;;
*)
    command -v apt-get >/dev/null 2>&1 ||
        fail "this system has no apt-get; install by hand:$missing (RabbitMQ 3.10 or later with Erlang, PostgreSQL $POSTGRES_VERSION_MIN or later)"
    install_with_apt
    ;;
esac

find_missing
[ -z "$missing" ] || fail "installed, but still not found: $missing"
say "done; no service was started"
