"""The step ``command`` with real programs: what it runs, shows, refuses, ends and cannot know."""

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot.errors import OutsideError
from bot.ports import StepContext
from bot.steps.command import PATH, CommandStep

STEP = CommandStep()


def context(**values: JsonValue) -> StepContext:
    return StepContext(incident="mx-1", run="run-1", playbook="own", actor="slack:U1", values=values)


def python(code: str) -> list[JsonValue]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({}, "argv: it is missing; write the program and its arguments as a list"),
        ({"argv": "ls -l"}, "argv: 'ls -l' does not fit; write the program and its arguments as a list"),
        ({"argv": []}, "argv: [] does not fit"),
        ({"argv": ["ls"], "expect": [300]}, "write a list of exit codes"),
        ({"argv": ["ls"], "cwd": "here"}, "cwd: 'here' does not fit; write the whole path of a folder"),
        ({"argv": ["ls"], "stdin": "x"}, "stdin: there is no such value"),
    ],
)
def test_its_values_are_checked(table: dict[str, JsonValue], fault: str) -> None:
    faults = STEP.check(table)
    assert len(faults) == 1
    assert fault in faults[0]


async def test_the_plan_runs_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    planned = await STEP.plan(context(argv=["touch", str(mark)], undo_argv=["rm", str(mark)]))
    assert planned.says == f"run touch {mark}"
    assert planned.undo_says == f"run rm {mark}"
    assert planned.touches == "what it changes is not known to mx: it is your own program"
    assert (await STEP.plan(context(argv=["true"]))).undo_says is None
    assert not mark.exists()


async def test_there_is_no_shell_and_the_environment_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:]]))"
    monkeypatch.setenv("MX_TEST_SECRET", "not for others")
    step = CommandStep(env={"HOME": "/"})
    result = await step.act(context(argv=[*python(code), "$HOME; echo x"]), {})
    found = "".join(result.evidence)
    assert result.outcome == "done"
    environment, arguments = json.loads(found)
    environment.pop("LC_CTYPE", None)  # Python sets it for itself
    assert arguments == ["$HOME; echo x"]
    assert environment == {
        "PATH": PATH,
        "HOME": "/",
        "LANG": "C.UTF-8",
        "MX_INCIDENT": "mx-1",
        "MX_RUN": "run-1",
        "MX_PLAYBOOK": "own",
        "MX_ACTOR": "slack:U1",
        "MX_INTEGRATION": "default",
    }


async def test_its_exit_code_decides_and_its_last_lines_are_kept(tmp_path: Path) -> None:
    code = "import os\nfor n in range(9999): print(n)\nprint('at\\x07', os.getcwd())\nraise SystemExit(3)"
    result = await STEP.act(context(argv=python(code), cwd=str(tmp_path)), {})
    assert result.outcome == "failed"
    assert result.says.endswith("ended with exit code 3; the playbook expects 0")
    assert result.evidence[-1] == f"at {tmp_path}"
    assert sum(map(len, result.evidence)) <= 1024
    result = await STEP.act(context(argv=python(code), expect=[3]), {})
    assert result.outcome == "done"


async def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="no-such-program is not on this machine"):
        await STEP.act(context(argv=["no-such-program"]), {})
    with pytest.raises(OutsideError, match=r"there is no folder /no/such/folder; let cwd name one"):
        await STEP.act(context(argv=["true"], cwd="/no/such/folder"), {})
    file = tmp_path / "plain"
    file.write_text("no program")
    with pytest.raises(OutsideError, match="permission denied"):
        await STEP.act(context(argv=[str(file)]), {})


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def _gone(pid: int) -> bool:
    for _ in range(200):
        with suppress(FileNotFoundError, ProcessLookupError):
            state = _state(pid)
            if state != "Z":
                await asyncio.sleep(0.01)
                continue
        return True
    return False


async def test_its_whole_group_ends_with_its_time(tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    code = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(mark) + '.new'!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(mark) + '.new'!r}, {str(mark)!r})\n"
        "time.sleep(600)\n"
    )
    async with asyncio.TaskGroup() as group:
        acting = group.create_task(STEP.act(context(argv=python(code)), {}))
        async with asyncio.timeout(20):
            while not os.path.exists(mark):  # noqa: ASYNC110, ASYNC240, PTH110 - another process makes it
                await asyncio.sleep(0.01)
        acting.cancel()
    for pid in mark.read_text().split():
        assert await _gone(int(pid)), pid


async def test_what_it_leaves_behind_does_not_hold_it_up(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    code = (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "print('started', flush=True)\n"
    )
    async with asyncio.timeout(20):
        result = await STEP.act(context(argv=python(code)), {})
    left = int(mark.read_text())
    try:
        assert (result.outcome, result.evidence) == ("done", ("started",))
        assert await asyncio.to_thread(Path(f"/proc/{left}/stat").read_text) != ""
    finally:
        os.kill(left, 9)


async def test_undo_and_the_look_after_a_crash(tmp_path: Path) -> None:
    mark = str(tmp_path / "mark")
    values = context(argv=["touch", mark], undo_argv=["rm", mark], check_argv=["test", "-e", mark])
    undoing = replace(values, run="run-2", undoes="run-1")
    seen = [await STEP.observe(values), await STEP.observe(undoing)]
    assert (await STEP.act(values, {})).outcome == "done"
    seen += [await STEP.observe(values), await STEP.observe(undoing)]
    undone = await STEP.undo(undoing, {})
    assert undone is not None
    assert undone.outcome == "done"
    assert Path(mark).name not in os.listdir(tmp_path)  # noqa: PTH208 - a look
    assert [one.outcome for one in seen if one] == ["failed", "done", "done", "failed"]
    assert await STEP.observe(context(argv=["true"])) is None
    without = await STEP.undo(context(argv=["true"]), {})
    assert without is not None
    assert without.outcome == "failed"


async def test_a_check_that_hangs_is_ended() -> None:
    step = CommandStep(check_s=0.2)
    with pytest.raises(OutsideError, match=r"not done after 0\.2 s and ended"):
        await step.observe(context(argv=["true"], check_argv=["sleep", "600"]))
