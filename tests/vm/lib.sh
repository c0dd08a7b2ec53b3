# shellcheck shell=bash
# Functions of all scenarios. Each scenario runs in its own shell, which reads this first. It ends with 1 if
# anything failed, or if it left anything behind.
set -u

# The cards, as in topology.args: with three functions, behind a switch, with two functions, with one
# function, in a group with other devices, the console's, not reached by the IOMMU.
# shellcheck disable=SC2034 # the scenarios use them
main=0000:01:00 switched=0000:04:00 twin=0000:05:00 single=0000:06:00 shared=0000:08:01 console=0000:00:01 outside=0000:21:00
devices=/sys/bus/pci/devices
# shellcheck disable=SC2034
hooks=/etc/libvirt/hooks
failures=0
said=

say() { printf '\n=== %s\n' "$*"; }
# ok WHAT COMMAND…: the command must succeed.
ok() {
    local what=$1
    shift
    if "$@"; then echo "ok   $what"; else
        echo "FAIL $what"
        failures=$((failures + 1))
    fi
}
# run COMMAND…: its output is in $said, its exit code in $ended.
run() {
    ended=0
    said=$(timeout -k 5 120 "$@" 2>&1) || ended=$?
    printf '+ %s\n%s\n' "$*" "$said"
}
# ends CODE WORDS…: gpupci must end with this code.
ends() {
    local code=$1
    shift
    run gpupci "$@"
    ok "gpupci $* ends with $code (it was $ended)" test "$ended" = "$code"
}
says() { ok "it says: $1" grep -qF -- "$1" <<<"$said"; }

# --- the state of the cards -------------------------------------------------------------
functions() { (cd "$devices" && echo "$1".*); }
# Driver and override of every function. With few processes: each is slow in this VM.
bindings() {
    find "$devices"/*/ -maxdepth 1 -name driver -printf '%h -> %l\n' | sort
    grep . "$devices"/*/driver_override
}
records() { ls /run/gpupt/cards 2>/dev/null; }
is_as_before() { diff <(printf '%s\n' "$1") <(bindings) && test -z "$(records)"; }
on_vfio() { [ "$devices/$1/driver" -ef /sys/bus/pci/drivers/vfio-pci ]; }
# all_on_vfio CARD, none_on_vfio CARD
all_on_vfio() {
    local f
    for f in $(functions "$1"); do on_vfio "$f" || return; done
}
none_on_vfio() {
    local f
    for f in $(functions "$1"); do ! on_vfio "$f" || return; done
}

# --- guests -----------------------------------------------------------------------
# xml NAME FUNCTION…: a guest with an emulated processor and these functions. AppArmor confines libvirtd and
# its hook, but not the guest: compiling a profile for each guest would take most of the time.
xml() {
    local name=$1 f
    shift
    echo "<domain type='qemu'>
  <name>$name</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>"
    for f; do
        echo "    <hostdev mode='subsystem' type='pci' managed='yes'>
      <source><address domain='0x${f:0:4}' bus='0x${f:5:2}' slot='0x${f:8:2}' function='0x${f:11}'/></source>
    </hostdev>"
    done
    echo "  </devices>
  <seclabel type='none' model='apparmor'/>
</domain>"
}
# define NAME FUNCTION…: replaces a guest of this name.
define() {
    virsh -q undefine "$1" >/dev/null 2>&1
    xml "$@" >"/tmp/$1.xml"
    run virsh -q define "/tmp/$1.xml"
    ok "libvirt knows $1" test "$ended" = 0
}
state() { timeout 60 virsh -q domstate "$1" 2>/dev/null | head -n1; }
runs() { case $(state "$1") in running | paused) ;; *) return 1 ;; esac; }
# Guests start paused: running them takes time and tests nothing more.
starts() {
    run virsh -q start --paused "$1"
    ok "$1 starts" test "$ended" = 0
    ok "$1 runs" runs "$1"
}
# refused NAME: it must not start. Keeps the error that virsh prints.
refused() {
    run virsh -q start --paused "$1"
    ok "$1 does not start" test "$ended" = 1
    printf '%s\n\n' "$said" >>/mnt/results/errors
}
stops() {
    run virsh -q destroy "$1"
    ok "$1 ends" test "$ended" = 0
}
# waits_for WHAT COMMAND…: waits until it succeeds, for at most a minute.
waits_for() {
    local what=$1 turn
    shift
    for turn in $(seq 120); do
        ! "$@" || break
        sleep 0.5
    done
    ok "$what (turn $turn)" "$@"
}
# told WORDS: the journal has a line of gpupt with these words, from this scenario.
told() {
    journalctl -q --no-pager -o cat -t gpupt --since "@$since" | grep -qF -- "$1"
}
qemu_of() { pgrep -f "guest=$1,"; }

# reload: the daemon looks for its hooks. systemctl returns before it has.
reload() {
    ok "the daemon is told" timeout 60 systemctl reload libvirtd
    sleep 2
}

# --- the end ------------------------------------------------------------------------
since=$(date +%s)
at_boot=$(cat /run/at-boot 2>/dev/null || bindings | tee /run/at-boot)
# scenario FILE: runs it to its end.
scenario() {
    # shellcheck source=/dev/null
    if bash -n "$1"; then
        . "$1"
        complete=1
    fi
}
finish() {
    local name left
    say "nothing is left behind"
    ok "it came to its end" test -n "${complete-}"
    left=$(timeout 60 virsh -q list --name)
    ok "no guest runs: $left" test -z "$left"
    for name in $(timeout 60 virsh -q list --all --name); do
        timeout 60 virsh -q destroy "$name" >/dev/null 2>&1
        timeout 60 virsh -q undefine --managed-save "$name" >/dev/null 2>&1
    done
    left=$(pgrep -fa 'gpupt-writer|qemu-system|hooks/qemu')
    ok "no process: $left" test -z "$left"
    ok "each function has its driver and its override, and nothing is recorded" is_as_before "$at_boot"
    # So that one failure does not cause others.
    gpupci -q attach all >/dev/null 2>&1
    printf '\n%s failures\n' "$failures"
    exit $((failures > 0))
}
trap finish EXIT
