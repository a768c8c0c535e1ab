"""The forms as pure functions: Slack takes them whatever stands in the incident, and what it wrote there fits its field."""

from datetime import timedelta

import pytest

from bot.demo.slack.blockkit import view_faults
from bot.domain.assessment import Severity
from bot.domain.changed import changed
from bot.domain.gap import Gap
from bot.domain.incident import Incident, Override
from bot.domain.mitigation import Lease
from bot.domain.open_points import standing
from bot.slack import forms
from bot.slack.limits import Block
from bot.slack.modals import View
from bot.slack.press import Act, Press
from tests.domain.made import UTC_ZONE
from tests.slack.test_cardview import AT, EVIL, incident

NOW = AT + timedelta(hours=30)


def crowded() -> Incident:
    """Much is on, much is missing, and the outside says what Slack would parse."""
    leases = tuple(
        Lease(
            id=f"r{number}",
            run=f"r{number}",
            playbook=f"play-{number}",
            says=EVIL,
            owner="slack:U1",
            reason="x",
            since=AT,
            expires_at=AT + timedelta(hours=31) if number % 2 else None,
        )
        for number in range(40)
    )
    gaps = tuple(Gap(id=f"g{n}", entity=f"/things-{n}", direction="in", since=AT) for n in range(40))
    override = Override(Severity.SEV1, EVIL, "slack:U1")
    return changed(incident(), leases=leases, gaps=gaps, override=override, acknowledged_by="slack:U1")


def press(act: Act) -> Press:
    return Press(act=act, incident="mx-20261123-7f3a", integration="i" * 64, channel="C012345678")


@pytest.mark.parametrize("found", [incident(), crowded()], ids=["plain", "crowded"])
def test_slack_takes_every_form(found: Incident) -> None:
    made = [
        forms.note(found, press=press("note")),
        forms.severity(found, press=press("severity"), zone=UTC_ZONE, now=NOW),
        forms.hand_over(found, press=press("handover"), zone=UTC_ZONE, now=NOW, to="U1", words="w" * 3000),
        forms.hand_over(found, press=press("handover"), zone=UTC_ZONE, now=NOW),
    ]
    for view in made:
        assert view_faults(view) == []
        assert "<!channel>" not in str([block for block in _blocks(view) if block["type"] == "section"])


def test_what_the_hand_over_says_beforehand_names_no_person_and_has_what_is_on() -> None:
    lines = standing(crowded(), UTC_ZONE, now=NOW)
    assert not [line for line in lines if "slack:" in line]
    assert lines[0].startswith("SEV-1: ")
    assert lines[1].startswith("The fault is on our side. Likely cause: ")
    on = [line for line in lines if line.startswith("On: ")]
    assert len(on) == 40
    assert on[0].endswith("(play-0), until somebody takes it back.")
    assert on[1].endswith("(play-1), until 19:00 UTC.")
    assert "mx sees SEV-2 now." in lines


def test_without_a_severity_none_is_chosen_beforehand() -> None:
    calm = changed(incident(), assessments=(), worst=None)
    (menu,) = [
        block["element"]
        for block in _blocks(forms.severity(calm, press=press("severity"), zone=UTC_ZONE, now=NOW))
        if block.get("block_id") == forms.LEVEL
    ]
    assert isinstance(menu, dict)
    assert "initial_option" not in menu


def _blocks(view: View) -> list[Block]:
    found = view["blocks"]
    assert isinstance(found, list)
    return [block for block in found if isinstance(block, dict)]
