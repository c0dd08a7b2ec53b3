# shellcheck shell=bash disable=SC2154
# Many guests want one card at the same time: one gets it, the others are refused and told who has it.

# The hook, called as libvirt does, for guest number N.
hook() { # OPERATION N
    env -i LC_ALL=C PATH=/usr/bin:/usr/sbin "$hooks/qemu" "guest$2" "$1" begin - \
        < <(xml "guest$2" "$main.0" | sed "s|</name>|&<uuid>$(printf '%08d' "$2")-0000-4000-8000-000000000000</uuid>|") \
        >"/tmp/$1.$2.out" 2>"/tmp/$1.$2.err"
    echo $? >"/tmp/$1.$2.code"
}
guests=$(seq 40)
# A loaded machine: libvirt's input then reaches a hook late.
load=()
for _ in 1 2 3; do
    while :; do :; done &
    load+=($!)
done
started=()
for n in $guests; do
    hook prepare "$n" &
    started+=($!)
done
wait "${started[@]}"
winner=$(cd /tmp && grep -lx 0 prepare.*.code | cut -d. -f2)
ok "one got the card ($winner)" test "$(wc -w <<<"$winner")" = 1
ok "it has it" all_on_vfio "$main"
told=$(cat /tmp/prepare.*.err)
ok "the others were refused" test "$(cat /tmp/prepare.*.code | grep -cx 1)" = 39
ok "each was told who has it" test "$(grep -c "guest guest$winner has this card" <<<"$told")" = 39
ok "nothing was printed" test -z "$(cat /tmp/prepare.*.out)"
started=()
for n in $guests; do
    hook release "$n" &
    started+=($!)
done
wait "${started[@]}"
kill "${load[@]}"
wait "${load[@]}" 2>/dev/null
ok "the card comes back" is_as_before "$at_boot"

say "the same with libvirt"
rm -f /tmp/codes
for n in 1 2 3; do define "guest$n" "$main.0"; done
for n in 1 2 3; do
    { timeout 200 virsh -q start --paused "guest$n" >"/tmp/virsh.$n" 2>&1; echo $? >>/tmp/codes; } &
done
wait
winner=$(virsh -q list --name)
ok "one runs ($winner)" test "$(wc -w <<<"$winner")" = 1
ok "the others were refused" test "$(sort /tmp/codes | tr -d '\n')" = 011
ok "they were told who has it" test "$(cat /tmp/virsh.* | grep -c "guest $winner has this card")" = 2
stops "$winner"
