#!/usr/bin/env bash
# Builds target/debug/sixty-faults: the program with crash points and countable effects, for the tests of crashes.
# All packages take part in the choice of features, so that only three crates are compiled beyond the tests' own.
set -euo pipefail
cargo build --workspace --locked --features server/faults --bin sixty-faults "$@"
