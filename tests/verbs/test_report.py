"""``mx report`` in each format, with the picture, and with a team's own templates; and what the doctor says of those."""

import json
from pathlib import Path

import pytest

from bot import config
from bot.clock import SystemClock
from bot.verbs.doctoring import templates
from bot.verbs.doctoring.check import Check
from tests.verbs.test_small_verbs import Terminal, terminal

__all__ = ("terminal",)


def test_each_format_is_printed_and_the_picture_is_written(terminal: Terminal) -> None:
    terminal.open()
    assert terminal.type("report").stdout.startswith("# Incident report mx-1")
    assert terminal.type("report", "mx-1", "--format", "html").stdout.startswith("<!doctype html>")
    made = terminal.type("report", "--format", "json", "--picture", "a.png")
    assert json.loads(made.stdout)["incident"] == "mx-1"
    assert (terminal.folder / "a.png").read_bytes().startswith(b"\x89PNG")
    terminal.type("report", "--picture", "a.svg")
    assert (terminal.folder / "a.svg").read_text("utf-8").startswith("<svg")


def test_an_own_template_is_used_and_a_broken_one_is_told_beside_the_report(terminal: Terminal) -> None:
    terminal.open()
    (terminal.folder / "mx.toml").write_text('[bot]\ntemplates = "ours"\n', "utf-8")
    (terminal.folder / "ours").mkdir()
    own = terminal.folder / "ours" / "incident_report.md.j2"
    own.write_text("OURS {{ report.incident }}", "utf-8")
    assert terminal.type("report").stdout == "OURS mx-1\n"
    own.write_text("OURS\n{{ oh }}", "utf-8")
    made = terminal.type("report")
    assert made.stdout.startswith("# Incident report mx-1")
    assert made.stderr.startswith("mx: ours/incident_report.md.j2, line 2: 'oh' is undefined")


async def _look(folder: Path) -> dict[str, Check]:
    settings = config.load(env={}, folder=folder)
    return {one.found: one for one in await templates.checks(settings, SystemClock())}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mx.toml").write_text('[bot]\ntemplates = "ours"\n', "utf-8")
    return tmp_path


async def test_the_doctor_tries_every_own_template(folder: Path) -> None:
    ((said, check),) = (await _look(folder)).items()
    assert "is no folder" in said
    assert check.state == "fix"
    (folder / "ours").mkdir()
    (folder / "ours" / "incident_report.html.j2").write_text("<p>{{ report.severity }}</p>", "utf-8")
    ((said, check),) = (await _look(folder)).items()
    assert said.endswith("incident_report.html.j2 can be filled in")
    (folder / "ours" / "incident_report.html.j2").write_text("<p>\n{% if %}</p>", "utf-8")
    (folder / "ours" / "report.md.j2").write_text("x", "utf-8")
    found = await _look(folder)
    assert [check.state for check in found.values()] == ["note", "fix"]
    assert any("ours/incident_report.html.j2, line 2" in said for said in found)
