#!/bin/sh
# Walks through the manual's example on a made-up host: run.sh [GPUPCI]
#
# GPUPCI is the program to show, target/release/gpupci of this repository if none is named. Needs no
# card and no root: the host is a temporary folder, which is gone in the end.
set -eu

fail() {
    printf 'run.sh: %s\n' "$1" >&2
    exit 1
}

# Runs a command line and shows it first.
show() {
    printf '$ %s\n' "$1"
    eval "$1"
}

# Shows a command line that must end with this status.
show_ending() {
    status=0
    show "$2" 2>&1 || status=$?
    [ "$status" -eq "$1" ] || fail "this ended with $status, and not with $1: $2"
}

say() {
    printf '\n%s\n\n' "$1"
}

# The host is found through the environment. No other database may be.
gpupci() {
    GPUPT_ROOT="$folder/host" "$program" "$@"
}

unset GPUPT_DATABASE
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
program=${1:-"$here/../target/release/gpupci"}
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
[ -x "$program" ] || fail "there is no program $program: build it first, with \`cargo build --release\`"

folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
sh "$here/../fixtures/hosts/unpack.sh" "$here/../fixtures/hosts/manual.tree" "$folder/host"
cp -- "$here/rocks-33.xml" "$folder"
cd -- "$folder"

printf '%s\n\n' 'We are on vm-container-0-15, a host that has two NVIDIA cards. Where do they sit?'
show 'gpupci -l'

say 'The cluster is told of them.'
show 'gpupci host add vm-container-0-15 gpupci1 pci_0000_02_00_0'
show 'gpupci host add vm-container-0-15 gpupci2 pci_0000_03_00_0'
show 'gpupci host list'

say 'The guest rocks-33 shall have the first one. A guest calls its card gpupci, without a number.'
show 'gpupci host add rocks-33 gpupci pci_0000_02_00_0'
show 'gpupci host list'
show 'gpupci host report rocks-33'

say 'Does anything contradict itself, as two guests with one card would? No news is good news.'
show 'gpupci host conflicts'

say "The guest's description for libvirt gets the card, and is otherwise the same to the byte."
show 'gpupci splice rocks-33 < rocks-33.xml > with-card.xml'
show_ending 1 'diff rocks-33.xml with-card.xml'

say 'Where the card stands already, it is not added again.'
show 'gpupci splice rocks-33 < with-card.xml > again.xml'
show 'cmp with-card.xml again.xml'

say 'A mistake is refused, and nothing is changed by it.'
show_ending 2 'gpupci host add rocks-33 gpupci2 nonsense'
printf '(exit status %s)\n' "$status"
show 'gpupci host report rocks-33'
