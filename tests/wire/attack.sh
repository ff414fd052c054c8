#!/usr/bin/env bash
# schemathesis makes requests out of the OpenAPI document, right and wrong ones, and holds the answers against it.
# The seed makes them the same in every run; no phase is left out. What is not checked, and the one stream, stand in
# schemathesis.toml, with the reason. One worker: Python 3.11 cannot parse in two threads at once ("AST constructor
# recursion depth mismatch").
set -euo pipefail

here=$PWD/tests/wire
report=$(dirname "$WIRE_COUNTS")/schemathesis.json
# It keeps what it found in the current directory: nothing of that is the project's.
cd "$(dirname "$WIRE_COUNTS")"
status=0
timeout 900 st --config-file "$here/schemathesis.toml" run "$SIXTY_URL/openapi.json" \
    --header "Authorization: Bearer $OWNER_TOKEN" \
    --phases examples,coverage,fuzzing,stateful --max-examples "${WIRE_EXAMPLES:-60}" --seed 60 --workers 1 \
    --request-timeout 70 --continue-on-failure --suppress-health-check all --warnings off \
    --report json --report-json-path "$report" || status=$?

# As one check an operation, so that the sum below says what was looked at.
python3 - "$report" "$WIRE_COUNTS" <<'PYTHON'
import json
import sys

report = json.load(open(sys.argv[1], encoding="utf-8"))
bad = report["test_cases"]["unique_failures"] + len(report["errors"])
operations, cases = report["operations"]["tested"], report["test_cases"]["generated"]
print(f"{cases} requests to {operations} of {report['operations']['total']} operations, {bad} findings")
with open(sys.argv[2], "a", encoding="utf-8") as counts:
    counts.write(f"{max(operations - bad, 0)} {bad}\n")
PYTHON
exit "$status"
