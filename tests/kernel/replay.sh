#!/bin/bash
# Replays scenarios.txt on the running kernel, as root, on the machine of fixtures/hosts/lab.tree just after
# boot. It binds and unbinds cards: never run it on a machine that you need.
set -u
export LC_ALL=C
bus=/sys/bus/pci
started=()
bad=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

expand() {
    local text=${1//'{nl}'/$'\n'} many
    while [[ $text =~ \{repeat:(.):([0-9]+)\} ]]; do
        printf -v many '%*s' "${BASH_REMATCH[2]}" ''
        text=${text//"${BASH_REMATCH[0]}"/${many// /${BASH_REMATCH[1]}}}
    done
    printf '%s.' "$text" # the dot keeps the newlines through $( )
}

# The name of the error on the last line of a program's output.
named() {
    case $1 in
    '') echo OK ;;
    *'No such device') echo ENODEV ;;
    *'No such file or directory' | *'not found in directory '*) echo ENOENT ;;
    *'Permission denied') echo EACCES ;;
    *'Operation not permitted') echo EPERM ;;
    *'Invalid argument') echo EINVAL ;;
    *'Device or resource busy') echo EBUSY ;;
    *'Cannot allocate memory') echo ENOMEM ;;
    *'Resource temporarily unavailable') echo EAGAIN ;;
    *) echo "${1##*: }" ;;
    esac
}

# dd does one write.
do_write() {
    local value
    value=$(expand "$2")
    named "$(printf %s "${value%.}" |
        dd of="$1" bs=8192 iflag=fullblock conv=notrunc,nocreat status=none 2>&1 | tail -n1)"
}
do_read() { named "$(dd if="$1" of=/dev/null status=none 2>&1)"; }
do_modprobe() { named "$(modprobe -b "$1" 2>&1)"; }
do_driver() {
    local link
    link=$(readlink "$bus/devices/$1/driver") && echo "${link##*/}" || echo -
}
do_override() { head -n1 "$bus/devices/$1/driver_override"; }
do_enable() { cat "$bus/devices/$1/enable"; }
do_exists() { if [ -e "$1" ]; then echo yes; else echo no; fi; }
do_teach() { echo "$2" >"$bus/drivers/$1/new_id"; }
do_pull() { echo 1 >"$bus/devices/$1/remove"; }
do_plug() { echo 1 >$bus/rescan; }
do_fact() { :; }
do_start() {
    local file=$work/started.${#started[@]}
    (
        # The guest's input; it would otherwise stay open after we close ours.
        exec 8>&-
        "do_${1}" "${2%% *}" "${2#* }" >"$file"
    ) &
    started+=("$file:$!")
}
do_running() {
    local entry count=0
    sleep 3
    for entry in "${started[@]}"; do [ -s "${entry%:*}" ] || count=$((count + 1)); done
    echo $count
}
do_finish() {
    wait "${started[0]##*:}"
    cat "${started[0]%:*}"
    started=("${started[@]:1}")
}

# Opens the container, the group, the IOMMU and each VFIO function, as QEMU does, until its input ends.
guest_program='
    my ($group, @functions) = @ARGV;
    my $ask = sub { my ($file, $number, $argument) = @_;
        my $said = ioctl($file, 0x3b64 + $number, $argument) // die "$!\n"; $said };
    open(my $container, "+<", "/dev/vfio/vfio") or die "$!\n";
    open(my $own, "+<", "/dev/vfio/$group") or die "$!\n";
    $ask->($own, 4, pack("i", fileno $container));
    $ask->($container, 2, 1);
    $ask->($own, 6, "$_\0") for @functions;
    $| = 1; print "taken\n"; <STDIN>;'
do_guest() {
    local group=${2%% *} member said functions=()
    if [ "$1" = leaves ]; then
        exec 8>&-
        wait "$guest"
        return
    fi
    if [ "$1" = opens ]; then
        named "$(perl -e 'open(my $own, "+<", "/dev/vfio/$ARGV[0]") or die "$!\n"' "$group" 2>&1)"
        return
    fi
    for member in /sys/kernel/iommu_groups/"$group"/devices/*; do
        [ ! -e "$member/vfio-dev" ] || functions+=("${member##*/}")
    done
    rm -f "$work/in" "$work/out"
    mkfifo "$work/in" "$work/out"
    perl -e "$guest_program" "$group" "${functions[@]}" <"$work/in" >"$work/out" 2>&1 &
    guest=$!
    exec 8>"$work/in"
    read -r said <"$work/out"
    [ "$said" != taken ] || said=
    named "$said"
}

cd "${0%/*}" || exit
while IFS= read -r line <&7; do
    case $line in
    '' | '#'*) continue ;;
    '== '*)
        echo "$line"
        continue
        ;;
    esac
    wanted=
    [[ $line != *' -> '* ]] || wanted=${line##* -> }
    words=${line% -> *}
    verb=${words%% *}
    words=${words#* }
    # Not in a subshell: it keeps variables about what was started.
    "do_$verb" "${words%% *}" "${words#* }" >"$work/said"
    said=$(cat "$work/said")
    expanded=$(expand "$wanted")
    if [ "$said" != "${expanded%.}" ]; then
        bad=$((bad + 1))
        echo "$line: $said"
    fi
done 7<"${1:-scenarios.txt}"
echo "$bad lines differ"
exit $((bad > 0))
