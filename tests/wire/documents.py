"""Folders of skills as nobody would write them by hand: from a seed, in all that the open format lets one write."""

import json
import random
import unicodedata

WORDS = [
    "null", "~", "yes", "No", "on", "true", "False", "0", "-1", "2.10", "1e3", "1e999", "0x1F", "0o17", "1_000", ".inf",
    ".nan", "2026-01-01", "12:30:00", "99999999999999999999999", "fast", "none", "local", "guide", "Ann", "a, b", "a b c",
    "sequence", "atomic", "sync", "stop", "größe", "東京", "🦀", "it's", "a#b", "a: b", "a #b", "- a", "? a", "<<", "=",
    "\"quoted\"", "'single'", "back\\slash", "{x}", "${company_name}", "${nonsense", "https://example.com/?a=b&c#d", "C++",
    "100%", "~/path", "/command", "/a|b(/", "(a|b) .*", "[x] y", "deal.lost", "a\ttab", "", " ", "very " * 40, "@at", "!bang",
    "*star", "&and", "`tick`", "%d", "|", ">", "a:", ":a", "---", "a --- b", "...", "\u00a0", "e\u0301", "ﬁ", "٣",
]
LETTERS = ["abcxyz", "0123456789", "äöüßéñ", "дзёж", "日本語", "अआक", "عربي", "αβς", "ﬁﬂ", "ａｂ１", "ªº²", "𝒶𝓫"]


class Maker:
    def __init__(self, seed, keys):
        self.dice = random.Random(seed)
        self.keys = keys

    def name(self):
        dice = self.dice
        letters = dice.choice(LETTERS) + dice.choice(LETTERS)
        parts = ["".join(dice.choice(letters) for _ in range(dice.randint(1, 8))) for _ in range(dice.randint(1, 4))]
        return "-".join(parts)

    def spelled(self, name):
        """The same name in another form, as file systems and keyboards make it."""
        return unicodedata.normalize(self.dice.choice(["NFC", "NFD", "NFKC", "NFKD"]), name)

    def scalar(self, text, indent):
        how = self.dice.randint(0, 9)
        if how < 5 and "\n" not in text:
            return " " + text
        if how < 7:
            return " " + json.dumps(text, ensure_ascii=self.dice.random() < 0.5)
        if how == 7:
            return " '" + text.replace("'", "''") + "'"
        sign = self.dice.choice(["|", ">", "|-", ">-", "|+", ">+"])
        lines = (text + "\n" + self.dice.choice(WORDS)).split("\n")
        return f" {sign}\n" + "\n".join(" " * (indent + 2) + line for line in lines)

    def value(self, indent, depth):
        """A value in block style, as it stands behind the colon of its key."""
        how = self.dice.randint(0, 9)
        if how < 6 or depth == 0:
            comment = "  # said" if self.dice.random() < 0.1 else ""
            return self.scalar(self.dice.choice(WORDS), indent) + comment
        if how == 6:
            return ""
        pad = "\n" + " " * (indent + 2)
        if how < 9:
            items = [self.value(indent + 2, depth - 1) for _ in range(self.dice.randint(1, 4))]
            return "".join(f"{pad}-{item}" for item in items)
        return "".join(f"{pad}{self.key()}:{self.value(indent + 2, depth - 1)}" for _ in range(self.dice.randint(1, 4)))

    def key(self):
        odd = ["colour", "some.dotted/key", "Größe", "two words", "1", "true", "x-y", "\"quoted key\"", "name", "key"]
        return self.dice.choice(self.keys if self.dice.random() < 0.7 else odd)

    def metadata(self):
        if self.dice.random() < 0.1:
            return "metadata:" + self.value(0, 2)
        members = dict.fromkeys(self.key() for _ in range(self.dice.randint(1, 6)))
        indent = self.dice.choice([1, 2, 4])
        return "metadata:" + "".join(f"\n{' ' * indent}{key}:{self.value(indent, 3)}" for key in members)

    def front(self, name):
        dice = self.dice
        lines = [f"name: {self.spelled(name)}"]
        lines.append("description:" + self.scalar(dice.choice(WORDS) + " Does it. " + dice.choice(WORDS), 0))
        for key in ["license", "compatibility", "allowed-tools"]:
            if dice.random() < 0.3:
                lines.append(f"{key}:{self.value(0, 2)}")
        if dice.random() < 0.9:
            lines.append(self.metadata())
        if dice.random() < 0.1:
            lines.insert(dice.randint(0, len(lines)), dice.choice(["# a comment", "", "   "]))
        dice.shuffle(lines)
        return "\n".join(lines)

    def body(self):
        dice = self.dice
        lines = [dice.choice([*WORDS, "# Title", "```", "@other/references/a.md", "execute_action(\"x\", {})", "| a | b |\n|---|"])
                 for _ in range(dice.randint(0, 12))]
        text = "\n".join(lines)
        return text + "x " * dice.choice([0] * 30 + [40_000, 150_000, 400_000])

    def document(self, name):
        dice = self.dice
        opening = dice.choice(["---\n"] * 12 + ["---  \n", "--- # first\n"])
        closing = dice.choice(["\n---\n"] * 12 + ["\n---", "\n---   \n", "\n--- ", "\n----\n", "\n  ---\n", " ---\n"])
        text = opening + self.front(name) + closing + self.body()
        return dice.choice([text] * 6 + [text.replace("\n", "\r\n"), text.replace("\n", "\r")])
