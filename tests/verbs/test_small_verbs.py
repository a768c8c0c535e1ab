"""What is said to an incident from a terminal: the same engine as Slack's, with and without a bot that runs."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import SAYINGS as NAMES
from bot.cli import mx
from bot.clock import SystemClock
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.incident import Incident
from bot.domain.oncall import Snoozed
from bot.errors import MxError
from bot.journal.leader import LeaderLock
from bot.scrub import Scrubber
from bot.timeline import Timeline
from bot.verbs.actor import actor
from bot.verbs.saying import SAYINGS
from tests.facts import LEASE, assessment
from tests.verbs.terminal import mx as mx_process

CLOSED = "http://127.0.0.1:9"


class Terminal:
    """A folder with a timeline in it, and the command typed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, stream: str, *facts: e.AnyFact, who: str = "mx") -> None:
        """Append to an incident."""

        async def append() -> None:
            async with Timeline.open(
                self.folder / "mx.db", clock=SystemClock(), scrub=Scrubber()
            ) as timeline:
                at = SystemClock().now()
                await timeline.append(*(e.Draft(stream=stream, actor=who, at=at, fact=f) for f in facts))

        asyncio.run(append())

    def incident(self, name: str = "mx-1") -> Incident:
        """The incident as it is now."""

        async def look() -> Incident | None:
            async with Timeline.open(
                self.folder / "mx.db", clock=SystemClock(), scrub=Scrubber()
            ) as timeline:
                return (await timeline.book()).incident(name)

        found = asyncio.run(look())
        assert found is not None
        return found

    def type(self, *words: str) -> Result:
        """What comes of this."""
        return CliRunner().invoke(mx, words)

    def open(self, name: str = "mx-1", integration: str = "default", severity: int | None = 2) -> None:
        """An incident as a triage opens it."""
        found = assessment(Severity(f"SEV-{severity}") if severity else None)
        self.write(name, e.IncidentOpened(integration=integration), e.Assessed(assessment=found))


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for variable in ("MX_CONFIG", "DATABASE_URL", "MAINTAINX_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MX_GATEWAY_URL", CLOSED)
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


@pytest.fixture
def opened(terminal: Terminal) -> Terminal:
    terminal.open()
    return terminal


def test_the_table_and_the_command_line_name_the_same_verbs() -> None:
    assert set(SAYINGS) == set(NAMES)


def test_each_is_a_fact_in_the_name_of_whoever_types(opened: Terminal) -> None:
    acked = opened.type("ack")
    assert acked.exit_code == 0
    assert re.fullmatch(
        r"You have mx-1 now\. It holds until \d\d:\d\d UTC, and longer .* you\.\n", acked.output
    )
    graded = opened.type("severity", "1", "the", "plant", "stands", "still")
    assert graded.exit_code == 0
    assert "mx-1 is SEV-1 from here, by your word; it was SEV-2" in graded.output
    assert opened.type("note", "called", "the", "vendor", "--", "twice").output == "Noted in mx-1.\n"
    now = opened.incident()
    assert now.acknowledged_by == actor()
    assert now.override == (Severity.SEV1, "the plant stands still", actor())
    assert [(note.actor, note.text) for note in now.notes] == [(actor(), "called the vendor twice")]
    assert re.match(r"You have mx-1, since \d\d:\d\d UTC, and that is confirmed\.", opened.type("ack").output)


def test_quiet_is_asked_for_with_a_time_and_a_reason_and_ended(opened: Terminal) -> None:
    for words in ((), ("30m",), ("30m", " ")):
        assert "a time, such as 30m or 1h30m, and a reason" in opened.type("snooze", *words).output
    assert "such as 30m" in str(opened.type("snooze", "soon", "on", "it").exception)
    asked = opened.type("snooze", "1h30m", "on", "the", "phone")
    assert asked.exit_code == 0
    assert "To end it sooner: mx snooze off" in asked.output
    quiet = opened.incident().oncall.snooze
    assert quiet is not None
    assert (quiet.by, quiet.reason) == (actor(), "on the phone")
    assert timedelta(minutes=89) < quiet.until - quiet.at <= timedelta(minutes=90)
    assert opened.type("snooze", "off").exit_code == 0
    assert "nothing to end. For quiet: mx snooze 30m REASON" in str(opened.type("snooze", "off").exception)


def test_reopened_with_a_reason_and_only_where_nothing_is_open(opened: Terminal) -> None:
    refused = opened.type("reopen", "it", "is", "back")
    assert isinstance(refused.exception, MxError)
    assert "mx-1 is open; there is nothing to reopen" in str(refused.exception)
    opened.write("mx-1", e.Resolved())
    again = opened.type("reopen", "it", "is", "back")
    assert again.output == "mx-1 is open again. To look now: mx triage --record\n"
    assert opened.incident().open


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        (("ack", "please"), "it takes no words"),
        (("severity",), "mx severity 3 only reports are late"),
        (("severity", "5", "bad"), "mx severity 3 only reports are late"),
        (("severity", "2"), "it needs a reason"),
        (("note",), "mx note the vendor"),
        (("reopen",), "mx reopen the 429s are back"),
        (("ack", "--integration", "nowhere"), "there is no 'nowhere': default"),
    ],
)
def test_what_is_typed_wrong_is_shown_with_an_example_and_exits_with_2(
    opened: Terminal, typed: tuple[str, ...], hint: str
) -> None:
    found = opened.type(*typed)
    assert found.exit_code == 2
    assert hint in " ".join(found.output.split())
    assert opened.incident().version == 2


def test_with_several_integrations_the_one_in_trouble_is_meant_else_it_is_asked(opened: Terminal) -> None:
    (opened.folder / "mx.toml").write_text("[integrations.default]\n[integrations.north]\n", "utf-8")
    opened.write("mx-1", e.Resolved())
    opened.open("mx-2", "north")
    assert opened.type("ack").output.startswith("You have mx-2 now.")
    opened.open("mx-3", "default")
    both = opened.type("note", "x")
    assert both.exit_code == 2
    assert "default, north" in " ".join(both.output.split())
    assert opened.type("note", "--integration", "north", "x").output == "Noted in mx-2.\n"


def test_the_status_names_what_is_open_who_has_it_and_what_is_on(opened: Terminal) -> None:
    shown = opened.type("status").output
    assert "mx-1 · default · SEV-2 · 429 on every endpoint" in shown
    assert "Who has it: nobody yet; respond by" in shown
    opened.type("ack")
    until = SystemClock().now() + timedelta(minutes=30)
    opened.write(
        "mx-1",
        e.StepFinished(run="run-1", index=0, outcome="done", says="on", started=LEASE),
        Snoozed(until=until, severity=Severity.SEV2, reason="on it"),
        who=actor(),
    )
    shown = opened.type("status").output
    assert f"Who has it: {actor()}, since" in shown
    assert f"On: {LEASE.says} (rate-limited), by {LEASE.owner}, until" in shown
    assert f"by {actor()}: on it" in shown
    (row,) = json.loads(opened.type("status", "--json").output)["incidents"]
    assert (row["incident"], row["severity"], row["acknowledged_by"]) == ("mx-1", "SEV-2", actor())
    assert row["on"] == ["rate-limited"]
    assert row["respond_by"] is None
    opened.write("mx-1", e.Resolved())
    assert "No incident is open. To look at both sides now: mx triage" in opened.type("status").output


def test_without_a_timeline_nothing_is_made(terminal: Terminal) -> None:
    for typed in (("status",), ("ack",)):
        found = terminal.type(*typed)
        assert found.exit_code == 1
        assert "There is no timeline at" in str(found.exception)
    assert not (terminal.folder / "mx.db").exists()


async def test_beside_a_bot_that_leads_it_is_one_more_process_that_asks(tmp_path: Path) -> None:
    async with Timeline.open(tmp_path / "mx.db", clock=SystemClock(), scrub=Scrubber()) as timeline:
        lock = LeaderLock(tmp_path / "mx.db")
        assert lock.try_acquire()
        at = SystemClock().now()
        await timeline.append(
            e.Draft(stream="mx-1", actor="mx", at=at, fact=e.IncidentOpened(integration="default"))
        )
        done = await mx_process("ack", env={"MX_GATEWAY_URL": CLOSED}, folder=tmp_path)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("You have mx-1 now.")
        assert await timeline.changed(1, timeout_s=5) == 2
        found = (await timeline.book()).incident("mx-1")
        assert found is not None
        assert (found.acknowledged_by or "").startswith("cli:")
        lock.release()
