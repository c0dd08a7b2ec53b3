# shellcheck shell=bash disable=SC2154
# Twenty starts and ends in a row leave nothing behind.

define guest "$main.0" "$main.1"
started=0 first=
for round in $(seq 20); do
    timeout 60 virsh -q start --paused guest && all_on_vfio "$main" && started=$((started + 1))
    timeout 60 virsh -q destroy guest
    is_as_before "$at_boot" || ok "round $round: all is as before" false
    [ -n "$first" ] || first=$(find /run/gpupt | sort)
done
ok "it started each time ($started)" test $started = 20
ok "all is as before" is_as_before "$at_boot"
ok "no file is left but those of the first" diff <(echo "$first") <(find /run/gpupt | sort)
