#!/usr/bin/env bash
# install-python.sh [DIRECTORY]: installs the pinned Python packages of a directory, by default those of the
# interop tests, into a virtual environment of their own (.venv, there).
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
directory=${1:-tests/interop/python}
cd "$scripts/../$directory"
environment=.venv

if [ "$environment/installed" -nt requirements.txt ]; then exit 0; fi
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
  "$scripts/install-debian.sh" python3-venv
fi
echo "python: installing the packages of $directory" >&2
rm -rf "$environment"
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt >&2
touch "$environment/installed"
