#!/usr/bin/env python3
"""Holds a dozen conversations with a real model through a server of its own, and
prints what they cost. Needs ANTHROPIC_API_KEY.

Usage: smoke-live.py COMMAND…, where COMMAND runs the program `sixty`.

The prices are dollars per million tokens, from SMOKE_INPUT_USD and
SMOKE_OUTPUT_USD; the defaults are those of a mid-size model. Reading from the
provider's cache is counted at a tenth of the input's price, writing at 1.25 times.
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

# What is said in one conversation, the entity it is bound to, and what must come of it: a tool that was called, or
# words of which one must stand in the last answer, or the status in which the run stays.
CONVERSATIONS = [
    (["What do you know about deal D-42?"], None, {"tool": "get_entity", "words": ["84"]}),
    (["Who decides at Acme?"], "D-42", {"words": ["Dana"]}),
    (["Please remember that I prefer calls before ten."], None, {"tool": "memory_append"}),
    (["Which of our contacts works at Orion Glass?"], None, {"tool": "find_entities", "words": ["Priya"]}),
    (["Add a note to deal D-43: they want a site visit in January."], None, {"tool": "add_note"}),
    (["Move deal D-45 to won."], None, {"tool": "update_entity", "status": "waiting"}),
    (["Tom Arendt's phone number is +43 660 1234567, please put it on his record."], None, {"tool": "update_entity"}),
    (["What discount may I give without asking?"], None, {"words": ["12"]}),
    (["Is there a deal D-999?"], None, {"tool": "get_entity"}),
    (["Note for this deal's memory: Tom is on leave until Monday.", "Who is on leave?"], "D-42", {"words": ["Tom"]}),
    (["What did we say about the pilot in Graz in earlier conversations?"], None, {"tool": "recall"}),
    (["Look up D-46 and D-50 and tell me which is the riskier one, in one sentence."], None, {"tool": "get_entity"}),
]


def main(sixty: list[str]) -> str | None:
    if not os.environ.get("ANTHROPIC_API_KEY"):
        return "Set ANTHROPIC_API_KEY: this check asks a real model."
    data = tempfile.mkdtemp(prefix="sixty-smoke-")
    os.chmod(data, 0o755)  # Postgres runs as another user when we are root.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "SIXTY_MODEL_SIM")}
    environment |= {"SIXTY_DATA_DIR": data, "SIXTY_LISTEN": address}
    subprocess.run([*sixty, "seed-demo"], env=environment, check=True)
    server = subprocess.Popen([*sixty, "serve"], env=environment)
    try:
        wait_until_ready(server, address)
        command = [*sixty, "token", "--org", "demo", "--user", "alice", "--role", "owner"]
        token = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()
        return hold(f"http://{address}", token)
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


def hold(url: str, token: str) -> str | None:
    failures, spent = [], {}
    for number, (lines, deal, wanted) in enumerate(CONVERSATIONS, 1):
        entity = {"entity": {"kind": "deal", "id": deal}} if deal else {}
        session = post(f"{url}/v1/sessions", token, entity)
        problem, tools, text, started = None, [], "", time.monotonic()
        for line in lines:
            answer = post(f"{url}/v1/sessions/{session['id']}/messages", token, {"text": line})
            run = answer["run"]
            for kind, tokens in run["usage"].items():
                spent[kind] = spent.get(kind, 0) + tokens
            if run["status"] != wanted.get("status", "done"):
                problem = f"the run is {run['status']}: {run.get('error')}"
                break
            text = text_of(answer.get("message", {}))
            tools += tools_of(url, token, session["id"])
        problem = problem or judge(wanted, tools, text)
        print(f"{'FAIL' if problem else 'ok  '} {number:2} {time.monotonic() - started:5.1f} s  {lines[-1]}")
        if problem:
            print(f"        {problem}\n        tools: {tools}\n        answer: {text[:300]}")
            failures.append(number)
    print(f"\n{json.dumps(spent)}\n{cost(spent):.4f} USD, at the prices that this script was told")
    return f"{len(failures)} of {len(CONVERSATIONS)} conversations failed." if failures else None


def judge(wanted: dict, tools: list[str], text: str) -> str | None:
    if "tool" in wanted and wanted["tool"] not in tools:
        return f"the tool {wanted['tool']} was not called"
    if "words" in wanted and not any(word.lower() in text.lower() for word in wanted["words"]):
        return f"none of {wanted['words']} stands in the answer"
    return None


def cost(spent: dict) -> float:
    into, out = (float(os.environ.get(name, price)) for name, price in (("SMOKE_INPUT_USD", 3), ("SMOKE_OUTPUT_USD", 15)))
    read = spent.get("input_tokens", 0) + 0.1 * spent.get("cache_read_input_tokens", 0)
    read += 1.25 * spent.get("cache_creation_input_tokens", 0)
    return (read * into + spent.get("output_tokens", 0) * out) / 1e6


def text_of(message: dict) -> str:
    return "\n".join(block["text"] for block in message.get("content", []) if block["type"] == "text")


def tools_of(url: str, token: str, session: str) -> list[str]:
    request = urllib.request.Request(
        f"{url}/v1/sessions/{session}/messages?limit=100", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        messages = json.load(response)["data"]
    return [block["name"] for message in messages for block in message["content"] if block["type"] == "tool_use"]


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
