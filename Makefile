# `make help` lists the targets. Each installs what it needs, on a Debian machine with rustup, Node.js
# 20 or newer and Python 3.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Absolute, because not everything below runs in this directory.
export CARGO_TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))

mock_target := $(CARGO_TARGET_DIR)/mock-rpc
mock := --manifest-path tests/bench/mock/Cargo.toml --target-dir $(mock_target) --locked

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "ARGS='…' passes options on: make run ARGS=--once, make devnet ARGS=--help"

.PHONY: build
build: guests ## release binary and guest components, in CARGO_TARGET_DIR (default ./target)
	cargo build --release --locked --package facilitator-server
	@echo "Built $(CARGO_TARGET_DIR)/release/facilitator"

.PHONY: guests
guests: rust ## the guest components alone
	cargo run --locked --package xtask -- guests

.PHONY: reproducible
reproducible: rust ## the guests built twice in different places, which must give the same bytes
	cargo run --locked --package xtask -- guests --check

.PHONY: run
run: build ## the whole way on this machine: chain, facilitator, paid server, one payment; stays up
	@scripts/install-npm.sh tests/devnet tests/demo
	@exec node tests/demo/demo.mjs $(ARGS)

.PHONY: devnet
devnet: ## the local chains alone; prints one line of JSON when they are up
	@scripts/install-npm.sh tests/devnet
	@exec node tests/devnet/devnet.mjs $(ARGS)

.PHONY: test
test: lint test-rust test-interop faults ## everything that must pass: lints, Rust tests, official clients, faults

.PHONY: hostile
hostile: guests ## guests that attack the host: what it answered, signatures, the next payment
	cargo run --locked --package hostile

.PHONY: lint
lint: guests ## formatting, and clippy without a warning
	cargo fmt --check
	cargo fmt --check --manifest-path tests/bench/mock/Cargo.toml
	cargo clippy --workspace --all-targets --locked -- --deny warnings

.PHONY: test-rust
test-rust: guests ## unit, integration and guest tests
	@scripts/install-moto.sh
	@if cargo nextest --version >/dev/null 2>&1; then \
	  set -x; cargo nextest run --workspace --locked --no-fail-fast; \
	else \
	  set -x; cargo test --workspace --locked --no-fail-fast; \
	fi

# The dev profile: it shares its dependencies with the Rust tests, and these tests measure nothing.
.PHONY: test-interop
test-interop: guests ## the official TypeScript and Python clients pay through the facilitator
	cargo build --locked --package facilitator-server
	@scripts/install-npm.sh tests/devnet tests/interop tests/interop/legacy guests/examples/javascript
	@scripts/install-python.sh
	npm test --prefix guests/examples/javascript
	FACILITATOR_BIN=$(CARGO_TARGET_DIR)/debug/facilitator \
	  node --test --test-concurrency=1 --test-reporter=spec $(ARGS) \
	  tests/interop/*.test.mjs tests/interop/legacy/*.test.mjs

# As test-interop: the dev profile, and nothing that is measured.
.PHONY: faults-install
faults-install: guests
	cargo build --locked --package facilitator-server
	@scripts/install-npm.sh tests/devnet
	@scripts/install-moto.sh
	@ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || scripts/install-debian.sh faketime

.PHONY: faults
faults: faults-install ## chains, stores, clocks and processes that fail, and the ledger of it; ARGS=--full
	@FACILITATOR_BIN=$(CARGO_TARGET_DIR)/debug/facilitator exec node tests/faults/faults.mjs $(ARGS)

.PHONY: chaos
chaos: faults-install ## random faults for SECONDS (default 600), and the ledger of it
	@FACILITATOR_BIN=$(CARGO_TARGET_DIR)/debug/facilitator exec node tests/faults/chaos.mjs --seconds $(or $(SECONDS),600) $(ARGS)

.PHONY: bench
bench: build ## the performance table, beside the TypeScript facilitator
	@scripts/install-npm.sh tests/devnet tests/bench
	@command -v wrk >/dev/null || scripts/install-debian.sh wrk
	cargo build --release $(mock)
	@exec node tests/bench/bench.mjs --mock $(mock_target)/release/mock-rpc $(ARGS)

.PHONY: bench-swap
bench-swap: build ## what swapping guests under load costs
	@scripts/install-npm.sh tests/devnet tests/bench
	@command -v wrk >/dev/null || scripts/install-debian.sh wrk
	cargo build --release $(mock)
	@exec node tests/bench/swap.mjs --mock $(mock_target)/release/mock-rpc $(ARGS)

.PHONY: bench-journal
bench-journal: build ## what a durable journal adds to a settlement, and its transitions per second
	@scripts/install-npm.sh tests/devnet tests/bench
	@FACILITATOR_BIN=$(CARGO_TARGET_DIR)/release/facilitator node tests/bench/journal.mjs $(ARGS)
	cargo run --locked --package facilitator-journal --example journal_transitions

.PHONY: fuzz
fuzz: guests ## fuzz what reads strangers' bytes, 60 s each; ARGS='SECONDS TARGET…'
	@scripts/fuzz.sh $(ARGS)

.PHONY: rust
rust:
	@scripts/install-rust.sh

.PHONY: clean
clean: ## removes what was built and installed in this checkout and in CARGO_TARGET_DIR
	cargo clean
	rm -rf guests/examples/*/{node_modules,dist} tests/*/node_modules tests/interop/legacy/node_modules tests/interop/python/.venv tests/devnet/aws/.venv tests/devnet/out
