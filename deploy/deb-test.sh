#!/bin/sh
# Shows the Debian package at work in a clean Debian made by debootstrap: installed, changed by an operator, upgraded,
# removed, purged. Packs the program that `make test` has built. Needs root, debootstrap and a Debian mirror; without them
# it says loudly what was not tested, and ends well. Asks lintian, too, if it is there.
set -eu
cd "$(dirname "$0")/.."
. deploy/toolchain.sh
need_toolchain

skip() {
    printf '\nNOT TESTED: the Debian package in a clean root: %s\n' "$1" >&2
    exit 0
}

command -v dpkg-deb >/dev/null 2>&1 || skip "this system has no dpkg"
[ "$(id -u)" -eq 0 ] || skip "only root can make one"
if ! command -v debootstrap >/dev/null 2>&1; then
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends debootstrap >/dev/null 2>&1 ||
        skip "debootstrap cannot be installed"
fi

heading "the Debian package: build"
[ -x "$programs/scaleout" ] || cargo build --locked --package scaleout
new=$(BINARY="$programs/scaleout" sh deploy/deb.sh)
if command -v lintian >/dev/null 2>&1; then
    lintian --fail-on error,warning --allow-root "$new"
else
    printf 'NOT TESTED: lintian is not there\n' >&2
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/scaleout-deb.XXXXXX")
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# What is upgraded: the same package under a lower version.
dpkg-deb -R "$new" "$root/old"
sed -i 's/^Version: .*/Version: 0.0.1-1/' "$root/old/DEBIAN/control"
dpkg-deb -Znone -b "$root/old" "$root/old.deb" >/dev/null
rm -rf "$root/old"

heading "the Debian package: a clean root"
# What the package needs, and no systemd: nothing may depend on one that runs. Kept for the next time.
clean=target/deb/root.tar
if [ ! -e "$clean" ]; then
    suite=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-bookworm}")
    debootstrap --variant=minbase --include=systemd-standalone-sysusers,init-system-helpers \
        "$suite" "$root/clean" >"$root/log" 2>&1 || { tail -n 5 "$root/log" >&2; skip "debootstrap failed"; }
    tar -C "$root/clean" --exclude=./var/cache/apt --exclude=./usr/share/doc -cf "$clean.part" .
    mv "$clean.part" "$clean"
    rm -rf "$root/clean"
fi
tar -C "$root" -xf "$clean"
cp "$new" "$root/new.deb"

inside() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}

failed() {
    printf 'deb-test: %s\n' "$1" >&2
    exit 1
}

# expect WHAT FOUND WANTED
expect() {
    [ "$2" = "$3" ] || failed "$1: found $2, expected $3"
}

status() {
    inside dpkg-query -W -f '${db:Status-Abbrev}${Version}' scaleout 2>/dev/null || printf 'none'
}

heading "the Debian package: install"
inside dpkg -i /old.deb
expect "after installing" "$(status)" "ii 0.0.1-1"
expect "master.toml" "$(inside stat -c '%U:%G %a' /etc/scaleout/master.toml)" "root:scaleout 640"
expect "worker.toml" "$(inside stat -c '%U:%G %a' /etc/scaleout/worker.toml)" "root:scaleout-worker 640"
expect "the users" "$(inside id -un scaleout)-$(inside id -un scaleout-worker)" "scaleout-scaleout-worker"
inside scaleout config show --settings /etc/scaleout/master.toml | grep -q '^master.secret_key_file .*/etc/scaleout/master.toml' ||
    failed "the program does not read its settings"
inside scaleout config show --settings /etc/scaleout/worker.toml >/dev/null || failed "worker.toml is not accepted"
for file in /usr/share/man/man1/scaleout-worker-run.1.gz /usr/share/bash-completion/completions/scaleout \
    /usr/lib/systemd/system/scaleout-master.service /usr/lib/systemd/system/scaleout-worker.service \
    /usr/share/doc/scaleout/copyright /usr/share/doc/scaleout/changelog.Debian.gz; do
    [ -s "$root$file" ] || failed "$file is not there"
done
for link in "$root"/etc/systemd/system/*.wants/scaleout*; do
    [ ! -e "$link" ] && [ ! -L "$link" ] || failed "$link: an installation must not enable the services"
done

heading "the Debian package: upgrade"
printf '[log]\nformat = "json"\n' >>"$root/etc/scaleout/worker.toml"
inside chmod 0600 /etc/scaleout/worker.toml
printf 'key\n' >"$root/etc/scaleout/secret.key"
inside install -d -o scaleout-worker /var/lib/scaleout/worker
printf 'id\n' >"$root/var/lib/scaleout/worker/id"
before=$(inside id -u scaleout-worker)
inside dpkg -i /new.deb
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
expect "after the upgrade" "$(status)" "ii $version-1"
expect "a changed conffile" "$(tail -n 1 "$root/etc/scaleout/worker.toml")" 'format = "json"'
expect "an operator's mode" "$(inside stat -c '%U:%G %a' /etc/scaleout/worker.toml)" "root:scaleout-worker 600"
expect "the worker's folder" "$(cat "$root/var/lib/scaleout/worker/id")" "id"
expect "the worker's user" "$(inside id -u scaleout-worker)" "$before"

heading "the Debian package: remove"
inside dpkg -r scaleout
[ ! -e "$root/usr/bin/scaleout" ] || failed "the program is still there"
expect "a conffile after the removal" "$(tail -n 1 "$root/etc/scaleout/worker.toml")" 'format = "json"'
[ -e "$root/var/lib/scaleout/worker/id" ] || failed "a removal took the worker's folder"

heading "the Debian package: purge"
inside dpkg -P scaleout
expect "after the purge" "$(status)" "none"
[ ! -e "$root/var/lib/scaleout" ] || failed "the worker's folder is still there"
[ ! -e "$root/etc/scaleout/worker.toml" ] && [ ! -e "$root/etc/scaleout/master.toml" ] || failed "settings are still there"
[ -e "$root/etc/scaleout/secret.key" ] || failed "the purge took the key, and with it all sealed values"
printf '\nthe Debian package was installed, upgraded, removed and purged in a clean root\n'
