"""What a person and what a machine read of an assessment."""

import io
import json
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from bot.domain.assessment import Assessment
from bot.domain.readings import Reading, Status
from bot.verbs.triage_view import as_json, exit_code, show
from tests.domain.made import api, everywhere, healthy, judged, key, page, service, versions


def printed(found: Assessment, *, zone: str = "UTC", width: int = 120) -> str:
    out = io.StringIO()
    show(found, zone=ZoneInfo(zone), console=Console(file=out, width=width, color_system=None))
    return out.getvalue()


LIMITED = judged([*everywhere(429), versions(200), service("degraded", "maintainxApi")])


def test_a_person_reads_how_bad_whose_why_and_what_to_do_by_when() -> None:
    text = printed(LIMITED, zone="Europe/Berlin")
    for words in (
        "SEV-2 ",
        "at fault: us",
        "Answer due in 1 hour: by Mon 2026-11-23 14:00 CET",
        "1. SEV-2 all 4 endpoints answered 429",
        "2. SEV-2 the integration's service answers",
        "likely cause: over MaintainX's limit",
        "do now:       `curl -sS --max-time 30 -D - -o /dev/null",
        "evidence:     /users: 429",
        "mx run rate-limited",
        "first byte",
        "/versions",
    ):
        assert words in text


def test_a_command_is_one_line_to_copy_however_narrow_the_terminal() -> None:
    [line] = [
        line for line in printed(LIMITED, width=60).splitlines() if "do now:" in line and "429" not in line
    ][:1]
    assert '/users?limit=1"' in line


def test_where_the_time_went_and_where_it_ended() -> None:
    text = printed(judged([*everywhere("connect"), versions("connect"), page(None)]))
    assert "timed out" in text
    assert "What this triage could not see:" in text


def test_outside_text_is_not_taken_for_markup() -> None:
    odd = Reading(probe="logs", target="log", status=Status.OK, says="[bold]not bold[/bold] [/]")
    assert "[bold]not bold[/bold] [/]" in printed(judged(healthy(odd)))


def test_healthy_says_so() -> None:
    text = printed(judged(healthy(versions(200))))
    assert text.startswith("default: healthy at Mon 2026-11-23 12:00 UTC")


def test_the_json_is_the_contract_s() -> None:
    found = as_json(LIMITED)
    assert list(found) == [
        "integration",
        "at",
        "severity",
        "verdict",
        "response_due",
        "findings",
        "readings",
        "blind_spots",
        "playbooks",
    ]
    again = json.loads(json.dumps(found))
    assert list(again["findings"][0]) == [
        "rule",
        "severity",
        "symptom",
        "cause",
        "check",
        "evidence",
        "playbooks",
    ]
    assert list(again["readings"][0]) == ["probe", "target", "status", "ms", "says"]
    assert (again["severity"], again["verdict"], again["playbooks"]) == ("SEV-2", "us", ["rate-limited"])
    assert again["response_due"] == "2026-11-23T13:00:00+00:00"
    assert as_json(judged(healthy()))["severity"] is None


UNASKED = judged(
    [Reading(probe="api", target="/users", status=Status.UNKNOWN, says="mx itself stumbled"), key()]
)


@pytest.mark.parametrize(
    ("assessments", "code"),
    [
        ([judged(healthy())], 0),
        ([judged(everywhere(500))], 11),
        ([LIMITED], 12),
        ([judged(healthy(api("/users", 200, ms=2500)))], 13),
        ([judged(healthy(api("/users", 404)))], 14),
        ([judged(healthy(api("/users", 404))), LIMITED, judged(healthy())], 12),
        ([UNASKED], 3),
        ([UNASKED, LIMITED], 12),
    ],
)
def test_the_exit_code_is_that_of_the_worst(assessments: list[Assessment], code: int) -> None:
    assert exit_code(assessments) == code
