"""A list of checks: each is a sentence that is true, or a failure that says why not."""

import json
import os
import sys
import time
import traceback
import urllib.request

passed, failed = 0, 0


def check(sentence, body):
    """Runs one check and prints how it went."""
    global passed, failed
    start = time.monotonic()
    try:
        body()
    except Exception as error:  # a check may fail in any way
        failed += 1
        print(f"not ok  {sentence}")
        print("        " + "".join(traceback.format_exception(error)).strip().replace("\n", "\n        "))
    else:
        passed += 1
        print(f"ok      {sentence} ({time.monotonic() - start:.2f} s)")
    sys.stdout.flush()


def equal(seen, wanted):
    assert seen == wanted, f"{seen!r} is not {wanted!r}"


def send(method, url, body=None, headers=None):
    """A plain request to the loopback interface; answers (status, headers, text)."""
    data = None if body is None else json.dumps(body).encode()
    given = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, method=method, headers=given)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def finish():
    """Writes the counts where run.sh adds them up."""
    with open(os.environ["WIRE_COUNTS"], "a", encoding="utf-8") as counts:
        counts.write(f"{passed} {failed}\n")
    sys.exit(1 if failed else 0)
