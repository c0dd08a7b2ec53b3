#!/bin/sh
# Installs what the tests need besides Rust: MariaDB's server (no service is started), valgrind,
# xmllint, lspci, fuser, a C compiler, Python 3, and a Python 2.7 to run the Rocks shims. It needs apt-get; on other
# systems it says what is missing. It does not change what is installed already.
set -eu
cd "$(dirname "$0")/.."

missing=
need() { # PROGRAM PACKAGE…
    program=$1
    shift
    command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || missing="$missing $*"
}
need mariadbd mariadb-server-core
need mysql mariadb-client-core
need valgrind valgrind libc6-dbg
need xmllint libxml2-utils
need cc gcc libc6-dev
need nm binutils
need python3 python3
need setpriv util-linux
need diff diffutils
need lspci pciutils
need fuser psmisc

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
sh tests/python2.sh
