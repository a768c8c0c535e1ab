"""``@mx VERB`` answers as ``/mx VERB`` does, privately, in threads too; what opens a dialog comes as a button."""

from bot.demo.slack.render import render
from bot.domain.events import NoteAdded
from bot.slack.mention import words_of
from tests.slack.rig import Rig


async def mentioned(rig: Rig, text: str, *, thread: str | None = None) -> str:
    """What Ann is told once she has said this."""
    before = len(rig.slack.ephemerals(rig.ann, rig.channel))
    rig.slack.say(rig.ann, rig.channel, text, thread_ts=thread)
    await rig.slack.settled()
    await rig.drain()
    new = rig.slack.ephemerals(rig.ann, rig.channel)[before:]
    return "\n".join(line for one in new for line in render(one, width=10_000))


async def test_alone_it_is_help_with_what_is_open(rig: Rig) -> None:
    incident = await rig.open()
    shown = await mentioned(rig, "@mx")
    assert incident.id in shown
    assert "/mx triage" in shown


async def test_a_verb_in_a_thread_does_what_it_says_and_answers_there(rig: Rig) -> None:
    incident = await rig.open()
    thread = rig.slack.say(rig.ben, rig.channel, "what now?").ts
    shown = await mentioned(rig, "hey @mx note we wait for the vendor & their &lt;fix&gt;", thread=thread)
    assert f"Noted in {incident.id}" in shown
    history = await rig.timeline.history(incident.id)
    fact = history[-1].fact
    assert isinstance(fact, NoteAdded)
    assert fact.text == "we wait for the vendor & their &lt;fix&gt;"
    assert rig.slack.ephemerals(rig.ann, rig.channel)[-1].thread_ts == thread
    assert "is not a verb of mine" in await mentioned(rig, "@mx fly")


async def test_a_dialog_comes_as_a_button_that_opens_it(rig: Rig) -> None:
    await rig.open()
    shown = await mentioned(rig, "@mx run rate-limited")
    assert "A mention cannot open a dialog" in shown
    message = rig.slack.ephemerals(rig.ann, rig.channel)[-1]
    click = await rig.slack.click(rig.ann, rig.channel, message.ts, "Emergency rate limit")
    assert (click.status, click.error) == (200, None)
    await rig.slack.dialog(rig.ann)
    assert "Limit the gateway" in rig.shown(rig.ann)
    assert "Note…" in await mentioned(rig, "@mx note")


async def test_a_repeated_delivery_and_an_edit_do_nothing_twice(rig: Rig) -> None:
    incident = await rig.open()
    rig.slack.mischief.repeat = 2
    await mentioned(rig, "@mx note once")
    rig.slack.mischief.repeat = 0
    (message,) = [one for one in rig.slack.messages(rig.channel) if "note once" in one.text]
    await rig.slack.edit(rig.ann, rig.channel, message.ts, "@mx note once more")
    await rig.slack.settled()
    notes = [one.fact for one in await rig.timeline.history(incident.id) if isinstance(one.fact, NoteAdded)]
    assert [note.text for note in notes] == ["once"]


def test_the_words_behind_the_mention_are_taken_whoever_else_is_named() -> None:
    assert words_of("<@U1> ask <@UBOT|mx>: triage ", "UBOT") == "triage"
    assert words_of("<@UBOT>", "UBOT") == ""
    assert words_of("<@UBOT> note &lt;b&gt; &amp; c", "UBOT") == "note <b> & c"
