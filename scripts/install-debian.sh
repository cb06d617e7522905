#!/usr/bin/env bash
# install-debian.sh PACKAGE…: installs Debian packages when we may; otherwise says which are needed.
set -euo pipefail

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "apt-get: installing $*" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get install --quiet --quiet --yes --no-install-recommends "$@" >/dev/null ||
    { apt-get update --quiet --quiet >/dev/null &&
      apt-get install --quiet --quiet --yes --no-install-recommends "$@" >/dev/null; }
else
  echo "needed, and only root can install it: $*  (apt-get install $*)" >&2
  exit 1
fi
