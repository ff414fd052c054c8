#!/usr/bin/env bash
# schemathesis makes requests out of the OpenAPI document, right and wrong ones, and holds the answers against it.
# The seed makes them the same in every run; no operation and no phase is left out.
set -euo pipefail

report=$(dirname "$WIRE_COUNTS")/schemathesis.json
status=0
timeout 240 st run "$SIXTY_URL/openapi.json" \
    --header "Authorization: Bearer $OWNER_TOKEN" \
    --phases examples,coverage,fuzzing,stateful --max-examples "${WIRE_EXAMPLES:-25}" --seed 60 --workers 2 \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --request-timeout 20 --continue-on-failure --suppress-health-check all --warnings off \
    --report json --report-json-path "$report" || status=$?
python3 -c 'import json,sys; r=json.load(open(sys.argv[1])); print(r.keys()); print(json.dumps(r)[:3000])' $report
exit "$status"
