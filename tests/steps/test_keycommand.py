"""The key handed to a command: on its standard input and nowhere else, and no command outstays its time."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.errors import OutsideError
from bot.steps import keycommand
from bot.steps.keycommand import KeyCommand

NEW = "new-key-9876543210"
KEY = SecretStr(NEW)

SCRIPT = """
import json, os, pathlib, sys, time
place = pathlib.Path(__file__).parent
state = place / "state.json"
now = json.loads(state.read_text()) if state.exists() else {"use": "v1", "keys": {}, "off": []}
operation, *rest = sys.argv[1:]
with (place / "seen").open("a") as seen:
    seen.write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
if operation == "add":
    key = sys.stdin.read()
    name = f"v{len(now['keys']) + 2}"
    now["keys"][name] = key
    print(name)
elif operation == "current":
    print(now["use"])
elif operation in ("take", "back"):
    now["use"] = rest[0]
    print("rolled out")
elif operation == "taken":
    sys.exit(0 if now["use"] == rest[0] else 1)
elif operation == "disable":
    now["off"].append(rest[0])
elif operation == "enable":
    now["off"].remove(rest[0])
state.write_text(json.dumps(now))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "keys.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def store(script: Path) -> KeyCommand:
    return KeyCommand((sys.executable, str(script)))


def inline(code: str, *, limit_s: float = 20.0) -> KeyCommand:
    return KeyCommand((sys.executable, "-c", code), limit_s=limit_s)


async def test_every_operation_is_its_last_argument(store: KeyCommand, tmp_path: Path) -> None:
    before = await store.before()
    assert before == {"version": "v1", "latest": ""}
    version = await store.add(KEY)
    assert version == "v2"
    assert await store.taken(version) is False
    assert await store.take(version) == f"the command {sys.executable}: take v2 is done: rolled out"
    assert await store.taken(version) is True
    assert await store.latest() is None, "a command never gives a key out"
    assert await store.disable("v1") == f"the command {sys.executable}: disable v1 is done"
    await store.enable("v1")
    await store.back({**before, "takes": "v2"})
    assert await store.taken("v1") is True
    seen = (tmp_path / "seen").read_text()
    assert NEW not in seen, "neither in the arguments nor in the environment"
    assert NEW in (tmp_path / "state.json").read_text()


async def test_the_key_is_in_no_process_list(tmp_path: Path) -> None:
    """While the command runs, every process's arguments and environment are looked through."""
    store = inline(
        "import sys, time, pathlib; key = sys.stdin.read();"
        f"pathlib.Path({str(tmp_path / 'there')!r}).touch(); time.sleep(1.0); print('v2')"
    )
    async with asyncio.TaskGroup() as group:
        adding = group.create_task(store.add(KEY))
        await until((tmp_path / "there").exists)
        told = everything_told_of_processes()
    assert [one for one in told if b"pathlib.Path" in one], "the command itself was among them"
    assert not [one for one in told if NEW.encode() in one]
    assert adding.result() == "v2"


async def test_back_overwrites_nobody(store: KeyCommand) -> None:
    await store.take("v9")
    with pytest.raises(
        OutsideError, match="the key in use has been changed since: mx left it at v2, it is at v9 now"
    ):
        await store.back({"version": "v1", "takes": "v2"})
    assert await store.taken("v9") is True


async def test_a_command_that_knows_no_current_is_not_taken_back() -> None:
    store = inline("import sys; sys.exit(3)")
    assert await store.before() == {"version": "", "latest": ""}
    assert await store.taken("v2") is None
    with pytest.raises(OutsideError, match="so mx cannot go back"):
        await store.back({"version": "", "takes": "v2"})


async def test_what_it_complains_of_is_told_without_the_key() -> None:
    store = inline(
        "import sys; k = sys.stdin.read(); sys.stderr.write('trace\\nno vault for ' + k); sys.exit(7)"
    )
    with pytest.raises(OutsideError) as caught:
        await store.add(KEY)
    assert str(caught.value).endswith(
        "adding the new key: exit code 7: no vault for [redacted]; look at what it does"
    )


async def test_a_first_line_that_is_no_version_is_refused() -> None:
    for odd in ("print(sys.stdin.read())", "print()", "print('--force')", "print('a b')"):
        with pytest.raises(OutsideError, match="its first line of output is no name of a version") as caught:
            await inline(f"import sys; {odd}").add(KEY)
        assert NEW not in str(caught.value)


async def test_a_version_never_reads_as_an_option(store: KeyCommand, tmp_path: Path) -> None:
    for odd in ("--all", "", "a b", "x" * 200):
        with pytest.raises(OutsideError, match="is no name of a version"):
            await store.take(odd)
    assert not (tmp_path / "seen").exists()


async def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(OutsideError, match="it cannot be started: No such file or directory"):
        await KeyCommand(("/nowhere/keys",)).add(KEY)


async def test_one_that_reads_nothing_is_no_trouble() -> None:
    assert await inline("print('v2')").add(SecretStr("x" * 200_000)) == "v2"


async def test_much_output_is_read_and_dropped() -> None:
    assert await inline("print('v2'); print('x' * 1_000_000)").add(KEY) == "v2"


@pytest.mark.parametrize("stubborn", [False, True])
async def test_one_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, stubborn: bool
) -> None:
    monkeypatch.setattr(keycommand, "KILL_AFTER_S", 0.3)
    ignoring = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" if stubborn else ""
    child = f"{ignoring}import time; time.sleep(60)"
    store = inline(
        f"{ignoring}import subprocess, sys, os, pathlib, time; c = subprocess.Popen([sys.executable, '-c', {child!r}]);"
        f"p = pathlib.Path({str(tmp_path)!r}); (p / 'tmp').write_text(f'{{os.getpid()}} {{c.pid}}');"
        "(p / 'tmp').rename(p / 'pids'); time.sleep(60)",
        limit_s=1.5,
    )
    begun = time.monotonic()
    with pytest.raises(OutsideError, match=r"take: not done within 1\.5 s, and stopped"):
        await store.take("v2")
    assert time.monotonic() - begun < 10
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    await until(lambda: not any(_alive(pid) for pid in pids))


async def until(true: Callable[[], bool]) -> None:
    """Look until it is so; the processes that are looked at send no event."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)


def everything_told_of_processes() -> list[bytes]:
    """The arguments and the environment of every process that may be looked at."""
    told = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            for name in ("cmdline", "environ"):
                with suppress(OSError):
                    told.append((process / name).read_bytes())
    return told


def _alive(pid: int) -> bool:
    """Whether it runs; one that has ended and waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
