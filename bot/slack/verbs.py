"""What each ``/mx`` verb does: read its words, ask for it with a fact, answer in a sentence."""

import re

from bot.domain.assessment import Severity
from bot.domain.events import Event
from bot.domain.incident import Incident
from bot.domain.notebook import MessageKept
from bot.domain.telling import some
from bot.domain.words import sentence
from bot.errors import Refused
from bot.planning import fingerprint
from bot.slack import blocks, dialogs
from bot.slack.cardview import PAGE
from bot.slack.clocktime import clock
from bot.slack.edge import Asked, Edge
from bot.slack.limits import Block, Mrkdwn, channel, escape, joined, link, person, say, with_people
from bot.slack.overview import overview
from bot.slack.press import Act, Press

_SEVERITY = re.compile(r"(?:sev-?)?([1-4])", re.IGNORECASE)
_PERSON = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^>]*)?>")
_LINES = 25
FRESH_S = 1.2
"""How long the gateway may take to say what waits there, within the 3 seconds of an acknowledgement."""


class Misused(Refused):
    """The words after a verb are not what it takes; the answer shows an example."""


async def triage(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """Ask for a triage of both sides."""
    if words and words not in edge.integrations:
        raise Misused(f"There is no integration {words}. There is: {some(edge.integrations, like=words)}.")
    found = edge.integrations[words] if words else await edge.integration(asked)
    home = found.channel or asked.channel
    await edge.incidents.request_triage(
        found.name, actor=asked.actor, address=edge.address(asked), key=asked.key
    )
    where = channel(home)
    return blocks.private(
        say(
            "Looking at both sides of {} now; if something is wrong, the card comes to {}.", found.name, where
        )
    )


async def status(edge: Edge, _asked: Asked, words: str) -> blocks.Message:
    """What is open now."""
    none(words)
    return blocks.private(await overview(edge, within_s=FRESH_S))


async def severity(edge: Edge, asked: Asked, words: str) -> blocks.Message | None:
    """A person's severity, with a reason; without words the dialog that asks for both."""
    if not words:
        await _form(edge, asked, "severity")
        return None
    number, _, reason = words.partition(" ")
    match = _SEVERITY.fullmatch(number)
    if not match or not reason.strip():
        raise Misused("A severity is a number from 1 (worst) to 4, and it needs a reason.")
    found = await edge.integration(asked)
    done = await edge.incidents.set_severity(
        found.name, Severity(f"SEV-{match[1]}"), reason=reason.strip(), actor=asked.actor, key=asked.key
    )
    return blocks.private(with_people(done.says))


async def note(edge: Edge, asked: Asked, words: str) -> blocks.Message | None:
    """A person's words for the timeline; without words the dialog that has room for them."""
    if not words:
        await _form(edge, asked, "note")
        return None
    found = await edge.integration(asked)
    done = await edge.incidents.note(found.name, words, actor=asked.actor, key=asked.key)
    return blocks.private(with_people(done.says))


async def timeline(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """The last lines of the open incident's timeline, else of the latest's."""
    none(words)
    found = await _open_or_latest(edge, asked)
    history = await edge.timeline.history(found.id)
    lines = [
        say(
            "`{}` {} {} {}",
            event.version,
            _when(event, found, edge),
            person(event.actor),
            with_people(sentence(event.fact)),
        )
        for event in history[-_LINES:]
    ]
    left = len(history) - len(lines)
    head = say(
        "*Timeline of {}*{}", found.id, f" (the last {_LINES} of {len(history)} lines)" if left else ""
    )
    url = edge.pages.incident(found.id)
    page = [blocks.context(link(url, PAGE))] if url else []
    return blocks.private(head, [blocks.section(head), *_paragraphs(lines), *page])


def _when(event: Event, found: Incident, edge: Edge) -> Mrkdwn:
    """When it happened; of a message that is kept, with the way to it."""
    at = clock(event.at, edge.zone)
    fact = event.fact
    kept = isinstance(fact, MessageKept) and event.version not in found.redacted and fact.permalink
    return link(kept, at) if kept else escape(at)


async def playbooks(edge: Edge, _asked: Asked, words: str) -> blocks.Message:
    """What can be run."""
    none(words)
    lines = [
        say("*{}* {}: {} `/mx run {}` shows its plan.", found.name, found.title, found.when, found.name)
        for found in edge.playbooks.values()
    ]
    return blocks.private(joined("\n", lines) if lines else escape("There is no playbook."))


async def run(edge: Edge, asked: Asked, words: str) -> blocks.Message | None:
    """Show a playbook's plan, with the button that starts it."""
    if words not in edge.playbooks:
        known = ", ".join(edge.playbooks)
        raise Misused(
            f"Which playbook? There is: {known}." if not words else f"There is no playbook {words}."
        )
    found = await _open(edge, asked)
    press = Press(
        act="run",
        incident=found.id,
        integration=found.integration,
        playbook=words,
        channel=asked.channel,
        fingerprint=fingerprint(edge.playbooks[words], incident=found),
    )
    await dialogs.open_plan(edge, asked, found, press)
    return None


async def undo(edge: Edge, asked: Asked, words: str) -> blocks.Message | None:
    """Show how something that is on, or was begun, would be taken back, with the button that does it."""
    found = await _open_or_latest(edge, asked)
    on = [lease for lease in found.leases if words in ("", lease.playbook, lease.run)]
    begun = [run for run in reversed(found.runs) if run.mode == "apply" and words in (run.id, run.playbook)]
    if not found.leases and not begun:
        raise Refused(
            f"Nothing is switched on in {found.id}, so there is nothing to take back. What can be run: /mx playbooks"
        )
    if len(on) != 1 and not (begun and not on):
        names = ", ".join(lease.playbook for lease in found.leases)
        raise Misused(f"Which one? On now: {names}." if not words else f"{words} is not on. On now: {names}.")
    run, name = (on[0].run, on[0].playbook) if on else (begun[0].id, begun[0].playbook)
    press = Press(
        act="undo",
        incident=found.id,
        integration=found.integration,
        playbook=name,
        undoes=run,
        channel=asked.channel,
    )
    await dialogs.open_plan(edge, asked, found, press)
    return None


async def approve(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """Agree to somebody else's run."""
    found = await edge.integration(asked)
    done = await edge.steering.approve(found.name, words, actor=asked.actor, key=asked.key)
    return blocks.private(with_people(done.says))


async def stop(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """Stop every run after its current step."""
    none(words)
    done = await edge.steering.stop(actor=asked.actor, key=asked.key)
    return blocks.private(joined("\n", [with_people(one.says) for one in done]))


async def redact(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """Hide one line of the timeline."""
    number, _, reason = words.partition(" ")
    if not number.isdecimal() or len(number) > 9 or not reason.strip():  # noqa: PLR2004
        raise Misused("Redacting takes the number of a line (see /mx timeline) and a reason.")
    found = await edge.integration(asked)
    done = await edge.incidents.redact(
        found.name, int(number), reason=reason.strip(), actor=asked.actor, key=asked.key
    )
    return blocks.private(with_people(done.says))


async def report(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """Ask for the report of the open incident, else of the latest."""
    none(words)
    found = await edge.integration(asked)
    done = await edge.incidents.request_report(
        found.name, actor=asked.actor, address=edge.address(asked), key=asked.key
    )
    return blocks.private(with_people(done.says))


async def handover(edge: Edge, asked: Asked, words: str) -> blocks.Message | None:
    """The dialog that gives the incident to somebody else, with the person and the words that were typed."""
    found = _PERSON.match(words)
    rest = words[found.end() :].strip() if found else words
    await _form(edge, asked, "handover", to=found[1] if found else None, words=rest)
    return None


async def _form(edge: Edge, asked: Asked, act: Act, *, to: str | None = None, words: str = "") -> None:
    found = await _open(edge, asked)
    press = Press(act=act, incident=found.id, integration=found.integration, channel=asked.channel)
    await dialogs.open_form(edge, asked, found, press, to=to, words=words)


async def _open(edge: Edge, asked: Asked) -> Incident:
    integration = await edge.integration(asked)
    found = (await edge.timeline.book()).open_incident(integration.name)
    if found is None:
        raise Refused(f"There is no open incident for {integration.name}. Type /mx triage to look.")
    return found


async def _open_or_latest(edge: Edge, asked: Asked) -> Incident:
    integration = await edge.integration(asked)
    book = await edge.timeline.book()
    found = book.open_incident(integration.name) or book.latest(integration.name)
    if found is None:
        raise Refused(f"There has been no incident for {integration.name} yet. Type /mx triage to look.")
    return found


def none(words: str) -> None:
    """Raise Misused where there are words behind a verb that takes none."""
    if words:
        raise Misused("That verb takes no words after it.")


def _paragraphs(lines: list[Mrkdwn]) -> list[Block]:
    """Lines in as few sections as hold them whole."""
    made: list[Block] = []
    held: list[Mrkdwn] = []
    for line in lines:
        if held and sum(len(one) + 1 for one in held) + len(line) > 2800:  # noqa: PLR2004 - below a section's 3,000
            made.append(blocks.section(joined("\n", held)))
            held = []
        held.append(line)
    return [*made, blocks.section(joined("\n", held))] if held else made
