#!/usr/bin/env bash
# The stand-in for model providers against the official SDKs, the format of skills against the open format's own
# validator, what is shown in Slack against Slack's SDK, then the server against plain HTTP and against
# schemathesis, which attacks every operation of the OpenAPI document. Everything listens on the loopback interface
# and ends with this script.
set -euo pipefail
here=$PWD/tests/wire
sixty=${CARGO_TARGET_DIR:-$PWD/target}/debug/sixty

# The data directory of the private Postgres, which does not run as root: its parents have to be open.
scratch=$(mktemp -d /tmp/sixty-wire.XXXXXX)
chmod 755 "$scratch"
pids=()
finish() {
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap finish EXIT

# What the machine has set must change nothing here, least of all send anything outside.
unset "${!ANTHROPIC_@}" "${!OPENAI_@}" "${!SIXTY_@}" "${!SLACK_@}" "${!SMTP_@}" "${!OTEL_@}" DATABASE_URL
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export NO_PROXY=127.0.0.1 PYTHONDONTWRITEBYTECODE=1
export WIRE_COUNTS=$scratch/counts
: >"$WIRE_COUNTS"

address_in() { # file, process
    for _ in $(seq 600); do
        grep -om1 'http://127\.0\.0\.1:[0-9]*' "$1" && return
        kill -0 "$2" 2>/dev/null || break
        sleep 0.1
    done
    echo "nothing listens; its output:" >&2
    cat "$1" "$1.err" >&2
    return 1
}

status=0

echo "== The official SDKs and the stand-in for model providers"
"$sixty" model-sim --scripted --listen 127.0.0.1:0 >"$scratch/sim" 2>"$scratch/sim.err" &
pids+=($!)
SIM_URL=$(address_in "$scratch/sim" $!)
export SIM_URL
python3 "$here/sdk.py" || status=1
(cd "$here" && node sdk.mjs) || status=1
python3 "$here/chat.py" || status=1
(cd "$here" && node chat.mjs) || status=1

echo "== The open format of skills"
SIXTY_BINARY=$sixty SKILLS_EXAMPLES=$(dirname "$sixty")/examples python3 "$here/skills.py" || status=1

echo "== Slack's SDK, and what is shown there and believed from there"
SLACK_EXAMPLE=$(dirname "$sixty")/examples/slack python3 "$here/slack.py" || status=1

echo "== The server"
export SIXTY_DATA_DIR=$scratch/data SIXTY_LISTEN=127.0.0.1:0 SIXTY_LOG=warn
# Of the limits, the one on requests a minute would answer most of what follows.
export SIXTY_RATE_PER_MINUTE=1000000 SIXTY_RATE_BURST=1000000
export SIXTY_ORG_RATE_PER_MINUTE=1000000 SIXTY_ORG_RATE_BURST=1000000
export SIXTY_RUNS_PER_USER=1000000 SIXTY_RUNS_PER_ORG=1000000
# Slack is where nobody listens: what we are asked from there is in question, and not what we say.
export SLACK_SIGNING_SECRET=a-signing-secret SLACK_CLIENT_ID=111.222 SLACK_CLIENT_SECRET=a-client-secret
export SLACK_API_URL=http://127.0.0.1:9/api SIXTY_PUBLIC_URL=http://127.0.0.1:9
"$sixty" seed-demo
"$sixty" serve >"$scratch/serve" 2>"$scratch/serve.err" &
server=$!
pids+=("$server")
SIXTY_URL=$(address_in "$scratch/serve" "$server")
# An owner that is a platform administrator too: no operation answers 403 alone.
OWNER_TOKEN=$("$sixty" token --org demo --user alice --role owner --platform-admin)
export SIXTY_URL OWNER_TOKEN
python3 "$here/live.py" || status=1
python3 "$here/scrape.py" || status=1
python3 "$here/slack_live.py" || status=1

echo "== Every operation of the OpenAPI document"
bash "$here/attack.sh" || status=1

echo "== The audit trail, while the server goes on"
"$sixty" audit verify || status=1

if ! kill -0 "$server" 2>/dev/null; then
    echo "The server did not survive." >&2
    status=1
fi
if grep -E 'panicked|ERROR' "$scratch/serve.err" | head -20; then
    echo "The server's log has errors. All that it says, the newest last:" >&2
    tail -n 40 "$scratch/serve.err" >&2
    status=1
fi

read -r passed failed < <(awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }' "$WIRE_COUNTS")
echo "$passed passed, $failed failed, 0 skipped"
[ "$status" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
