"""The running server and an app of Slack's own framework (Bolt for Python), given the same requests: both acknowledge
the same ones, and refuse the same ones."""

import http.client
import json
import os
import re
import time
import urllib.parse
from pathlib import Path

import yaml
from checks import check, equal, finish, send
from slack_bolt import App, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

ADDRESS = urllib.parse.urlsplit(os.environ["SIXTY_URL"])
SECRET = os.environ["SLACK_SIGNING_SECRET"]
MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def bolt():
    """An app that acknowledges everything that ours is sent."""
    authorized = AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_id="B1", bot_user_id="UBOT")
    app = App(signing_secret=SECRET, authorize=lambda **_: authorized)
    for event in ("app_mention", "message", "app_uninstalled", "tokens_revoked"):
        app.event(event)(lambda ack: ack())
    for command in ("/sixty", "/60"):
        app.command(command)(lambda ack: ack())
    app.action(re.compile("sixty_.*"))(lambda ack: ack())
    app.view(re.compile("sixty_.*"))(lambda ack: ack())
    return app


THEIRS = bolt()


def signed(body, seconds=0, secret=SECRET):
    timestamp = str(int(time.time()) + seconds)
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}


def ask_theirs(kind, body, headers):
    given = {"content-type": [kind], **{name: [value] for name, value in headers.items()}}
    answer = THEIRS.dispatch(BoltRequest(body=body, headers=given))
    return answer.status, answer.body or ""


def ask_ours(path, kind, body, headers):
    connection = http.client.HTTPConnection(ADDRESS.hostname, ADDRESS.port, timeout=30)
    start = time.monotonic()
    connection.request("POST", path, body.encode(), {"content-type": kind, **headers})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    took = time.monotonic() - start
    assert took < 3, f"Slack waits for three seconds, and this took {took:.1f}"
    return answer.status, text


def both(path, kind, body, headers, same_body=False):
    """Both answers; they have the same status and, where Slack reads it, the same body."""
    status, text = ask_theirs(kind, body, headers)
    our_status, our_text = ask_ours(path, kind, body, headers)
    equal(our_status, status)
    if same_body:
        read = (lambda text: json.loads(text)) if text else (lambda text: text)
        equal(read(our_text), read(text))
    return status


def event(inner, **more):
    return json.dumps({
        "type": "event_callback", "token": "x", "team_id": "T1", "api_app_id": "A1", "event_id": f"Ev{time.time_ns()}",
        "event_time": int(time.time()), "event": inner,
        "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": True, "enterprise_id": None}], **more,
    })


def mention(**more):
    return {"type": "app_mention", "user": "U1", "channel": "C1", "ts": "1790000000.000100", "text": "<@UBOT> hello",
            "event_ts": "1790000000.000100", **more}


def command(**more):
    fields = {
        "token": "x", "team_id": "T1", "team_domain": "t", "channel_id": "C1", "channel_name": "c", "user_id": "U1",
        "user_name": "u", "command": "/60", "text": "which deals close?", "api_app_id": "A1",
        "response_url": "https://hooks.slack.com/commands/1", "trigger_id": "1.2.3", **more,
    }
    return urllib.parse.urlencode(fields)


def interaction(payload):
    shared = {"api_app_id": "A1", "token": "x", "team": {"id": "T1", "domain": "t"}, "trigger_id": "1.2.3",
              "user": {"id": "U1", "username": "u", "team_id": "T1"}}
    return urllib.parse.urlencode({"payload": json.dumps({**shared, **payload})})


def click():
    return interaction({
        "type": "block_actions", "response_url": "https://hooks.slack.com/actions/1",
        "container": {"type": "message", "message_ts": "1.1", "channel_id": "C1"}, "channel": {"id": "C1", "name": "c"},
        "message": {"type": "message", "ts": "1.1", "text": "x", "user": "UBOT"}, "state": {"values": {}},
        "actions": [{"type": "button", "block_id": "b", "action_id": "sixty_approve", "value": "no approval",
                     "action_ts": "1.1", "text": {"type": "plain_text", "text": "Approve"}}],
    })


REQUESTS = [
    ("/slack/events", JSON, event(mention())),
    ("/slack/events", JSON, event({"type": "message", "channel_type": "im", **mention(type="message")})),
    ("/slack/commands", FORM, command()),
    ("/slack/commands", FORM, command(command="/sixty", text="help")),
    ("/slack/interactions", FORM, click()),
    ("/slack/events", JSON, json.dumps({"type": "url_verification", "token": "x", "challenge": "abc"})),
]


def challenge():
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "a challenge \u00e4 \"<\""})
    equal(both("/slack/events", JSON, body, signed(body), same_body=True), 200)


def certificate():
    for path in ("/slack/commands", "/slack/interactions"):
        equal(both(path, FORM, "ssl_check=1&token=x", {}, same_body=True), 200)


def events():
    for inner in [
        mention(),
        mention(thread_ts="1790000000.000100", ts="1790000000.000200"),
        {"type": "message", "channel_type": "im", "channel": "D1", "user": "U1", "text": "hi", "ts": "1790000001.0001"},
        {"type": "message", "channel_type": "im", "channel": "D1", "user": "UBOT", "bot_id": "B1", "text": "own",
         "ts": "1790000002.0001"},
        {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "1.1", "message": {"user": "U1"}},
        {"type": "app_uninstalled"},
        {"type": "tokens_revoked", "tokens": {"bot": ["UBOT"], "oauth": []}},
    ]:
        body = event(inner)
        equal(both("/slack/events", JSON, body, signed(body), same_body=True), 200)


def again():
    body = event(mention())
    for retry in ({}, {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}):
        equal(both("/slack/events", JSON, body, {**signed(body), **retry}, same_body=True), 200)


def commands_and_clicks():
    for path, kind, body in REQUESTS[2:5]:
        equal(both(path, kind, body, signed(body)), 200)


def refused():
    """Unsigned, wrongly signed, too old, from the future, or changed since."""
    for path, kind, body in REQUESTS:
        good = signed(body)
        for headers in [
            {},
            {"x-slack-request-timestamp": good["x-slack-request-timestamp"]},
            {"x-slack-signature": good["x-slack-signature"]},
            {**good, "x-slack-signature": "v0=" + "0" * 64},
            {**good, "x-slack-signature": good["x-slack-signature"].upper()},
            {**good, "x-slack-signature": good["x-slack-signature"][3:]},
            signed(body, seconds=-310),
            signed(body, seconds=310),
            signed(body, secret="another secret"),
            signed(body + " "),
        ]:
            equal(both(path, kind, body, headers), 401)


def near_the_limit():
    for path, kind, body in REQUESTS:
        for seconds in (-290, 290):
            equal(both(path, kind, body, signed(body, seconds)), 200)


def unreadable():
    """What makes Bolt itself stumble is refused by us."""
    body = event(mention())
    for timestamp in ("x", "1.5", "", "99999999999999999999"):
        headers = {**signed(body), "x-slack-request-timestamp": timestamp}
        equal(ask_ours("/slack/events", JSON, body, headers)[0], 401)


def scopes():
    """What an administrator is asked for is what the manifest has."""
    auth = {"authorization": f"Bearer {os.environ['OWNER_TOKEN']}"}
    status, _, made = send("POST", f"{os.environ['SIXTY_URL']}/v1/admin/slack/installs", {}, auth)
    equal(status, 201)
    link = urllib.parse.urlsplit(json.loads(made)["url"])
    connection = http.client.HTTPConnection(ADDRESS.hostname, ADDRESS.port, timeout=30)
    connection.request("GET", f"{link.path}?{link.query}")
    answer = connection.getresponse()
    asked = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["location"]).query)
    connection.close()
    manifest = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    equal(sorted(asked["scope"][0].split(",")), sorted(manifest["oauth_config"]["scopes"]["bot"]))


for sentence, body in [
    ("the challenge comes back", challenge),
    ("the certificate is asked for without a signature", certificate),
    ("events are acknowledged with nothing, our own and foreign ones too", events),
    ("an event that comes again is acknowledged again", again),
    ("commands and clicks are acknowledged", commands_and_clicks),
    ("what Slack has not signed is refused", refused),
    ("a signature holds for five minutes", near_the_limit),
    ("a time that is none is refused", unreadable),
    ("an installation asks for the scopes of the manifest", scopes),
]:
    check(f"slack, beside Bolt: {sentence}", body)
finish()
