#!/bin/sh
# Finds a Python 2.7, or unpacks one below build/ without installing it, and writes its path to
# build/python2. Debian 12 has none; Debian 11 had, and its packages run on 12.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build

is_python2() {
    [ "$("$1" -c 'import sys, ctypes, subprocess; sys.stdout.write("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = 2.7 ]
}

for python in "$PWD/build/python2.7/python" python2.7 python2 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python; do
    if is_python2 "$python"; then
        echo "$python" >build/python2
        exit 0
    fi
done

if ! command -v apt-get >/dev/null 2>&1; then
    echo "python2.sh: please install Python 2.7, or name one in GPUPT_PYTHONS" >&2
    exit 1
fi

# A package list of Debian 11, separate from the system's: the system is not changed.
apt=$PWD/build/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/debs"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -v security | head -n 1)
echo "deb $mirror bullseye main" >"$apt/sources.list"
bullseye() {
    apt-get -q -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$apt/lists" -o Dir::Cache::archives="$apt/archives" \
        -o Acquire::Check-Valid-Until=false -o APT::Sandbox::User="$(id -un)" "$@"
}
bullseye update
(cd "$apt/debs" && bullseye download python2.7-minimal libpython2.7-minimal libpython2.7-stdlib libffi7)
for deb in "$apt"/debs/*.deb; do
    dpkg-deb -x "$deb" build/python2.7
done
cat >build/python2.7/python <<EOF
#!/bin/sh
# Runs the unpacked Python 2.7.
root=$PWD/build/python2.7
export PYTHONHOME=\$root/usr
export LD_LIBRARY_PATH=\$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo x86_64-linux-gnu)
exec "\$root/usr/bin/python2.7" "\$@"
EOF
chmod +x build/python2.7/python
is_python2 "$PWD/build/python2.7/python" || {
    echo "python2.sh: the unpacked Python 2.7 does not run" >&2
    exit 1
}
echo "$PWD/build/python2.7/python" >build/python2
