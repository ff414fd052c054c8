"""The stand-in for model providers, asked by OpenAI's SDK for Python."""

import json
import os

import openai
from checks import check, equal, finish, send

BASE = os.environ["SIM_URL"]
MODEL = "sim/any"
QUESTION = [{"role": "user", "content": "How many deals close this month?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
WITH_USAGE = {"include_usage": True}


def client(**options):
    return openai.OpenAI(api_key="key", base_url=f"{BASE}/v1", **{"max_retries": 0, **options})


def script(*replies):
    send("DELETE", f"{BASE}/sim/script")
    send("DELETE", f"{BASE}/sim/requests")
    equal(send("POST", f"{BASE}/sim/script", list(replies))[0], 200)


def requests():
    return json.loads(send("GET", f"{BASE}/sim/requests")[2])["data"]


def ask(asked=None, **more):
    return (asked or client()).chat.completions.create(**{"model": MODEL, "messages": QUESTION, **more})


def raised(kind, work):
    try:
        work()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def plain():
    script({"content": [{"text": "Three deals."}],
            "usage": {"input_tokens": 12, "output_tokens": 4, "cache_read_input_tokens": 8}})
    answer = ask(max_completion_tokens=100)
    equal((answer.object, answer.model, answer.choices[0].finish_reason), ("chat.completion", MODEL, "stop"))
    equal((answer.choices[0].message.role, answer.choices[0].message.content), ("assistant", "Three deals."))
    usage = answer.usage
    equal((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (20, 4, 24))
    equal(usage.prompt_tokens_details.cached_tokens, 8)
    assert answer.id.startswith("chatcmpl-") and answer._request_id and answer.created > 0


def streamed():
    script({"content": [{"text": "Grüße aus Köln, 東京 and 🦀."}], "chunk_chars": 1,
            "slow_bytes": {"size": 3, "pause_ms": 0}})
    chunks = list(ask(stream=True, stream_options=WITH_USAGE))
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    equal("".join(texts), "Grüße aus Köln, 東京 and 🦀.")
    equal((chunks[0].choices[0].delta.role, chunks[-2].choices[0].finish_reason), ("assistant", "stop"))
    equal(chunks[-1].choices, [])
    assert chunks[-1].usage.completion_tokens > 0 and all(chunk.usage is None for chunk in chunks[:-1])
    assert len(texts) > 20


def without_usage():
    script({"content": [{"text": "Yes."}]})
    assert all(chunk.usage is None and chunk.choices for chunk in ask(stream=True))


def put_together():
    script({"content": [{"text": "I look."}, {"tool": {"name": "get_weather", "input": {"place": "Graz"}}}]})
    with client().chat.completions.stream(model=MODEL, messages=QUESTION, tools=[WEATHER]) as stream:
        message = stream.get_final_completion().choices[0].message
    equal((message.content, message.tool_calls[0].function.arguments), ("I look.", '{"place":"Graz"}'))


def tool_round_trip():
    script({"content": [{"text": "I look."}, {"tool": {"name": "get_weather", "input": {"place": "Graz"}}},
                        {"tool": {"name": "get_weather", "input": {"place": "Linz"}}}]})
    choice = ask(tools=[WEATHER]).choices[0]
    equal(choice.finish_reason, "tool_calls")
    calls = choice.message.tool_calls
    equal([json.loads(call.function.arguments) for call in calls], [{"place": "Graz"}, {"place": "Linz"}])
    script({"content": [{"text": "Rain."}]})
    results = [{"role": "tool", "tool_call_id": call.id, "content": "12 °C, rain"} for call in calls]
    equal(ask(messages=[*QUESTION, choice.message, *results], tools=[WEATHER]).choices[0].message.content, "Rain.")
    unanswered = raised(openai.BadRequestError, lambda: ask(
        messages=[*QUESTION, choice.message, results[0], *QUESTION], tools=[WEATHER]))
    assert calls[1].id in unanswered.message and calls[0].id not in unanswered.message
    unasked = raised(openai.BadRequestError, lambda: ask(messages=[*QUESTION, results[0]]))
    equal((unasked.type, unasked.param), ("invalid_request_error", "messages[1].role"))


def streamed_calls():
    script({"content": [{"tool": {"name": "get_weather", "id": "call_1", "input": {"place": "Graz"}}},
                        {"tool": {"name": "get_weather", "id": "call_2", "input": {}}}]})
    calls = {}
    for chunk in ask(stream=True, tools=[WEATHER]):
        for piece in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(piece.index, {"id": piece.id, "name": piece.function.name, "arguments": ""})
            call["arguments"] += piece.function.arguments
    equal(calls, {
        0: {"id": "call_1", "name": "get_weather", "arguments": '{"place":"Graz"}'},
        1: {"id": "call_2", "name": "get_weather", "arguments": "{}"},
    })


def reasoning():
    script({"content": [{"thinking": "Let me count."}, {"text": "Three."}]})
    deltas = [chunk.choices[0].delta for chunk in ask(stream=True)]
    equal("".join(getattr(delta, "reasoning_content", "") for delta in deltas), "Let me count.")


def reasons():
    for said, wanted in [("max_tokens", "length"), ("refusal", "content_filter"), ("end_turn", "stop")]:
        script({"content": [{"text": "So"}], "stop_reason": said})
        equal(ask().choices[0].finish_reason, wanted)


def models():
    equal(client().models.retrieve("demo").id, "demo")
    listed = client().models.list().data
    equal([(model.id, model.object) for model in listed], [("demo", "model")])


ERRORS = [
    (400, openai.BadRequestError, "invalid_request_error"),
    (401, openai.AuthenticationError, "invalid_request_error"),
    (403, openai.PermissionDeniedError, "invalid_request_error"),
    (404, openai.NotFoundError, "invalid_request_error"),
    (429, openai.RateLimitError, "requests"),
    (500, openai.InternalServerError, "server_error"),
    (529, openai.InternalServerError, "server_error"),
]


def refused(status, kind, name):
    script({"status": status})
    error = raised(kind, ask)
    equal((error.status_code, error.type), (status, name))
    assert error.request_id and error.message
    equal(len(requests()), 1)


def wrong_requests():
    for wrong in [
        {"messages": []},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "robot", "content": "Hi"}]},
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}]},
        {"tool_choice": "required"},
        {"stream_options": WITH_USAGE},
        {"max_tokens": 5, "max_completion_tokens": 5},
        {"extra_body": {"system": "Be brief."}},
        {"extra_body": {"tools": []}},
    ]:
        script({"content": [{"text": "never"}]})
        equal(raised(openai.BadRequestError, lambda: ask(**wrong)).type, "invalid_request_error")


def retried(status):
    busy = {"status": status, "headers": {"retry-after-ms": "5"}}
    script(busy, busy, {"content": [{"text": "At last."}]})
    equal(ask(client(max_retries=2)).choices[0].message.content, "At last.")
    equal([request["headers"].get("x-stainless-retry-count") for request in requests()], ["0", "1", "2"])


def error_event():
    script({"content": [{"text": "This breaks off here"}],
            "error_after": {"deltas": 2, "type": "overloaded_error", "message": "Overloaded"}})
    seen = []

    def read():
        seen.extend(chunk.choices[0].delta.content or "" for chunk in ask(stream=True))

    error = raised(openai.APIError, read)
    equal((error.message, error.type), ("Overloaded", "server_error"))
    equal("".join(seen), "This bre")


def cut_stream():
    script({"content": [{"text": "This breaks off here"}], "cut_after": 4})
    seen = []
    raised(Exception, lambda: seen.extend(ask(stream=True)))
    assert all(chunk.choices[0].finish_reason is None for chunk in seen)


def quirks():
    script({"content": [{"tool": {"name": "get_weather", "input": {}}}],
            "quirks": ["no_created", "no_index", "no_ids", "no_usage", "always_stop", "no_done"]})
    raw = ask(stream=True, stream_options=WITH_USAGE, tools=[WEATHER])
    text = "".join(line for line in raw.response.iter_text())
    assert not any(name in text for name in ["created", "usage", "DONE", '"id":"call']), text
    assert '"finish_reason":"stop"' in text


for sentence, body in [
    ("a plain answer is a completion", plain),
    ("an answer streams character by character, and ends with its usage", streamed),
    ("usage comes only where it is asked for", without_usage),
    ("the SDK puts a stream together", put_together),
    ("two tools are called, answered and answered upon", tool_round_trip),
    ("parallel calls stream by their index", streamed_calls),
    ("reasoning streams beside the text", reasoning),
    ("reasons to stop have this wire's names", reasons),
    ("models are listed and found", models),
    ("wrong requests are refused and use up no reply", wrong_requests),
    ("an error in the middle of a stream is raised after the text before it", error_event),
    ("a stream that is cut does not look finished", cut_stream),
    ("a script may ask for what compatible servers leave out", quirks),
]:
    check(f"python, openai: {sentence}", body)
for status, kind, name in ERRORS:
    check(f"python, openai: {status} is raised as {kind.__name__}", lambda: refused(status, kind, name))
for status in (429, 500, 529):
    check(f"python, openai: {status} is retried twice, after the time that the answer names",
          lambda: retried(status))
finish()
