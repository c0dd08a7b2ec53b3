# shellcheck shell=bash disable=SC2154
# The hook is killed in the middle of its work: what comes after it brings all back.

define guest "$main.0"
# killed OPERATION SECONDS COMMAND…: kills the hook at this step, so long after it has come to it.
killed() {
    local operation=$1 seconds=$2 pid=
    shift 2
    "$@" >/tmp/killed 2>&1 &
    local virsh=$!
    while [ -z "$pid" ] && kill -0 $virsh 2>/dev/null; do
        pid=$(pgrep -xf "$hooks/qemu guest $operation .*")
    done
    sleep "$seconds"
    if kill -9 "$pid" 2>/dev/null; then hits=$((hits + 1)); fi
    wait $virsh
    cat /tmp/killed
}

say "in prepare: libvirt calls release"
hits=0
for tenths in 0 2 4 6 8; do
    killed prepare "0.$tenths" timeout 120 virsh -q start --paused guest
    timeout 60 virsh -q destroy guest >/dev/null 2>&1
    waits_for "after 0.$tenths s: all is as before" is_as_before "$at_boot"
done
ok "it was killed ($hits times)" test $hits -ge 2

say "in release: gpupci recover"
hits=0
for tenths in 0 2 4 6 8; do
    starts guest
    killed release "0.$tenths" timeout 120 virsh -q destroy guest
    ends 0 recover
    ok "after 0.$tenths s: all is as before" is_as_before "$at_boot"
done
ok "it was killed ($hits times)" test $hits -ge 2
