#!/bin/sh
# Finds a QEMU for the VM, or unpacks one below build/ without installing it, and writes its path to
# build/qemu. Debian's package may conflict with a newer qemu-utils that is installed, so nothing is installed.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p build

runs() { "$1" --version >/dev/null 2>&1; }
for qemu in qemu-system-x86_64 "$PWD/build/qemu-run"; do
    if runs "$qemu"; then
        command -v "$qemu" >build/qemu
        exit 0
    fi
done

# The package and all its dependencies, from this machine's release and its apt's mirrors.
tree=$PWD/build/qemu-tree
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo rm -rf "$tree"
sh tests/vm/sources.sh >build/qemu-sources
# shellcheck source=/dev/null
$sudo mmdebstrap --quiet --mode=root --variant=extract --format=directory --include=qemu-system-x86 \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$tree" - <build/qemu-sources
libraries=
for folder in "$tree"/lib/*-linux-gnu "$tree"/usr/lib/*-linux-gnu; do
    libraries=${libraries:+$libraries:}$folder
done
cat >build/qemu-run <<WRAPPER
#!/bin/sh
# Runs QEMU with the loader, libraries, modules and firmware that were unpacked with it.
tree='$tree'
export QEMU_MODULE_DIR="\$(echo "\$tree"/usr/lib/*-linux-gnu/qemu)"
exec "\$tree"/lib64/ld-linux-x86-64.so.2 --library-path '$libraries' "\$tree/usr/bin/qemu-system-x86_64" \\
    -L "\$tree/usr/share/qemu" -L "\$tree/usr/share/seabios" -L "\$tree/usr/lib/ipxe/qemu" "\$@"
WRAPPER
chmod +x build/qemu-run
runs "$PWD/build/qemu-run" || {
    echo "qemu.sh: the unpacked QEMU does not run" >&2
    exit 1
}
echo "$PWD/build/qemu-run" >build/qemu
