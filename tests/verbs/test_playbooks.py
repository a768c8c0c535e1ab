"""``mx playbooks``: what can be run, and every fault of the team's own with its file, line and remedy."""

import re
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.config import load
from bot.domain.rules import RULE_NAMES
from bot.playbook import SHIPPED
from bot.verbs.doctoring import integrations
from bot.verbs.doctoring.check import Check
from tests.verbs.scene import GATEWAY, HEAD, VERIFY
from tests.verbs.terminal import mx

RULES = Path(__file__).parent.parent.parent / "bot" / "domain" / "rules"
GOOD = HEAD.format(name="mine") + GATEWAY.format(rate=2)
BAD = """# mine
name = "bad"
title = '''
button = "not here"
'''
button = ""
fits = ["rate-limited"]
when = "Ever."

[params.rate]
type = "number"
title = "Rate"
default = 900
high = 50

[[steps]]
kind = "gateway"
paused_jobs = [
  "critical",
]
[[steps]]
kind = "verify-traffic"
answered = 5
"""


def own(folder: Path, **files: str) -> Path:
    """A folder of the team's own playbooks."""
    made = folder / "playbooks"
    made.mkdir(exist_ok=True)
    for name, text in files.items():
        (made / f"{name}.toml").write_bytes(text.encode())
    return made


def test_the_names_of_the_rules_are_those_of_their_findings() -> None:
    said = {name for path in RULES.glob("*.py") for name in re.findall(r'rule="([\w-]+)"', path.read_text())}
    assert said == RULE_NAMES


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
async def test_every_fault_is_told_with_file_line_key_and_remedy(tmp_path: Path, newline: str) -> None:
    folder = own(tmp_path, bad=BAD.replace("\n", newline), good=GOOD)
    done = await mx("playbooks", "check", env={}, folder=tmp_path)
    bad = folder / "bad.toml"
    assert done.code == 2
    assert done.err.splitlines() == [
        f"{bad}:6: button: write the words of its button",
        f"{bad}:13: params.rate.default: write a number to 50",
        f"{bad}:18: steps[0].paused_jobs: critical is the lane that always goes first; leave it out",
        f"{bad}:21: steps[1].within_s: it is missing; write a whole number from 5 to 3600",
    ]
    assert done.out == f"{folder / 'good.toml'}: mine is well, 1 step\n", "the others are told all the same"


async def test_a_good_folder_is_0_and_what_is_hardly_meant_is_told(tmp_path: Path) -> None:
    odd = GOOD.replace('["rate-limited"]', '[\n  "rate-limited",\n  "rate-limted",\n]')
    folder = own(tmp_path, mine=odd, limits=GOOD.replace('"mine"', '"rate-limited"'))
    done = await mx("playbooks", "check", str(folder), env={}, folder=tmp_path)
    assert done.code == 0
    assert "limits.toml: rate-limited is well, 1 step; it stands instead of what ships" in done.out
    assert f"Note: {folder / 'mine.toml'}:6: fits[1]: rate-limted is no rule of mx" in done.err
    assert "rate-limited" in done.err.partition("the rules: ")[2], "what to write instead"


async def test_two_of_one_name_not_toml_and_not_utf8_are_faults(tmp_path: Path) -> None:
    folder = own(tmp_path, a=GOOD, b=f"# a second\n{GOOD}", c='name = "c"\ntitle = = 1\n')
    (folder / "d.toml").write_bytes(b'name = "\xff"\n')
    (folder / "notes.txt").write_text("no playbook")
    done = await mx("playbooks", "check", env={}, folder=tmp_path)
    assert done.code == 2
    second, syntax, odd = done.err.splitlines()
    assert second == f"{folder}/b.toml:2: name: mine is in {folder}/a.toml already; choose another name"
    assert syntax.startswith(f"{folder}/c.toml:2: it is not TOML: ")
    assert odd == f"{folder}/d.toml: byte 9 is not UTF-8; save the file as UTF-8"


async def test_a_folder_that_cannot_be_checked_is_2_with_what_to_do(tmp_path: Path) -> None:
    gone = await mx("playbooks", "check", "gone", env={}, folder=tmp_path)
    assert (gone.code, gone.out) == (2, "")
    assert gone.err == "mx: there is no folder gone; make it, or name another: mx playbooks check FOLDER\n"
    folder = own(tmp_path, mine=GOOD)
    file = await mx("playbooks", "check", str(folder / "mine.toml"), env={}, folder=tmp_path)
    assert (file.code, f"mx playbooks check {folder}" in file.err) == (2, True)
    (folder / "mine.toml").unlink()
    empty = await mx("playbooks", "check", env={}, folder=tmp_path)
    assert (empty.code, empty.out.startswith(f"No playbook in {folder}")) == (0, True)


@pytest.mark.parametrize("columns", ["80", "160"])
async def test_the_list_has_what_ships_and_what_is_yours(tmp_path: Path, columns: str) -> None:
    head = 'touches = "The lanes."\nundo = "It ends."\nwho = "approvers"\nsecond_person = true\n'
    mine = HEAD.format(name="mine") + head + VERIFY.replace('"See"', '"See"\nask = "Watch"')
    own(tmp_path, mine=mine, limits=GOOD.replace('"mine"', '"rate-limited"'), bad=BAD)
    done = await mx("playbooks", env={"COLUMNS": columns}, folder=tmp_path)
    assert done.code == 0
    for words in (*SHIPPED, "mine", "The lanes.", "It ends.", "approvers", '(held: "Watch")'):
        assert words in done.out
    for words in (
        "when it fits",
        "steps",
        "what it changes",
        "how it is undone",
        "who may",
        "instead of",
    ):
        assert words in done.out
    assert "left out: " in done.err
    assert "bad.toml:6: button: " in done.err


async def test_the_doctor_counts_your_own_and_their_faults(tmp_path: Path) -> None:
    settings = load(env={"MX_GATEWAY_URL": "http://127.0.0.1:9"}, folder=tmp_path)

    async def told() -> Check:
        found = await integrations.checks(settings, SystemClock())
        return next(check for check in found if check.what == "own playbooks")

    assert (await told()).found.startswith("none: there is no folder")
    own(tmp_path, mine=GOOD)
    assert (await told()).found.startswith("1 in")
    own(tmp_path, bad=BAD)
    bad = await told()
    assert bad.state == "fix"
    assert "1 in" in bad.found
    assert "4 faults in others, which are left out" in bad.found
    assert bad.next_move == "mx playbooks check"
