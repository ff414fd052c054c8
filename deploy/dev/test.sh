#!/usr/bin/env bash
# All tests of the workspace. The last line is the sum over all test programs: N passed, N failed, N skipped
set -euo pipefail

deploy/dev/build-faults.sh </dev/null
mkdir -p .cache
log=.cache/test.log
status=0
cargo test --workspace --locked --no-fail-fast </dev/null 2>&1 | tee "$log" || status=$?

# test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; …
read -r passed failed skipped < <(
    awk '/^test result: / { p += $4; f += $6; s += $8 } END { print p + 0, f + 0, s + 0 }' "$log"
)
if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
    echo "A test program did not compile, or died before it could count its failures."
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$status" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
