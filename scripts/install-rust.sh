#!/usr/bin/env bash
# Makes sure of the pinned Rust toolchain (rust-toolchain.toml), its WebAssembly target and a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v rustup >/dev/null; then
  echo "rustup is needed: https://rustup.rs" >&2
  exit 1
fi
# The bundled SQLite and secp256k1 are C.
command -v cc >/dev/null || scripts/install-debian.sh build-essential

channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
toolchain=$(rustup toolchain list | awk -v channel="$channel" 'index($1, channel "-") == 1 { print $1; exit }')
if [ -z "$toolchain" ]; then
  rustup toolchain install "$channel" --profile minimal --component clippy --component rustfmt \
    --target wasm32-unknown-unknown --no-self-update
elif ! rustup target list --installed --toolchain "$toolchain" | grep --quiet --line-regexp wasm32-unknown-unknown; then
  rustup target add wasm32-unknown-unknown --toolchain "$toolchain"
fi
