#!/bin/sh
# Builds the hook as a static program: build.sh TARGET_DIR FILE. Uses musl. If Rust's musl target cannot be
# installed, it uses this machine's libc, and the program is larger.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
musl=x86_64-unknown-linux-musl
has_musl() { [ -d "$(rustc --print sysroot)/lib/rustlib/$musl/lib" ]; }

if has_musl || { rustup target add $musl && has_musl; }; then
    target=$musl
else
    target=x86_64-unknown-linux-gnu
    export RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static"
fi

# The linker that comes with Rust keeps one copy of functions that are equal. Without it, the hook is larger.
linker=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/gcc-ld
folding="-Clink-arg=-B$linker -Clink-arg=-fuse-ld=lld -Clink-arg=-Wl,--icf=all"
[ -x "$linker/ld.lld" ] || folding=
"$cargo" rustc --locked --profile hook --bin qemu --target $target --target-dir "$1" -- $folding
mkdir -p "$(dirname "$2")"
install -m755 "$1/$target/hook/qemu" "$2"
