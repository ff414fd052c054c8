# Everything that a developer or a pipeline does with this project. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The query data is committed: to compile needs no database, whatever DATABASE_URL says.
export SQLX_OFFLINE := true

sixty := cargo run --quiet --locked --package server --

.PHONY: help run test test-wire check chaos fuzz sqlx openapi bench smoke-live clean-data

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, fill the demo organization, serve on a private Postgres until Ctrl-C
	@deploy/dev/require.sh cc $(if $(DATABASE_URL),,postgres)
	cargo build --locked --package server
	$(sixty) seed-demo
	@exec $(sixty) serve

test: ## all tests, on a Postgres that exists only for them
	@deploy/dev/require.sh cc postgres
	@deploy/dev/test.sh

test-wire: ## the server against other people's clients (Python and Node)
	@deploy/dev/require.sh cc postgres python node
	cargo build --locked --package server
	cargo build --locked --package skills --example export
	cargo build --locked --package server --example slack
	@deploy/dev/test-wire.sh

check: ## formatting, lints, and whether the generated files are current
	@deploy/dev/require.sh cc postgres lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --workspace --locked --features server/faults --bin sixty-faults -- -D warnings
	@deploy/dev/check-generated.sh

chaos: ## kill and stop servers and Postgres two thousand times; writes docs/reliability.md (20 minutes)
	@deploy/dev/require.sh cc postgres
	deploy/dev/build-faults.sh
	cargo bench --profile dev --locked --package tests --bench chaos

fuzz: ## mutate skills, then schedules, and read them, ten minutes each (SECONDS_TO_RUN=60: only one)
	@deploy/dev/require.sh cc
	cargo run --locked --package skills --example fuzz -- $(or $(SECONDS_TO_RUN),600)
	cargo run --locked --package schedules --example fuzz -- $(or $(SECONDS_TO_RUN),600)

sqlx: ## write .sqlx again, after a change to a query or a migration
	@deploy/dev/require.sh cc postgres
	@deploy/dev/sqlx-data.sh .sqlx

openapi: ## write openapi/*.json again, after a change to a route or to the format of skills
	@mkdir -p .cache openapi
	$(sixty) openapi > .cache/openapi.json
	@mv .cache/openapi.json openapi/openapi.json
	$(sixty) skills schema > .cache/skill.schema.json
	@mv .cache/skill.schema.json openapi/skill.schema.json

bench: ## the benchmarks, in a release build; writes docs/benchmarks.md (PARTS="alone readers": only these)
	@deploy/dev/require.sh cc postgres
	cargo build --release --locked --package server
	cargo bench --locked --package bench -- $(PARTS)

smoke-live: ## a dozen conversations with a real model (needs ANTHROPIC_API_KEY; costs money)
	@deploy/dev/require.sh cc postgres python
	cargo build --locked --package server
	@deploy/dev/smoke-live.py $(sixty)

clean-data: ## delete the private Postgres of `make run` with everything in it
	@deploy/dev/clean-data.sh
