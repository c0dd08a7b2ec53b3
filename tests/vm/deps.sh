#!/bin/sh
# Installs what `make test-vm` needs besides Rust, mmdebstrap and mke2fs, and finds or unpacks a QEMU (qemu.sh).
# It needs apt-get; on other systems it says what is missing. It does not change what is installed already.
set -eu
missing=
need() { # PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
need mmdebstrap mmdebstrap
need mke2fs e2fsprogs

if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "deps.sh: please install what these Debian packages hold:$missing" >&2
        exit 1
    fi
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -q
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi
sh "$(dirname "$0")/qemu.sh"
