#!/usr/bin/env python3
"""Asks a real model one question through a server of its own. Costs a few tokens.

Usage: smoke-live.py COMMAND…, where COMMAND runs the program `sixty`.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

QUESTION = "Answer with one word: which city is the capital of France?"


def main(sixty: list[str]) -> str | None:
    if not (os.environ.get("ANTHROPIC_API_KEY") or os.environ.get("OPENAI_API_KEY")):
        return "Set ANTHROPIC_API_KEY or OPENAI_API_KEY: this check asks a real model."
    data = tempfile.mkdtemp(prefix="sixty-smoke-")
    os.chmod(data, 0o755)  # Postgres runs as another user when we are root.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "SIXTY_MODEL_SIM")}
    environment |= {"SIXTY_DATA_DIR": data, "SIXTY_LISTEN": address}
    server = subprocess.Popen([*sixty, "serve"], env=environment)
    try:
        wait_until_ready(server, address)
        command = [*sixty, "token", "--org", "smoke", "--user", "smoke", "--role", "owner"]
        token = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
        return ask(f"http://{address}", token)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(60)
        shutil.rmtree(data, ignore_errors=True)


def wait_until_ready(server: subprocess.Popen, address: str) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if server.poll() is not None:
            sys.exit("The server ended instead of starting.")
        try:
            urllib.request.urlopen(f"http://{address}/readyz", timeout=5)
            return
        except OSError:
            time.sleep(0.2)
    sys.exit("The server was not ready within 90 s.")


def ask(url: str, token: str) -> str | None:
    session = post(f"{url}/v1/sessions", token, {"title": "smoke"})
    started = time.monotonic()
    answer = post(f"{url}/v1/sessions/{session['id']}/messages", token, {"text": QUESTION})
    seconds = time.monotonic() - started
    run = answer.get("run", {})
    print(json.dumps(answer, indent=2))
    if run.get("status") != "done":
        return f"The run is {run.get('status')} after {seconds:.1f} s."
    if str(run.get("model", "")).startswith("sim/"):
        return "The scripted stand-in answered, not a real model."
    if "paris" not in json.dumps(answer.get("message")).lower():
        return "The answer does not say Paris."
    print(f"{run.get('model')} answered in {seconds:.1f} s.")
    return None


def post(url: str, token: str, body: dict) -> dict:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Prefer": "wait=60"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=90) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(f"{url}: {error.code} {error.read().decode(errors='replace')}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
