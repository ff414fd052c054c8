"""What is shown in Slack and what is believed of it, asked of Slack's own SDK for Python."""

import json
import os
import random
import subprocess
from pathlib import Path

import yaml
from checks import check, equal, finish
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View
from slack_sdk.signature import Clock, SignatureVerifier

EXAMPLE = Path(os.environ["SLACK_EXAMPLE"])
MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"
REQUESTS = 5_000
NOW = 1_790_000_000
LETTERS = "abcXYZ019=&%+:\n\t äß€🦀"


def ours(*arguments, given=""):
    done = subprocess.run([EXAMPLE, *arguments], input=given, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


class At(Clock):
    """A clock that stands."""

    def __init__(self, seconds):
        self.seconds = seconds

    def now(self):
        return self.seconds


def theirs(request):
    verifier = SignatureVerifier(request["secret"], At(request["now"]))
    return verifier.is_valid(request["body"], request["timestamp"], request["signature"])


def spoiled(draw, request):
    """A request as a forger would have it, or one that is a little off and still good."""
    signature, body = request["signature"], request["body"]
    at = draw.randrange(len(signature))
    return draw.choice([
        {},
        {},
        {"now": request["now"] + draw.choice([-301, -300, -299, 299, 300, 301])},
        {"timestamp": str(int(request["timestamp"]) + draw.choice([-1, 1, 60]))},
        {"body": body + draw.choice(LETTERS)},
        {"body": body[:-1]},
        {"body": body.swapcase()},
        {"secret": request["secret"] + "x"},
        {"signature": signature[:at] + draw.choice("0123456789abcdef") + signature[at + 1:]},
        {"signature": signature.upper()},
        {"signature": signature[:at]},
        {"signature": signature + "0"},
        {"signature": signature.replace("v0", "v1")},
        {"signature": signature[3:]},
    ])


def requests():
    draw = random.Random(60)
    for _ in range(REQUESTS):
        request = {
            "secret": "".join(draw.choice("0123456789abcdef") for _ in range(32)),
            "timestamp": str(NOW + draw.randrange(-310, 310)),
            "body": "".join(draw.choice(LETTERS) for _ in range(draw.choice([0, 1, 40, 400]))),
            "now": NOW,
        }
        verifier = SignatureVerifier(request["secret"])
        request["signature"] = verifier.generate_signature(timestamp=request["timestamp"], body=request["body"])
        yield {**request, **spoiled(draw, request)}


def signatures():
    asked = list(requests())
    said = ours("verify", given="".join(json.dumps(request) + "\n" for request in asked))
    equal(len(said), len(asked))
    believed = 0
    for request, answer in zip(asked, said):
        wanted = theirs(request)
        assert answer == str(wanted).lower(), f"{answer} is not {wanted}: {request}"
        believed += wanted
    assert REQUESTS // 10 < believed < REQUESTS * 9 // 10, f"{believed} of {REQUESTS} were good"


def stricter():
    """Python reads as a number what Slack never sends; of these we believe none."""
    verifier = SignatureVerifier("secret")
    for timestamp in [f" {NOW}", f"+{NOW}", "1_790_000_000", f"{NOW} ", "٣", f"0{NOW}0", "", "x"]:
        signature = verifier.generate_signature(timestamp=timestamp, body="x")
        # A header is ASCII; other digits cannot even be sent.
        if timestamp.isascii():
            request = {"secret": "secret", "timestamp": timestamp, "body": "x", "now": NOW, "signature": signature}
            equal(ours("verify", given=json.dumps(request) + "\n"), ["false"])


CORPUS = [json.loads(line) for line in ours("corpus")]


def blocks():
    """Each block is one to the SDK, passes its validators, and has no field that the SDK does not know."""
    seen = set()
    for line in CORPUS:
        for given in line["value"]["blocks"]:
            block = Block.parse(given)
            assert block is not None, f"no block to the SDK: {given}"
            equal(block.to_dict(), given)
            seen.add(given["type"])
    equal(seen, {"actions", "context", "input", "markdown", "rich_text", "section"})


def views():
    modals = [line["value"] for line in CORPUS if line["kind"] == "view"]
    assert len(modals) > 50
    for given in modals:
        equal(View(**given).to_dict(), given)


def limits():
    """What the SDK does not check."""
    for line in CORPUS:
        value = line["value"]
        if line["kind"] == "message":
            assert len(value["text"]) <= 4_000 and 1 <= len(value["blocks"]) <= 50
            markdown = sum(len(block["text"]) for block in value["blocks"] if block["type"] == "markdown")
            assert markdown <= 12_000
            equal((value["unfurl_links"], value["unfurl_media"]), (False, False))
        else:
            assert 1 <= len(value["blocks"]) <= 100


def nobody():
    """Only the person who decided is named, and times are shown; a model mentions nobody."""
    for line in CORPUS:
        for text in texts(line["value"]):
            rest = text.replace("<@U123>", "").replace("<!date^", "")
            assert not any(token in rest for token in ("<@", "<!", "<#")), text


def texts(value):
    """Texts in which Slack reads mentions: not the letters of rich text."""
    if isinstance(value, dict):
        if value.get("type") == "rich_text":
            return
        for name, inner in value.items():
            if isinstance(inner, str) and name == "text":
                yield inner
            else:
                yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def manifest():
    """The lengths of Slack's reference of manifests, and one host in all addresses."""
    given = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    shown = given["display_information"]
    assert len(shown["name"]) <= 35 and len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4_000
    commands = given["features"]["slash_commands"]
    equal([command["command"] for command in commands], ["/sixty", "/60"])
    assert all(len(command["description"]) <= 2_000 and len(command["usage_hint"]) <= 1_000 for command in commands)
    settings = given["settings"]
    equal({command["url"] for command in commands}, {"https://sixty.example.com/slack/commands"})
    equal(given["oauth_config"]["redirect_urls"], ["https://sixty.example.com/slack/oauth"])
    equal(settings["event_subscriptions"]["request_url"], "https://sixty.example.com/slack/events")
    equal(settings["interactivity"]["request_url"], "https://sixty.example.com/slack/interactions")


for sentence, body in [
    (f"of {REQUESTS} requests, good and forged, we believe those that Slack's SDK believes", signatures),
    ("a time that is no plain number is not believed", stricter),
    ("Slack's SDK takes every block that is shown", blocks),
    ("Slack's SDK takes every view that is opened", views),
    ("messages and views are within the limits that the SDK leaves to Slack", limits),
    ("nobody is mentioned by what a model wrote", nobody),
    ("the manifest is within Slack's limits and names the addresses of the service", manifest),
]:
    check(f"slack: {sentence}", body)
finish()
