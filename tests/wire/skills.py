"""Skills and the open format's own validator: what it accepts we accept, and what we export it accepts."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from checks import check, equal, finish
from skills_ref import validate

SIXTY = os.environ["SIXTY_BINARY"]
EXAMPLES = Path(os.environ["SKILLS_EXAMPLES"])
REPOSITORY = Path(__file__).parents[2]

# Front matters that the open format allows, by the name of their folder.
OPEN = {
    "least": "name: least\ndescription: Does little.",
    "all-fields": (
        "name: all-fields\ndescription: Does much. Use it often.\nlicense: Apache-2.0\n"
        "compatibility: Needs git and the network\nallowed-tools: Bash(git:*) Read\n"
        "metadata:\n  author: example-org\n  version: \"1.0\""
    ),
    "folded": "name: folded\ndescription: >-\n  Two lines\n  that are one.",
    "literal": "name: literal\ndescription: |\n  Two lines.\n  Indeed: two.",
    "quoted": "name: quoted\ndescription: 'It''s: quoted, #1'",
    "numbers": "name: numbers\ndescription: 42\nmetadata:\n  version: 2.10\n  author: 7\n  priority: 1",
    "words": "name: words\ndescription: true\nmetadata:\n  category: null\n  tags: yes",
    "nothing": "name: nothing\ndescription: null",
    "tilde": "name: tilde\ndescription: ~",
    "a1-b2-c3": "name: a1-b2-c3\ndescription: Digits and hyphens.",
    "123": "name: 123\ndescription: A number as a name.",
    "commented": "# first\nname: commented # here\ndescription: Has comments.",
    "longest": "name: longest\ndescription: " + "d" * 1024,
    "unicode": "name: unicode\ndescription: Grüße aus Köln, 東京 and 🦀",
    "own-keys": "name: own-keys\ndescription: x\nmetadata:\n  colour: green\n  some.dotted/key: value",
    "empty-metadata": "name: empty-metadata\ndescription: x\nmetadata:\nlicense:",
    "text-metadata": "name: text-metadata\ndescription: x\nmetadata: none",
    "no-body": "name: no-body\ndescription: x",
    "dashes": "name: dashes\ndescription: a --- b",
    "listed-tools": "name: listed-tools\ndescription: x\nallowed-tools:\n  - Read\n  - Grep",
}

# Front matters that it refuses and that we read, because skills are written that way.
LENIENT = {
    "titled": "name: A Title\ndescription: x",
    "other-name": "name: somebody-else\ndescription: x",
    "flow": "name: flow\ndescription: x\nmetadata: {tags: [a, b]}",
    "top-level": "name: top-level\ndescription: x\ncategory: writing\nrequires_context: [deal]",
    "long": "name: long\ndescription: " + "word " * 400,
}


def write(folder, name, front, body="\n# Body\n\nFollow this.\n"):
    skill = Path(folder, name)
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text(f"---\n{front}\n---\n{body}", encoding="utf-8")
    return skill


def sixty(*arguments):
    return subprocess.run([SIXTY, "skills", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def ours(path):
    done = sixty("check", path, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    equal(done.returncode, 1 if found["errors"] else 0)
    return [finding for skill in found["skills"] for finding in skill["errors"]]


def accepted(skill):
    equal(validate(skill), [])
    equal(ours(skill), [])


def lenient(skill):
    assert validate(skill), "the validator accepts it"
    equal(ours(skill), [])


def exported(skill, folder):
    """What the example program `export` makes of a skill, as the validator sees it."""
    done = subprocess.run(
        [EXAMPLES / "export", skill.name], input=(skill / "SKILL.md").read_text(encoding="utf-8"),
        capture_output=True, text=True, timeout=60, check=True,
    )
    target = Path(folder, "exported", skill.name)
    target.mkdir(parents=True)
    (target / "SKILL.md").write_text(done.stdout, encoding="utf-8")
    equal(validate(target), [])
    equal(ours(target), [])


with tempfile.TemporaryDirectory() as scratch:
    for name, front in OPEN.items():
        path = write(scratch, name, front)
        check(f"the open format's skill `{name}` is accepted", lambda: accepted(path))
        check(f"`{name}` is exported to the open format", lambda: exported(path, scratch))
    for name, front in LENIENT.items():
        path = write(scratch, name, front)
        check(f"`{name}` is read although the validator refuses it", lambda: lenient(path))
        check(f"`{name}` is exported to the open format", lambda: exported(path, scratch))
    for template in sorted((REPOSITORY / "crates/skills/templates").iterdir()):
        done = sixty("new", template.name, "--template", template.name, "--into", scratch)
        path = Path(scratch, template.name)
        check(f"the template {template.name} is written", lambda: equal(done.returncode, 0))
        check(f"the template {template.name} passes our check", lambda: equal(ours(path), []))
        check(f"the template {template.name} is exported to the open format", lambda: exported(path, scratch))
finish()
