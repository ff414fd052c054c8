#!/usr/bin/env bash
# sqlx-data.sh DIR: writes what sqlx has to know to compile the queries without a database.
# For that it asks a Postgres that lives only as long as this script, with all migrations applied.
set -euo pipefail
target=$1
bin=$(deploy/dev/pg-bindir.sh)

# Postgres does not run as root.
as_postgres() {
    if [ "$(id -u)" != 0 ]; then "$@"; return; fi
    local user=postgres
    id -u "$user" >/dev/null 2>&1 || user=nobody
    (cd / && setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --clear-groups "$@")
}

scratch=$(as_postgres mktemp -d /tmp/sixty-sqlx.XXXXXX)
finish() {
    as_postgres "$bin/pg_ctl" -D "$scratch/data" -m immediate -s stop 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

as_postgres "$bin/initdb" -D "$scratch/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
as_postgres "$bin/pg_ctl" -D "$scratch/data" -l "$scratch/log" -s -w start \
    -o "-c listen_addresses='' -k $scratch -p 5432 -c fsync=off"

export DATABASE_URL="postgres://postgres@localhost:5432/postgres?host=$scratch&sslmode=disable"
psql=("$bin/psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$DATABASE_URL")
"${psql[@]}" --file=deploy/roles.sql
# As the migrator makes it before the first migration, which grants on it.
"${psql[@]}" --command='set role sixty_owner' --command='create table sixty._sqlx_migrations (
    version bigint primary key, description text not null, installed_on timestamptz not null default now(),
    success boolean not null, checksum bytea not null, execution_time bigint not null)'
for migration in migrations/*.sql; do
    transaction=--single-transaction
    [[ $(head -n 1 "$migration") != '-- no-transaction'* ]] || transaction=
    "${psql[@]}" ${transaction:+"$transaction"} --command='set role sixty_owner' --file="$migration"
done

data=$PWD/.cache/sqlx-data
rm -rf "$data"
mkdir -p "$data"
# The macros write their data while they are expanded, and cargo expands only what has changed.
touch crates/store/src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$data cargo check --quiet --locked --package store --all-targets

[ "$target" = .cache/sqlx-data ] || { rm -rf "$target"; mv "$data" "$target"; }
