#!/usr/bin/env bash
# schemathesis makes requests out of the OpenAPI document, right and wrong ones, and holds the answers against it.
# The same requests in every run.
set -euo pipefail

report=$(dirname "$WIRE_COUNTS")/schemathesis.json
status=0
timeout 200 st run "$SIXTY_URL/openapi.json" \
    --header "Authorization: Bearer $OWNER_TOKEN" \
    --phases examples,coverage,fuzzing,stateful --max-examples 20 --max-time 150 --seed 60 --workers 2 \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --request-timeout 20 --continue-on-failure --suppress-health-check all --warnings off \
    --report json --report-json-path "$report" || status=$?
cat "$report" | head -c 3000
exit "$status"
