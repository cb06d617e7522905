#!/usr/bin/env bash
# install-npm.sh DIRECTORY…: installs the locked npm packages of each directory, unless they are there
# already. Says what it does on stderr; stdout belongs to the program that runs next.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "Node.js 20 or newer with npm is needed: https://nodejs.org" >&2
  exit 1
fi
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
  echo "Node.js 20 or newer is needed; this is $(node --version)" >&2
  exit 1
fi

for directory in "$@"; do
  installed="$directory/node_modules/.package-lock.json" # npm writes it last
  if [ "$installed" -nt "$directory/package-lock.json" ]; then continue; fi
  echo "npm: installing the packages of $directory" >&2
  # No install scripts: nothing here needs one, and strangers' code then runs only when we call it.
  npm ci --prefix "$directory" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  touch "$installed"
done
