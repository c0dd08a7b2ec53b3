devices=/sys/bus/pci/devices
driver() { local l; l=$(readlink "$devices/$1/driver") && echo "${l##*/}"; }
bindings() {
    local d
    for d in "$devices"/*; do
        printf '%s %s %s\n' "${d##*/}" "$(driver "${d##*/}")" "$(cat "$d/driver_override")"
    done
}
