# What a developer and continuous integration run. `make demo` and `make test` are the two to know.

CARGO ?= cargo
# Libvirt's own test documents, or another folder of domain XML, for `make test` and `make bench`.
GPUPT_CORPUS ?=

.PHONY: build demo test deps check doc bench clean

build:
	$(CARGO) build --release --locked --workspace
	cp target/release/libgpupt_rocks.so target/release/libgpupt.so

# Walks through the manual's example: as any user, in a temporary folder, in seconds.
demo:
	$(CARGO) build --release --locked --quiet --bin gpupci
	@sh demo/run.sh target/release/gpupci

# Installs what the tests need besides Rust, then runs all of them.
test: deps
	GPUPT_PYTHONS="$$(cat build/python2 2>/dev/null)" GPUPT_NEED_PYTHON_2=1 \
	    $(CARGO) test --locked --workspace

deps:
	sh tests/deps.sh

# What must be clean before a commit.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

# Ratios against programs that everybody has, in one run.
bench: deps
	$(CARGO) bench --locked --bench peers

clean:
	$(CARGO) clean
	rm -rf build
