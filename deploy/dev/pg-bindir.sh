#!/usr/bin/env bash
# Prints where this machine's Postgres server programs are (version 15 or newer); fails when there are none.
# The same places in the same order as crates/store/src/cluster/programs.rs.
set -euo pipefail

places() {
    pg_config --bindir 2>/dev/null || true
    for group in /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin; do
        echo "$group"
    done | sort -rV
    dirname "$(command -v postgres)" 2>/dev/null || true
}

while read -r bin; do
    [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] && [ -x "$bin/postgres" ] || continue
    # postgres (PostgreSQL) 17.6 (…)
    version=$("$bin/postgres" --version | awk '{ print int($3) }')
    if [ "$version" -ge 15 ]; then
        echo "$bin"
        exit 0
    fi
done < <(places)
exit 1
