#!/usr/bin/env bash
# Fails when a generated file in the repository is not what the sources make now.
set -euo pipefail
stale=0

deploy/dev/sqlx-data.sh .cache/sqlx-data
if ! diff -rq .sqlx .cache/sqlx-data; then
    echo 'The query data in .sqlx is not current: run `make sqlx` and commit it.' >&2
    stale=1
fi

cargo run --quiet --locked --package server -- openapi >.cache/openapi.json
if ! diff -u openapi/openapi.json .cache/openapi.json | head -40; then
    echo 'openapi/openapi.json is not current: run `make openapi` and commit it.' >&2
    stale=1
fi

cargo run --quiet --locked --package server -- skills schema >.cache/skill.schema.json
if ! diff -u openapi/skill.schema.json .cache/skill.schema.json | head -40; then
    echo 'openapi/skill.schema.json is not current: run `make openapi` and commit it.' >&2
    stale=1
fi
exit "$stale"
