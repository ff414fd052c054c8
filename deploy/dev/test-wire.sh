#!/usr/bin/env bash
# Runs tests/wire/run.sh with the clients that it needs: Python's in a virtual environment under .cache,
# Node's in tests/wire/node_modules. Both are installed again only when their lists change.
set -euo pipefail

venv=$PWD/.cache/wire/venv
stamp=.cache/wire/installed
wanted=$(cat tests/wire/requirements.txt tests/wire/package*.json | cksum)

if [ "$wanted" != "$(cat "$stamp" 2>/dev/null)" ]; then
    rm -rf "$venv"
    mkdir -p .cache/wire
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/wire/requirements.txt
    how=install
    [ ! -e tests/wire/package-lock.json ] || how=ci
    npm --prefix tests/wire "$how" --no-audit --no-fund --loglevel=error
    echo "$wanted" >"$stamp"
fi

PATH=$venv/bin:$PATH exec bash tests/wire/run.sh
