# What a developer and continuous integration run. `make demo` and `make test` are the two to know.

CARGO ?= cargo
# Libvirt's own test documents, or another folder of domain XML, for `make test` and `make bench`.
GPUPT_CORPUS ?=

# Where Cargo puts what it builds: CARGO_TARGET_DIR and Cargo's settings count.
TARGET = $(shell $(CARGO) metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
HOOK = $(TARGET)/hook/qemu

.PHONY: build hook hook-size demo test test-vm deps check bench clean

build: hook
	$(CARGO) build --release --locked --workspace
	install "$(TARGET)/release/libgpupt_rocks.so" "$(TARGET)/release/libgpupt.so"
	install "$(HOOK)" "$(TARGET)/release/qemu"

# The hook, static: for every guest of a host libvirtd waits until it has been loaded.
hook:
	CARGO="$(CARGO)" sh hooks/build.sh "$(TARGET)" "$(HOOK)"

# Walks through the manual's example: as any user, in a temporary folder, in seconds.
demo:
	$(CARGO) build --release --locked --quiet --bin gpupci
	@sh demo/run.sh "$(TARGET)/release/gpupci"

# Installs what the tests need besides Rust, then runs all of them.
test: deps
	GPUPT_PYTHONS="$$(cat build/python2 2>/dev/null)" GPUPT_NEED_PYTHON_2=1 \
	    $(CARGO) test --locked --workspace

# Cards, libvirt and its hook on a real kernel, in a VM: tests/vm/README.md.
test-vm: build
	sh tests/vm/deps.sh
	GPUPT_VM_BIN="$(TARGET)/release" bash tests/vm/run.sh

deps:
	sh tests/deps.sh

# The hook with musl: at most 1 MB. Where musl is not to be had it carries this machine's libc, and is larger.
hook-size: hook
	@if [ -e "$(TARGET)/x86_64-unknown-linux-musl/hook/qemu" ]; then \
	    test "$$(stat -c %s "$(HOOK)")" -le 1000000; \
	else \
	    echo "no musl here: the size of the hook is not judged"; \
	fi

# What must be clean before a commit.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

# Ratios against programs that everybody has, in one run.
bench: deps hook
	GPUPT_HOOK="$(HOOK)" $(CARGO) bench --locked --bench peers

clean:
	$(CARGO) clean
	rm -rf build
