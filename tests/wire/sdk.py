"""The stand-in for model providers, asked by Anthropic's SDK for Python."""

import json
import os

import anthropic
from checks import check, equal, finish, send

BASE = os.environ["SIM_URL"]
MODEL = "sim/any"
QUESTION = [{"role": "user", "content": "How many deals close this month?"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather at a place",
    "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


def current(**options):
    """As the SDK speaks on its own: a bearer token, and the newest version of the API."""
    return anthropic.Anthropic(api_key="key", base_url=BASE, **{"max_retries": 0, **options})


def older(**options):
    """The style before: `x-api-key`, and the version of 2023."""
    headers = {"anthropic-version": "2023-06-01", "X-Api-Key": "key"}
    client = anthropic.Anthropic(
        api_key="key", base_url=BASE, default_headers=headers, **{"max_retries": 0, **options}
    )
    client.api_key = None
    return client


WANTED = {"2026-10-21": ("2026-10-21", False, True), "2023-06-01": ("2023-06-01", True, False)}
STYLES = {"a bearer token and 2026-10-21": current, "x-api-key and 2023-06-01": older}


def script(*replies):
    send("DELETE", f"{BASE}/sim/script")
    send("DELETE", f"{BASE}/sim/requests")
    equal(send("POST", f"{BASE}/sim/script", list(replies))[0], 200)


def requests():
    return json.loads(send("GET", f"{BASE}/sim/requests")[2])["data"]


def ask(client, **more):
    return client.messages.create(model=MODEL, max_tokens=100, messages=QUESTION, **more)


def raised(kind, work):
    try:
        work()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def says_who_it_is(client):
    script({"content": [{"text": "Three deals."}]})
    ask(client)
    headers = requests()[0]["headers"]
    style = headers["anthropic-version"], "x-api-key" in headers, "authorization" in headers
    equal(style, WANTED[client.default_headers["anthropic-version"]])


def plain(client):
    script({"content": [{"text": "Three deals."}], "usage": {"input_tokens": 12, "output_tokens": 4}})
    message = ask(client)
    equal([block.text for block in message.content], ["Three deals."])
    equal((message.type, message.role, message.stop_reason), ("message", "assistant", "end_turn"))
    equal((message.usage.input_tokens, message.usage.output_tokens), (12, 4))
    assert message.id.startswith("msg_") and message._request_id


def streamed(client):
    script({"content": [{"text": "Grüße aus Köln, 東京 and 🦀."}], "chunk_chars": 1,
            "slow_bytes": {"size": 3, "pause_ms": 0}})
    with client.messages.stream(model=MODEL, max_tokens=100, messages=QUESTION) as stream:
        text = list(stream.text_stream)
        message = stream.get_final_message()
    equal("".join(text), "Grüße aus Köln, 東京 and 🦀.")
    assert len(text) > 10
    equal(message.content[0].text, "".join(text))
    equal(message.stop_reason, "end_turn")


def raw_stream(client):
    script({"content": [{"text": "One two three"}]})
    names = [event.type for event in ask(client, stream=True)]
    equal(names[:2], ["message_start", "content_block_start"])
    equal(names[-3:], ["content_block_stop", "message_delta", "message_stop"])
    assert names.count("content_block_delta") > 1


def unknown_events(client):
    script({"content": [{"text": "Still here."}], "unknown_events": True})
    with client.messages.stream(model=MODEL, max_tokens=100, messages=QUESTION) as stream:
        equal("".join(stream.text_stream), "Still here.")


def tool_round_trip(client):
    script({"content": [{"text": "I look."}, {"tool": {"name": "get_weather", "input": {"place": "Graz"}}}]})
    with client.messages.stream(model=MODEL, max_tokens=100, messages=QUESTION, tools=[WEATHER]) as stream:
        message = stream.get_final_message()
    equal(message.stop_reason, "tool_use")
    call = message.content[1]
    equal((call.type, call.name, call.input), ("tool_use", "get_weather", {"place": "Graz"}))
    script({"content": [{"text": "Rain."}]})
    conversation = [
        *QUESTION,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "12 °C, rain"}]},
    ]
    answer = client.messages.create(model=MODEL, max_tokens=100, messages=conversation, tools=[WEATHER])
    equal(answer.content[0].text, "Rain.")
    unanswered = raised(anthropic.BadRequestError, lambda: client.messages.create(
        model=MODEL, max_tokens=100, tools=[WEATHER], messages=[*conversation[:2], *QUESTION]))
    assert call.id in unanswered.message


def empty_arguments(client):
    script({"content": [{"tool": {"name": "get_weather", "input": {}}}], "empty_first_partial_json": True})
    with client.messages.stream(model=MODEL, max_tokens=100, messages=QUESTION, tools=[WEATHER]) as stream:
        equal(stream.get_final_message().content[0].input, {})


def thinking(client):
    script({"content": [{"thinking": "Let me count."}, {"text": "Three."}]})
    with client.messages.stream(
        model=MODEL, max_tokens=2000, messages=QUESTION, thinking={"type": "enabled", "budget_tokens": 1024}
    ) as stream:
        message = stream.get_final_message()
    equal([block.type for block in message.content], ["thinking", "text"])
    equal(message.content[0].thinking, "Let me count.")
    assert message.content[0].signature
    script({"content": [{"text": "Three, as I said."}]})
    history = [*QUESTION, {"role": "assistant", "content": message.content}, {"role": "user", "content": "Sure?"}]
    again = client.messages.create(model=MODEL, max_tokens=100, messages=history)
    equal(again.content[0].text, "Three, as I said.")


def tokens(client):
    count = client.messages.count_tokens(model=MODEL, messages=QUESTION).input_tokens
    longer = client.messages.count_tokens(model=MODEL, messages=QUESTION, system="word " * 200).input_tokens
    assert 0 < count < longer


def models(client):
    found = client.models.retrieve("demo")
    equal(found.id, "demo")
    assert found.max_input_tokens > 0 and found.max_tokens > 0
    assert [model.id for model in client.models.list()]


def cached(client):
    system = [{"type": "text", "text": f"{client.default_headers} fact " * 400,
               "cache_control": {"type": "ephemeral"}}]
    usages = []
    for _ in range(2):
        script({"content": [{"text": "Yes."}]})
        usages.append(ask(client, system=system).usage)
    assert usages[0].cache_creation_input_tokens > 1024
    equal(usages[1].cache_read_input_tokens, usages[0].cache_creation_input_tokens)


ERRORS = [
    (400, anthropic.BadRequestError, "invalid_request_error"),
    (401, anthropic.AuthenticationError, "authentication_error"),
    (402, anthropic.PaymentRequiredError, "billing_error"),
    (403, anthropic.PermissionDeniedError, "permission_error"),
    (404, anthropic.NotFoundError, "not_found_error"),
    (413, anthropic.ContentTooLargeError, "request_too_large"),
    (429, anthropic.RateLimitError, "rate_limit_error"),
    (500, anthropic.InternalServerError, "api_error"),
    (504, anthropic.GatewayTimeoutError, "timeout_error"),
    (529, anthropic.OverloadedError, "overloaded_error"),
]


def refused(status, kind, name):
    script({"status": status})
    error = raised(kind, lambda: ask(current()))
    equal((error.status_code, error.type), (status, name))
    assert error.request_id and error.api_message
    equal(len(requests()), 1)


def no_key():
    error = raised(anthropic.AuthenticationError, lambda: ask(anthropic.Anthropic(
        api_key="x", base_url=BASE, max_retries=0, default_headers={"Authorization": anthropic.Omit()})))
    equal(error.type, "authentication_error")


def both_keys():
    client = current(default_headers={"X-Api-Key": "other"})
    equal(raised(anthropic.BadRequestError, lambda: ask(client)).status_code, 400)


def sampling():
    raised(anthropic.BadRequestError, lambda: ask(current(), extra_body={"temperature": 0.5}))
    script({"content": [{"text": "Warm."}]})
    equal(ask(older(), extra_body={"temperature": 0.5}).content[0].text, "Warm.")


def retried(status):
    busy = {"status": status, "headers": {"retry-after-ms": "5"}}
    script(busy, busy, {"content": [{"text": "At last."}]})
    equal(ask(current(max_retries=2)).content[0].text, "At last.")
    counts = [request["headers"].get("x-stainless-retry-count") for request in requests()]
    equal(counts, ["0", "1", "2"])


def told_not_to_retry():
    script({"status": 500, "headers": {"x-should-retry": "false"}}, {"content": [{"text": "Unasked."}]})
    raised(anthropic.InternalServerError, lambda: ask(current(max_retries=2)))
    equal(len(requests()), 1)


def gives_up():
    busy = {"status": 529, "headers": {"retry-after-ms": "5"}}
    script(busy, busy, busy)
    raised(anthropic.OverloadedError, lambda: ask(current(max_retries=2)))
    equal(len(requests()), 3)


def error_event():
    script({"content": [{"text": "This breaks off here"}],
            "error_after": {"deltas": 2, "type": "overloaded_error", "message": "Overloaded"}})
    seen = []

    def read():
        with current().messages.stream(model=MODEL, max_tokens=100, messages=QUESTION) as stream:
            seen.extend(stream.text_stream)

    error = raised(anthropic.APIStatusError, read)
    equal(error.type, "overloaded_error")
    equal("".join(seen), "This bre")


def cut_stream():
    script({"content": [{"text": "This breaks off here"}], "cut_after": 4})
    events = []

    def read():
        events.extend(event.type for event in ask(current(), stream=True))

    raised(Exception, read)
    assert "message_stop" not in events


for style, client in STYLES.items():
    for sentence, body in [
        ("the headers say who asks, once", says_who_it_is),
        ("a plain answer is a message", plain),
        ("an answer streams character by character", streamed),
        ("the events of a stream come in the order of the API", raw_stream),
        ("events that nobody knows disturb no one", unknown_events),
        ("a tool is called, answered and answered upon", tool_round_trip),
        ("a call without arguments has an empty object", empty_arguments),
        ("thinking streams with a signature and may come back", thinking),
        ("tokens are counted", tokens),
        ("models are listed and found", models),
        ("a cached prefix is written once and then read", cached),
    ]:
        check(f"python, {style}: {sentence}", lambda: body(client()))
for status, kind, name in ERRORS:
    check(f"python: {status} is raised as {kind.__name__}", lambda: refused(status, kind, name))
check("python: a request without a key is refused", no_key)
check("python: two keys at once are refused", both_keys)
check("python: sampling parameters belong to the older version", sampling)
for status in (429, 500, 529):
    check(f"python: {status} is retried twice, after the time that the answer names", lambda: retried(status))
check("python: what says that it should not be retried is not", told_not_to_retry)
check("python: after max_retries the error is the caller's", gives_up)
check("python: an error in the middle of a stream is raised after the text before it", error_event)
check("python: a stream that is cut does not look finished", cut_stream)
finish()
