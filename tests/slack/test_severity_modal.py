"""The severity by dialog: one line each what it means, what mx proposes chosen beforehand, a reason that is required."""

from pathlib import Path

from bot.domain.assessment import Severity
from bot.domain.authority import Authority
from bot.domain.events import Assessed, Draft, SeveritySet
from bot.domain.incident import Incident
from bot.slack.forms import MEANINGS
from bot.slack.limits import OPTION
from tests.domain import made
from tests.slack import rig as rigs
from tests.slack.forms_scene import form, kinds, text, typed
from tests.slack.rig import Rig

LEVEL = "How bad is it?"
WHY = "Why? It stands in the report."


async def _milder(rig: Rig, incident: Incident) -> None:
    """The next look finds less."""
    found = made.judged([*made.healthy(made.api("/assets", 500, 500, 500))])
    assert found.severity == Severity.SEV4
    draft = Draft(stream=incident.id, actor="mx", at=rig.clock.now(), fact=Assessed(assessment=found))
    await rig.timeline.append(draft)


def test_every_severity_says_in_one_line_what_it_means() -> None:
    assert list(MEANINGS) == list(Severity)
    assert all(len(f"{one}: {words}") <= OPTION for one, words in MEANINGS.items())


async def test_what_mx_proposes_is_chosen_beforehand_and_set_with_a_reason(rig: Rig) -> None:
    incident = await rig.open()
    await _milder(rig, incident)
    dialog = await form(rig, "Severity…")
    assert "mx sees SEV-4 since" in text(dialog)
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {WHY: "only <!channel> assets"})
    assert (sent.error, sent.errors) == (None, {})
    found = await rig.incident(incident.id)
    assert found.override is not None
    assert (found.severity, found.override.reason) == (Severity.SEV4, "only <!channel> assets")


async def test_another_one_can_be_chosen_and_the_form_says_who_set_the_last(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Severity…")
    await rig.slack.submit_view(rig.ann, dialog.id, {LEVEL: "SEV-1", WHY: "all sites stand still"})
    assert (await rig.incident(incident.id)).severity == Severity.SEV1
    assert await typed(rig, "severity", user=rig.ben) == ""
    again = await rig.slack.dialog(rig.ben)
    assert f"@{rig.ann} set SEV-1: all sites stand still" in text(again)
    assert "mx sees SEV-2 since" in text(again)


async def test_a_reason_is_required_at_its_field(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Severity…")
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {LEVEL: "SEV-1"})
    assert list(sent.errors) == ["reason"]
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {LEVEL: "SEV-1", WHY: "  "})
    assert "Say it in words" in sent.errors["reason"]
    assert "severity_set" not in await kinds(rig, incident.id)


async def test_who_may_not_set_it_gets_no_form_and_who_lost_the_right_is_told(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, authority=lambda people: Authority((people[0],), ())) as rig:
        incident = await rig.open()
        assert "Only responders may set the severity" in await typed(rig, "severity", user=rig.ben)
        assert rig.slack.views(rig.ben) == ()
        dialog = await form(rig, "Severity…")
        object.__setattr__(rig.edge.members.authority, "responders", ("U0NOBODY",))
        sent = await rig.slack.submit_view(rig.ann, dialog.id, {WHY: "because"})
        assert sent.view is not None
        assert "Only responders may set the severity" in text(sent.view)
        facts = [event.fact for event in await rig.timeline.history(incident.id)]
        assert not [fact for fact in facts if isinstance(fact, SeveritySet)]
