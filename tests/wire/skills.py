"""Skills and the open format's own validator: what it accepts we accept, and what we export it accepts."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from checks import check, equal, finish
from documents import Maker
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
    "größe-東京": "name: größe-東京\ndescription: x",
    "e\u0301te\u0301": "name: été\ndescription: x",
    "fast": "name: fast\ndescription: x\nmetadata:\n  timeout_ms: fast\n  workflow: none\n  is_active: perhaps",
    "by-ann": "name: by-ann\ndescription: x\nlicense:\n  - MIT\nmetadata:\n  author:\n    name: Ann",
    "mapped-tools": "name: mapped-tools\ndescription: x\nallowed-tools:\n  bash: git",
    "listed-work": "name: listed-work\ndescription: x\nmetadata:\n  workflow:\n    - read it\n    - step: sum it up",
}

# What it accepts and we refuse: front matters, bodies, and what we say.
REFUSED = {
    # A skill without steps that cannot be read would be another skill.
    "steps": (
        "name: steps\ndescription: x\nmetadata:\n  workflow:\n    - order: 1",
        "Body", "has neither skill_key nor action: a step has one of them",
    ),
    # The validator cuts this in the middle of the description, and loses the steps.
    "hyphens": (
        "name: hyphens\ndescription: a --- b: c\nmetadata:\n  workflow:\n    - action: get_deal",
        "Body", "is not YAML: mapping values are not allowed in this context",
    ),
    # No database keeps U+0000.
    "zero": ("name: zero\ndescription: x", "a\0b", "has the character U+0000, which no text may have"),
    # Everything has a bound.
    "large": ("name: large\ndescription: x", "x" * 1_048_576, "has more than 1048576 bytes"),
    "large-front": (
        "name: large-front\ndescription: x\nmetadata:\n  note: " + "x" * 70_000,
        "Body", "has front matter of 70052 bytes, and 65536 is the most",
    ),
    "deep": (
        "name: deep\ndescription: x\nmetadata:\n" + "".join(" " * n + "a:\n" for n in range(2, 40)) + " " * 41 + "b: c",
        "Body", "is nested deeper than 24 levels",
    ),
    "many": (
        "name: many\ndescription: x\nmetadata:\n" + "\n".join(f"  k{n}: v" for n in range(201)),
        "Body", "has 201 keys, and 200 is the most",
    ),
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


def refused(skill, problem):
    equal(validate(skill), [])
    equal([finding["problem"] for finding in ours(skill)], [problem])


def is_cut_alike(text):
    """Whether the hyphens at which the validator ends the front matter begin a line, as ours have to."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("---", 2)[1].endswith("\n")


def generated(folder, count):
    """Folders of which the validator accepts each, of so many that are made by chance."""
    schema = json.loads((REPOSITORY / "openapi/skill.schema.json").read_text(encoding="utf-8"))
    maker = Maker(60, list(schema["properties"]["metadata"]["properties"]))
    kept = []
    for number in range(count):
        name = maker.name()
        text = maker.document(name)
        skill = Path(folder, str(number), maker.spelled(name))
        skill.mkdir(parents=True)
        (skill / maker.dice.choice(["SKILL.md", "skill.md"])).write_bytes(text.encode())
        if is_cut_alike(text) and not validate(skill):
            kept.append(skill)
        else:
            shutil.rmtree(skill.parent)
    return kept


def all_accepted(folder):
    kept = generated(folder, 2_000)
    assert len(kept) > 500, f"the validator accepts {len(kept)} of them: too few to tell"
    equal(ours(folder), [])


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


def workflow(folder, bad):
    """Runs the steps of deploy/skills-ci.yml in a repository, as a runner does; answers exit codes and the report."""
    write(Path(folder, "skills"), "good", OPEN["least"].replace("least", "good"))
    if bad:
        write(Path(folder, "skills"), "bad", "name: bad")
    lines = (REPOSITORY / "deploy/skills-ci.yml").read_text(encoding="utf-8").splitlines()
    steps = [line.split("run: ", 1)[1] for line in lines if "run: " in line]
    path = f"{Path(SIXTY).resolve().parent}{os.pathsep}{os.environ['PATH']}"
    run = lambda step: subprocess.run(["sh", "-e", "-c", step], cwd=folder, env={**os.environ, "PATH": path}, timeout=60)
    codes = [run(step).returncode for step in steps]
    return codes, json.loads(Path(folder, "skills-report.json").read_text(encoding="utf-8"))


def workflow_tells():
    with tempfile.TemporaryDirectory() as good, tempfile.TemporaryDirectory() as bad:
        codes, report = workflow(good, bad=False)
        equal((codes, report["errors"], len(report["skills"])), ([0, 0], 0, 1))
        codes, report = workflow(bad, bad=True)
        equal((codes, report["errors"], len(report["skills"])), ([1, 1], 1, 2))


with tempfile.TemporaryDirectory() as scratch:
    check("the steps of deploy/skills-ci.yml pass good skills and fail bad ones", workflow_tells)
    for name, front in OPEN.items():
        path = write(scratch, name, front)
        check(f"the open format's skill `{name}` is accepted", lambda: accepted(path))
        check(f"`{name}` is exported to the open format", lambda: exported(path, scratch))
    for name, (front, body, problem) in REFUSED.items():
        path = write(scratch, name, front, body)
        check(f"`{name}` is refused although the validator accepts it", lambda: refused(path, problem))
    made = Path(scratch, "made")
    check("whatever else the validator accepts of 2,000 folders made by chance is accepted", lambda: all_accepted(made))
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
