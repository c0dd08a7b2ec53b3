# The commands of developers and of continuous integration. Start with `make demo` and `make test`.

CARGO ?= cargo
# Libvirt's own test documents, or another folder of domain XML, for `make test` and `make bench`.
GPUPT_CORPUS ?=

# Cargo's target folder. CARGO_TARGET_DIR and Cargo's settings apply.
TARGET = $(shell $(CARGO) metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
HOOK = $(TARGET)/hook/qemu

.PHONY: build hook hook-size demo test test-vm deps check bench clean

build: hook
	$(CARGO) build --release --locked --workspace
	install "$(TARGET)/release/libgpupt_rocks.so" "$(TARGET)/release/libgpupt.so"
	install "$(HOOK)" "$(TARGET)/release/qemu"

# The hook is a static program, because it loads faster: libvirtd waits for it at every guest start.
hook:
	CARGO="$(CARGO)" sh hooks/build.sh "$(TARGET)" "$(HOOK)"

# Runs an example in a temporary folder. Needs no root and takes seconds.
demo:
	$(CARGO) build --release --locked --quiet --bin gpupci
	@sh demo/run.sh "$(TARGET)/release/gpupci"

# Installs what the tests need besides Rust, then runs all of them.
test: deps
	GPUPT_PYTHONS="$$(cat build/python2 2>/dev/null)" GPUPT_NEED_PYTHON_2=1 \
	    $(CARGO) test --locked --workspace

# Runs everything on a real kernel with cards, libvirtd and QEMU, in a VM: tests/vm/README.md.
test-vm: build
	sh tests/vm/deps.sh
	GPUPT_VM_BIN="$(TARGET)/release" bash tests/vm/run.sh

deps:
	sh tests/deps.sh

# A hook built with musl has at most 1 MB. Without musl it contains this machine's libc and is larger.
hook-size: hook
	@if [ -e "$(TARGET)/x86_64-unknown-linux-musl/hook/qemu" ]; then \
	    test "$$(stat -c %s "$(HOOK)")" -le 1000000; \
	else \
	    echo "no musl here: the size of the hook is not checked"; \
	fi

# Must pass before a commit.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

# For root a process namespace of its own: a container may hide processes from its root, and whoever cannot look
# at all processes detaches no card.
OWN_PROCESSES = $(shell [ "$$(id -u)" = 0 ] && unshare -pf --mount-proc true 2>/dev/null \
    && echo unshare -pf --mount-proc --kill-child)

# Measures ratios against common programs, all in one run.
bench: deps hook
	$(CARGO) build --release --locked --package gpupt-rocks
	GPUPT_HOOK="$(HOOK)" GPUPT_LIBRARY="$(TARGET)/release/libgpupt_rocks.so" $(OWN_PROCESSES) $(CARGO) bench --locked --bench peers

clean:
	$(CARGO) clean
	rm -rf build
