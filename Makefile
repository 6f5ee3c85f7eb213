# The two commands of this project are `make demo` and `make test`.
# Whatever they need beyond git, make, a C/C++ compiler and the Rust toolchain
# is installed by scripts/setup.sh.

export PATH := $(CURDIR)/.tools/bin:$(PATH)

.PHONY: demo test build bench quality fmt

build:
	cargo build --release --locked

demo: build
	scripts/setup.sh python
	.venv/bin/python demo/demo.py target/release/metaphrast

test:
	scripts/setup.sh python apertium nextest
	cargo build --locked --package metaphrast
	cargo nextest run --locked --workspace
	cargo test --locked --workspace --doc --quiet
	METAPHRAST_BIN=target/debug/metaphrast .venv/bin/pytest --quiet tests

# The figures of docs/performance.md.
bench: build
	scripts/setup.sh python
	.venv/bin/python bench/bench.py target/release/metaphrast

# The scores of docs/quality.md.
quality: build
	scripts/setup.sh quality apertium
	.venv-quality/bin/python bench/quality.py target/release/metaphrast

fmt:
	cargo fmt --all
