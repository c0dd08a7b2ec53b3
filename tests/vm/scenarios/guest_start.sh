# shellcheck shell=bash disable=SC2154
# A guest has its card while it runs, and the host has it before and after.

for card in "$main" "$switched" "$single"; do
    say "$card: every function in the XML"
    # shellcheck disable=SC2046 # a word for each
    define whole $(functions "$card")
    ok "before, the host has it" none_on_vfio "$card"
    starts whole
    ok "the guest has it" all_on_vfio "$card"
    ends 0 status -v "$card"
    says "guest whole"
    stops whole
    ok "after, it is as before" is_as_before "$at_boot"
done

say "function 0 alone, twice in a row"
define part "$main.0"
for _ in 1 2; do
    starts part
    ok "its siblings went with it" all_on_vfio "$main"
    stops part
    ok "and came back with it" is_as_before "$at_boot"
done

say "two cards in one guest"
define both "$main.0" "$twin.0"
starts both
ok "the first is there" all_on_vfio "$main"
ok "the second is there" all_on_vfio "$twin"
stops both
ok "both came back" is_as_before "$at_boot"

say "a guest without a card, while another has one"
define plain
define part "$main.0"
starts part
starts plain
stops plain
ok "the other still has its card" all_on_vfio "$main"
stops part
