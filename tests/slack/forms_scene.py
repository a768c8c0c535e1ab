"""What tests of the dialogs in which people write have in common: the card, its three dots, the form that they open."""

from bot.demo.slack.records import View
from bot.demo.slack.render import render_view
from tests.slack.rig import Rig

MORE = "more"


async def card(rig: Rig) -> str:
    """The card's message, posted and as it is now."""
    rig.clock.wind(2)
    await rig.cards.step()
    cards = [
        one
        for one in rig.slack.messages(rig.channel)
        if (one.now.metadata or {}).get("event_type") == "mx_incident"
    ]
    return cards[-1].ts


async def form(rig: Rig, line: str, *, user: str | None = None) -> View:
    """The form behind a line of the card's three dots."""
    who = user or rig.ann
    click = await rig.slack.choose(who, rig.channel, await card(rig), MORE, line)
    assert (click.status, click.error) == (200, None)
    return await rig.slack.dialog(who)


def text(view: View) -> str:
    """A dialog as people read it, with what is written in its fields beforehand."""
    fields = [block.get("element", {}) for block in view.body["blocks"]]
    written = [str(one["initial_value"]) for one in fields if "initial_value" in one]
    return "\n".join([*render_view(view, width=10_000), *written])


async def typed(rig: Rig, words: str, *, user: str | None = None) -> str:
    """What somebody who types this is answered."""
    outcome = await rig.slack.command(user or rig.ann, rig.channel, "/mx", words)
    assert (outcome.status, outcome.error) == (200, None)
    return outcome.text or ""


async def kinds(rig: Rig, incident: str) -> list[str]:
    """The kinds of the incident's facts, oldest first."""
    return [event.fact.kind for event in await rig.timeline.history(incident)]
