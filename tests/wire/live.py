"""A turn of the running server over plain HTTP: framing, order, replay (the contract of a run's events)."""

import http.client
import json
import os
import re
import urllib.parse

from checks import check, equal, finish, send

BASE = os.environ["SIXTY_URL"]
TOKEN = os.environ["OWNER_TOKEN"]
AUTH = {"authorization": f"Bearer {TOKEN}"}
# The three lines of a frame in their order, and one JSON object on one line.
FRAME = re.compile(r"id: (\d+)\.(\d+)\nevent: ([a-z_]+)\ndata: (\{[^\n]*\})\n\n")
COMMENT = re.compile(r":[^\n]*\n\n")
EVENTS = {
    "run_started", "thinking", "token", "message_complete", "tool_start", "tool_result", "step", "card", "question",
    "approval_required", "memory_written", "compaction", "reset", "session_updated", "done", "error",
}


class Stream:
    """An answer as it came: its head, its frames, and how many reads brought them."""

    def __init__(self, method, path, body=None, headers=None):
        address = urllib.parse.urlsplit(BASE)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        given = {**AUTH, "accept": "text/event-stream", "accept-encoding": "gzip, br", **(headers or {})}
        if body is not None:
            given["content-type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), given)
        response = connection.getresponse()
        self.status, self.headers = response.status, response.headers
        raw, self.reads = b"", 0
        while piece := response.read1(65536):
            raw += piece
            self.reads += 1
        connection.close()
        self.text = raw.decode()
        self.frames = list(frames(self.text))


def frames(text):
    at = 0
    while at < len(text):
        if comment := COMMENT.match(text, at):
            at = comment.end()
            continue
        frame = FRAME.match(text, at)
        assert frame, f"no frame of three lines at: {text[at:at + 200]!r}"
        yield (int(frame[1]), int(frame[2])), frame[3], json.loads(frame[4])
        at = frame.end()


def call(method, path, body=None, headers=None):
    status, head, text = send(method, BASE + path, body, {**AUTH, **(headers or {})})
    return status, head, json.loads(text) if text else None


def session():
    status, _, made = call("POST", "/v1/sessions", {"entity": {"kind": "deal", "id": "D-42"}})
    equal(status, 201)
    return made["id"]


SESSION = session()
TURN = Stream("POST", f"/v1/sessions/{SESSION}/messages", {"text": "What do you know about D-42?"})
NAMES = [name for _, name, _ in TURN.frames]
RUN = TURN.frames[0][2]["run_id"]


def head():
    equal(TURN.status, 200)
    equal(TURN.headers["content-type"], "text/event-stream")
    equal(TURN.headers["cache-control"], "no-cache, no-transform")
    equal(TURN.headers["x-accel-buffering"], "no")
    equal(TURN.headers["content-encoding"], None)
    equal(TURN.headers["location"], f"/v1/runs/{RUN}")
    assert TURN.headers["x-request-id"]


def order():
    equal(NAMES[0], "run_started")
    equal(NAMES[-1], "done")
    equal(sum(name in ("done", "error") for name in NAMES), 1)
    ids = [id for id, _, _ in TURN.frames]
    assert ids == sorted(set(ids)), f"ids do not grow: {ids}"
    assert set(NAMES) <= EVENTS, f"unknown events: {set(NAMES) - EVENTS}"
    equal({data["run_id"] for _, _, data in TURN.frames}, {RUN})


def no_nulls():
    for _, name, data in TURN.frames:
        assert None not in data.values(), f"{name} has a null: {data}"


def required():
    fields = {
        "run_started": {"session_id", "message_id", "model", "mode"},
        "token": {"message_id", "text"},
        "message_complete": {"message_id", "content", "text", "stop_reason"},
        "tool_start": {"id", "name", "title", "input"},
        "tool_result": {"id", "name", "success", "duration_ms"},
        "done": {"status", "iterations", "tools_used", "usage"},
    }
    for name, wanted in fields.items():
        found = [data for _, seen, data in TURN.frames if seen == name]
        assert found, f"the turn had no {name}"
        for data in found:
            assert wanted <= data.keys(), f"{name} lacks {wanted - data.keys()}"


def tools():
    starts = [data["id"] for _, name, data in TURN.frames if name == "tool_start"]
    results = [data["id"] for _, name, data in TURN.frames if name == "tool_result"]
    used = [tool["id"] for tool in TURN.frames[-1][2]["tools_used"]]
    assert starts
    equal(sorted(results), sorted(starts))
    equal(sorted(used), sorted(starts))


def piecewise():
    assert TURN.reads > 3, f"the whole stream came in {TURN.reads} reads"


def assembled():
    _, _, page = call("GET", f"/v1/sessions/{SESSION}/messages")
    stored = {message["id"]: message for message in page["data"]}
    for _, name, data in TURN.frames:
        if name != "message_complete":
            continue
        tokens = "".join(
            token["text"] for _, seen, token in TURN.frames
            if seen == "token" and token["message_id"] == data["message_id"]
        )
        equal(tokens, data["text"])
        equal(stored[data["message_id"]]["content"], data["content"])


def replay():
    equal(Stream("GET", f"/v1/runs/{RUN}/events").frames, TURN.frames)


def resume():
    for at in sorted({0, 1, len(TURN.frames) // 2, len(TURN.frames) - 2}):
        id = "{}.{}".format(*TURN.frames[at][0])
        rest = TURN.frames[at + 1:]
        equal(Stream("GET", f"/v1/runs/{RUN}/events", headers={"last-event-id": id}).frames, rest)
        equal(Stream("GET", f"/v1/runs/{RUN}/events?after={id}").frames, rest)


def waited():
    status, _, turn = call("POST", f"/v1/sessions/{session()}/messages", {"text": "Hello"}, {"prefer": "wait=30"})
    equal((status, turn["run"]["status"]), (200, "done"))
    equal(turn["message"]["role"], "assistant")


def asynchronous():
    path = f"/v1/sessions/{session()}/messages"
    status, headers, turn = call("POST", path, {"text": "Hello"}, {"prefer": "respond-async"})
    equal(status, 202)
    equal(headers["location"], f"/v1/runs/{turn['run']['id']}")
    equal(Stream("GET", headers["location"] + "/events").frames[-1][1], "done")


def joined():
    path, key = f"/v1/sessions/{session()}/messages", {"idempotency-key": "a-turn"}
    first = Stream("POST", path, {"text": "Hello"}, key)
    equal(Stream("POST", path, {"text": "Hello"}, key).frames, first.frames)
    status, _, problem = call("POST", path, {"text": "Goodbye"}, key)
    equal((status, problem["code"]), (422, "idempotency_mismatch"))


def unread():
    path, address = f"/v1/sessions/{session()}/messages", urllib.parse.urlsplit(BASE)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    head = {**AUTH, "accept": "text/event-stream", "content-type": "application/json"}
    connection.request("POST", path, json.dumps({"text": "What do you know about D-42?"}), head)
    response = connection.getresponse()
    run = response.headers["location"]
    response.close()
    connection.close()
    equal(Stream("GET", f"{run}/events").frames[-1][1], "done")


def decided():
    path = f"/v1/sessions/{session()}/messages"
    turn = Stream("POST", path, {"text": "Move D-42 to negotiation"})
    (asked,) = [data for _, name, data in turn.frames if name == "approval_required"]
    equal(turn.frames[-1][2]["status"], "waiting")
    wanted = {"tool_call_id", "name", "action", "input", "preview", "expires_at", "blocking", "run_id"}
    assert wanted <= asked.keys(), f"approval_required lacks {wanted - asked.keys()}"
    approval, last = f"/v1/approvals/{asked['approval_id']}", "{}.{}".format(*turn.frames[-1][0])
    status, _, shown = call("GET", approval)
    equal((status, shown["status"], shown["input"]), (200, "pending", asked["input"]))
    status, headers, answer = call("POST", approval, {"decision": "approve"})
    equal((status, answer), (202, {"run_id": asked["run_id"]}))
    rest = Stream("GET", headers["location"] + "/events", headers={"last-event-id": last}).frames
    equal([rest[0][1], rest[-1][1], rest[-1][2]["status"]], ["tool_result", "done", "done"])
    equal(Stream("GET", headers["location"] + "/events").frames, turn.frames[:-1] + rest)
    status, _, problem = call("POST", approval, {"decision": "deny"})
    equal((status, problem["code"]), (409, "already_decided"))
    equal(call("GET", "/v1/entities/deal/D-42")[2]["stage"], "negotiation")


def problems():
    for status, method, path, body, headers in [
        (401, "GET", "/v1/me", None, {"authorization": ""}),
        (404, "GET", "/v1/runs/00000000-0000-7000-8000-000000000000", None, {}),
        (404, "GET", "/v1/nothing-of-the-kind", None, {}),
        (405, "DELETE", "/v1/me", None, {}),
        (422, "POST", "/v1/sessions", {"titel": "Unknown"}, {}),
        (415, "POST", "/v1/sessions", {}, {"content-type": "text/plain"}),
    ]:
        seen, head, problem = call(method, path, body, headers)
        equal((seen, head["content-type"]), (status, "application/problem+json"))
        equal((problem["status"], problem["type"]), (status, f"/problems/{problem['code']}"))
        equal(problem["request_id"], head["x-request-id"])


for sentence, body in [
    ("a stream's head forbids caching, buffering and compression, and names its run", head),
    ("a stream begins with run_started, ends with one done, and its ids grow", order),
    ("what is optional is left out and never null", no_nulls),
    ("every event has the fields of the contract", required),
    ("every tool that started has one result and stands in done", tools),
    ("frames come while the answer is made", piecewise),
    ("the text that a reader assembles is the stored message", assembled),
    ("a run that is over is replayed frame by frame", replay),
    ("a reader that comes back gets what it missed, once", resume),
    ("without a stream the answer is waited for", waited),
    ("a run that was started asynchronously is followed by its Location", asynchronous),
    ("a repeated request joins its run, and another body is refused", joined),
    ("a client that goes away does not stop its run", unread),
    ("a call that needs a person waits, is decided once, and its run goes on", decided),
    ("every refusal is a problem document", problems),
]:
    check(f"http: {sentence}", body)
finish()
