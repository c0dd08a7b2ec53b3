# shellcheck shell=bash disable=SC2154
# The hook is killed while it works: the next step restores everything.

define guest "$main.0"
# killed OPERATION SECONDS COMMAND…: kills the hook this long after it has begun this operation.
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
for seconds in 0 0.05 0.1 0.2 0.4 0.8; do
    killed prepare $seconds timeout 120 virsh -q start --paused guest
    timeout 60 virsh -q destroy guest >/dev/null 2>&1
    ok "after $seconds s: all is as before" is_as_before "$at_boot"
done
ok "it was killed ($hits times)" test $hits -ge 2

say "in release: gpupci recover"
hits=0
for seconds in 0 0.05 0.1 0.2 0.4; do
    starts guest
    killed release $seconds timeout 120 virsh -q destroy guest
    ends 0 recover
    ok "after $seconds s: all is as before" is_as_before "$at_boot"
done
ok "it was killed ($hits times)" test $hits -ge 2
