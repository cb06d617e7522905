#!/usr/bin/env bash
# fuzz.sh [SECONDS [TARGET…]]: runs each fuzz target for a while, with a corpus that is kept beside the build.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || true
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi

rustup toolchain list | grep --quiet '^nightly' || rustup toolchain install nightly --profile minimal --no-self-update
tools="$CARGO_TARGET_DIR/tools"
export PATH="$tools/bin:$PATH"
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --version 0.13.1 --locked --root "$tools" --target-dir "$tools/target"

for target in "${targets[@]}"; do
  corpus="$CARGO_TARGET_DIR/fuzz-corpus/$target"
  mkdir -p "$corpus"
  # Seeds: what is real is a good beginning.
  case "$target" in
    component_loader) cp "$CARGO_TARGET_DIR"/guests/*.wasm "$corpus/" ;;
    wire_request) for case in tests/cases/evm/accepts_*/request.json; do cp "$case" "$corpus/$(basename "$(dirname "$case")").json"; done ;;
  esac
  echo "fuzzing $target for $seconds s, corpus of $(find "$corpus" -type f | wc -l) files"
  (cd fuzz && CARGO_TARGET_DIR="$CARGO_TARGET_DIR/fuzz" cargo +nightly fuzz run "$target" "$corpus" -- \
    -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0)
done
