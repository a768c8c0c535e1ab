"""Notes by dialog: several lines, from the card and from ``/mx note``; nothing that somebody typed is lost."""

from bot.domain.events import NoteAdded
from tests.slack.forms_scene import form, kinds, text, typed
from tests.slack.rig import Rig

LINES = "The vendor calls back at 10.\n<!channel> & <@U0EVIL> stay letters.\nTicket 4711"


async def test_a_note_of_several_lines_stands_on_the_timeline_once(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Note…")
    assert incident.id in text(dialog)
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {"What has to be remembered?": LINES})
    assert (sent.error, sent.errors, sent.view) == (None, {}, None)
    found = [event for event in await rig.timeline.history(incident.id) if isinstance(event.fact, NoteAdded)]
    assert [(event.actor, event.fact) for event in found] == [(f"slack:{rig.ann}", NoteAdded(text=LINES))]


async def test_the_same_delivery_twice_is_one_note(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Note…")
    rig.slack.mischief.repeat = 2
    await rig.slack.submit_view(rig.ann, dialog.id, {"What has to be remembered?": "once"})
    assert (await kinds(rig, incident.id)).count("note_added") == 1


async def test_the_verb_without_words_opens_it_and_with_words_needs_none(rig: Rig) -> None:
    incident = await rig.open()
    assert await typed(rig, "note") == ""
    await rig.slack.submit_view(rig.ann, (await rig.slack.dialog(rig.ann)).id, {"value": LINES})
    assert f"Noted in {incident.id}" in await typed(rig, "note in one line")
    assert (await kinds(rig, incident.id)).count("note_added") == 2


async def test_blank_words_are_refused_at_their_field(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Note…")
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {"value": " \n "})
    assert list(sent.errors) == ["text"]
    assert "Say it in words" in sent.errors["text"]
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {"value": "x" * 3001})
    assert "3000" in sent.errors["text"]
    assert "note_added" not in await kinds(rig, incident.id)


async def test_where_the_incident_is_over_by_then_the_words_stay_in_the_dialog(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Note…")
    await rig.prove(incident)
    await typed(rig, "resolve", user=rig.ben)
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {"value": LINES})
    assert "There is no open incident" in sent.errors["text"]
    other = await rig.open()
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {"value": LINES})
    assert f"{incident.id} is over, and {other.id} is another one" in sent.errors["text"]
    assert "note_added" not in await kinds(rig, other.id)


async def test_without_an_open_incident_the_verb_says_so(rig: Rig) -> None:
    assert "There is no open incident" in await typed(rig, "note")
    assert "There is no open incident" in await typed(rig, "severity")
    assert "There is no open incident" in await typed(rig, "handover")
