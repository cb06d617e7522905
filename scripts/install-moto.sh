#!/usr/bin/env bash
# Installs moto, the emulation of AWS that tests run against; tests/devnet/aws/moto.py serves it.
set -euo pipefail
exec "$(dirname "$0")/install-python.sh" tests/devnet/aws
