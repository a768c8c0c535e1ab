"""The verbs at three in the morning: nothing configured, a database that will not, a Ctrl-C; never a traceback."""

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain.events import Draft, IncidentOpened, NoteAdded, Resolved, RunRequested
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.verbs.terminal import mx

NOBODY = "http://127.0.0.1:9"
ENV = {
    "MAINTAINX_API_KEY": "k-secret-0123456789",
    "MAINTAINX_BASE_URL": f"{NOBODY}/v1",
    "MX_STATUS_URL": NOBODY,
    "MX_GATEWAY_URL": NOBODY,
}


async def written(folder: Path, *incidents: str, resolved: tuple[str, ...] = ()) -> None:
    """A timeline with these incidents, each of an integration of its own name."""
    clock = SystemClock()
    async with Timeline.open(folder / "mx.db", clock=clock, scrub=Scrubber()) as timeline:
        for name in incidents:
            at = clock.now()
            opened = IncidentOpened(
                integration=name, request="r1", requested_by="cli:me@here", requested_at=at, channel=None
            )
            await timeline.append(Draft(stream=name, actor="mx", at=at, fact=opened))
            note = NoteAdded(text="saw [/red] and [bold]")
            await timeline.append(Draft(stream=name, actor="cli:me@here", at=at, fact=note))
            if name in resolved:
                await timeline.append(
                    Draft(stream=name, actor="cli:me@here", at=at, fact=Resolved(reason="over"))
                )


@pytest.mark.parametrize(
    "argv",
    [("timeline",), ("timeline", "verify"), ("report",), ("run", "rate-limited"), ("undo", "rate-limited")],
)
async def test_without_a_timeline_it_says_where_it_looked_and_makes_none(
    tmp_path: Path, argv: tuple[str, ...]
) -> None:
    done = await mx(*argv, env={}, folder=tmp_path)
    assert done.code == 1
    assert f"There is no timeline at {tmp_path / 'mx.db'}" in done.err
    assert "mx triage --record" in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "mx.db").exists()


async def test_a_note_with_brackets_is_shown_as_it_was_said(tmp_path: Path) -> None:
    await written(tmp_path, "mx-20261123-aaaa")
    done = await mx("timeline", env={}, folder=tmp_path)
    assert done.code == 0
    assert "Note: saw [/red] and [bold]" in done.out
    plain = await mx("timeline", env={"PYTHONIOENCODING": "ascii"}, folder=tmp_path)
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.startswith("mx-20261123-aaaa ? open")


async def test_the_open_incident_comes_before_a_later_one_that_is_resolved(tmp_path: Path) -> None:
    await written(tmp_path, "mx-20261123-aaaa", "mx-20261123-bbbb", resolved=("mx-20261123-bbbb",))
    assert (await mx("timeline", env={}, folder=tmp_path)).out.startswith("mx-20261123-aaaa · open")
    named = await mx("timeline", "mx-20261123-bbbb", env={}, folder=tmp_path)
    assert named.out.startswith("mx-20261123-bbbb · resolved")
    unknown = await mx("report", "mx-20261123-cccc", env={}, folder=tmp_path)
    assert (unknown.code, unknown.out) == (1, "")
    assert "There is no incident mx-20261123-cccc. The latest ones: mx-20261123-aaaa" in unknown.err


async def test_a_database_that_is_locked_costs_the_record_and_not_the_triage(tmp_path: Path) -> None:
    await written(tmp_path)
    holder = sqlite3.connect(tmp_path / "mx.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    done = await mx("triage", "--record", "--samples", "1", env=ENV, folder=tmp_path)
    holder.rollback()
    holder.close()
    assert done.code == 1
    assert "SEV-1" in done.out
    assert "this triage is not on the timeline" in done.err
    assert "another process has held its lock" in done.err
    assert "Traceback" not in done.err


async def test_what_is_in_the_way_of_the_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mx.db").mkdir()
    done = await mx("timeline", env={}, folder=tmp_path)
    assert (done.code, "it is a folder" in done.err) == (1, True)


async def test_an_integration_that_is_not_configured_is_2_and_says_which_are(tmp_path: Path) -> None:
    done = await mx("run", "rate-limited", "--integration", "west", env={}, folder=tmp_path)
    assert done.code == 2
    assert "there is no 'west'; configured: default" in done.err
    (tmp_path / "mx.toml").write_text("[integrations.east]\n[integrations.west]\n")
    several = await mx("run", "rate-limited", env={}, folder=tmp_path)
    assert several.code == 2
    assert "there are several; name one; configured: east, west" in several.err


async def test_an_unknown_playbook_is_told_apart_from_a_missing_incident(tmp_path: Path) -> None:
    await written(tmp_path)
    unknown = await mx("run", "nope", env=ENV, folder=tmp_path)
    assert "There is no playbook nope. There is: rate-limited, " in unknown.err
    nothing = await mx("run", "rate-limited", env=ENV, folder=tmp_path)
    assert "There is no open incident for default." in nothing.err


async def test_a_run_whose_process_is_gone_is_seen_through_by_the_same_command(tmp_path: Path) -> None:
    await written(tmp_path, "default")
    asked = RunRequested(run="r7", playbook="rate-limited", mode="apply", fingerprint="f")
    async with Timeline.open(tmp_path / "mx.db", clock=SystemClock(), scrub=Scrubber()) as timeline:
        await timeline.append(
            Draft(stream="default", actor="cli:me@here", at=SystemClock().now(), fact=asked)
        )
    done = await mx("run", "rate-limited", "--yes", env=ENV, folder=tmp_path)
    assert done.code == 1
    assert "rate-limited is going already: cli:me@here asked for it at" in done.out
    assert "1. failed: gateway at http://127.0.0.1:9" in done.out


async def test_the_doctor_names_what_to_do_for_each_thing_that_is_not_well(tmp_path: Path) -> None:
    env = {**ENV, "MAINTAINX_API_KEY": "k-secret-0123456789\n"}
    env |= {"SLACK_BOT_TOKEN": "xoxb-0123456789", "SLACK_SIGNING_SECRET": "0123456789abcdef"}
    env["SLACK_API_URL"] = f"{NOBODY}/api/"
    (tmp_path / "mx.toml").write_text("[bot]\nonline_urls = []\n", "utf-8")
    done = await mx("doctor", env=env, folder=tmp_path)
    assert done.code == 1
    assert "it holds a trailing newline" in done.out
    assert "check the way there" in done.out
    assert "no playbook can change the traffic" in done.out
    assert done.err == ""
    for secret in ("k-secret", "xoxb-0123456789", "0123456789abcdef"):
        assert secret not in done.out


async def test_ctrl_c_in_a_triage_is_one_word(tmp_path: Path) -> None:
    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await gone.wait()
        writer.close()

    asked, gone = asyncio.Event(), asyncio.Event()
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "triage"),
            cwd=tmp_path,
            env={"PATH": os.defpath, **ENV, "MAINTAINX_BASE_URL": f"http://127.0.0.1:{port}/v1"},
            # A gate that runs in a shell's background ignores SIGINT, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            await asked.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        gone.set()
    assert (process.returncode, out, err.strip()) == (1, b"", b"Aborted!")
