#!/bin/sh
# Runs an example on made-up hosts, with the commands of the manual: run.sh [GPUPCI]
#
# GPUPCI is the program to run; without it, target/release/gpupci of this repository. It needs no card and
# no root: each host is a temporary folder, which is removed at the end.
set -eu

fail() {
    printf 'run.sh: %s\n' "$1" >&2
    exit 1
}

# Prints a command line, then runs it.
show() {
    printf '$ %s\n' "$1"
    eval "$1"
}

# Prints and runs a command line that must end with this status.
show_ending() {
    status=0
    show "$2" 2>&1 || status=$?
    [ "$status" -eq "$1" ] || fail "this ended with $status instead of $1: $2"
}

say() {
    printf '\n%s\n\n' "$1"
}

# Runs the program on the host of the example. The user's own database must not be used.
host=host
gpupci() {
    GPUPT_ROOT="$folder/$host" "$program" "$@"
}

unset GPUPT_DATABASE
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
program=${1:-"$here/../target/release/gpupci"}
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
[ -x "$program" ] || fail "$program does not exist: build it first, with \`cargo build --release\`"

folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
hosts=$here/../fixtures/hosts
sh "$hosts/unpack.sh" "$hosts/manual.tree" "$folder/host"
sh "$hosts/unpack.sh" "$hosts/b550-shared-group.tree" "$folder/desktop"
cp -- "$here/rocks-33.xml" "$folder"
cd -- "$folder"

printf '%s\n\n' 'This is vm-container-0-15, a host with two NVIDIA cards. Where are they, and on which drivers?'
show 'gpupci -l'
show 'gpupci -s gpupci1'

say 'Which writes would detach the first one, so that a guest can use it? Every function has to go.'
show 'gpupci detach gpupci1 --dry-run'

say 'On another host the card shares its IOMMU group with the disk and the network: all reasons at once.'
host=desktop
show_ending 5 'gpupci detach gpupci1'
printf '(exit status %s)\n' "$status"
host=host

say 'Back on the first host: add its cards to the attributes of the cluster.'
show 'gpupci host add vm-container-0-15 gpupci1 pci_0000_02_00_0'
show 'gpupci host add vm-container-0-15 gpupci2 pci_0000_03_00_0'
show 'gpupci host list'

say 'Give the first card to the guest rocks-33. The attribute of a guest is gpupci, without a number.'
show 'gpupci host add rocks-33 gpupci pci_0000_02_00_0'
show 'gpupci host list'
show 'gpupci host report rocks-33'

say 'Do attributes contradict each other, such as two guests with the same card? No output: none do.'
show 'gpupci host conflicts'

say "Add the card to the guest's domain XML. No other byte changes."
show 'gpupci splice rocks-33 < rocks-33.xml > with-card.xml'
show_ending 1 'diff rocks-33.xml with-card.xml'

say 'If the card is there already, it is not added again.'
show 'gpupci splice rocks-33 < with-card.xml > again.xml'
show 'cmp with-card.xml again.xml'

say 'A value that names no card is refused, and nothing changes.'
show_ending 2 'gpupci host add rocks-33 gpupci2 nonsense'
printf '(exit status %s)\n' "$status"
show 'gpupci host report rocks-33'
