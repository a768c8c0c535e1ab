"""What is said to an incident from a terminal: each verb is a line of a table, asked of the engine that Slack asks too."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import click

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.deciding import Done
from bot.domain.assessment import Severity
from bot.domain.book import Book
from bot.domain.telling import some
from bot.engine import open_engine
from bot.errors import Refused
from bot.incidents import Incidents
from bot.verbs.actor import actor
from bot.verbs.reading import there

_SEVERITY = re.compile(r"(?:sev-?)?([1-4])", re.IGNORECASE)
_IN_TERMINAL = (("/mx triage", "mx triage --record"), ("/mx ", "mx "))
"""How the engine's answers, which speak to Slack, are typed here."""
"""So many integrations are named where one is to be chosen."""

Ask = Callable[[Incidents, str, str, str], Awaitable[Done]]
"""Incidents, integration, the words, the actor."""


@dataclass(frozen=True, slots=True)
class Saying:
    """One verb: what it takes, what it does, how it is asked."""

    takes: str
    says: str
    ask: Ask


class _Misused(Exception):  # noqa: N818 - it is about what was typed
    """The words are not what the verb takes."""


async def _ack(incidents: Incidents, integration: str, words: str, who: str) -> Done:
    if words:
        raise _Misused("it takes no words; to leave some: mx note TEXT")
    return await incidents.acknowledge(integration, actor=who)


async def _snooze(incidents: Incidents, integration: str, words: str, who: str) -> Done:
    length, _, reason = words.partition(" ")
    if length.lower() == "off":
        return await incidents.end_snooze(integration, actor=who)
    if not reason.strip():
        raise _Misused("quiet needs a time, such as 30m or 1h30m, and a reason: mx snooze 30m on the phone")
    return await incidents.snooze(integration, length, reason=reason.strip(), actor=who)


async def _severity(incidents: Incidents, integration: str, words: str, who: str) -> Done:
    number, _, reason = words.partition(" ")
    match = _SEVERITY.fullmatch(number)
    if not match or not reason.strip():
        raise _Misused(
            "a severity is a number from 1 (worst) to 4, and it needs a reason: mx severity 3 only reports are late"
        )
    return await incidents.set_severity(
        integration, Severity(f"SEV-{match[1]}"), reason=reason.strip(), actor=who
    )


async def _note(incidents: Incidents, integration: str, words: str, who: str) -> Done:
    if not words:
        raise _Misused("a note needs its words: mx note the vendor confirmed it on the phone")
    return await incidents.note(integration, words, actor=who)


async def _reopen(incidents: Incidents, integration: str, words: str, who: str) -> Done:
    if not words:
        raise _Misused("reopening needs a reason: mx reopen the 429s are back")
    return await incidents.reopen(integration, words, actor=who)


SAYINGS: Mapping[str, Saying] = {
    "ack": Saying("", "You have the open incident; Slack's card says so as soon as a bot runs.", _ack),
    "snooze": Saying("TIME REASON|off", "You have it: no reminder and no page for so long.", _snooze),
    "severity": Saying("N REASON", "Set the severity, 1 (worst) to 4; your judgement stands.", _severity),
    "note": Saying("TEXT", "Leave words on the timeline of the open incident.", _note),
    "reopen": Saying("REASON", "It was not over: the latest incident goes on.", _reopen),
}


def command_of(name: str) -> click.Command:
    """The click command of one of these verbs."""
    saying = SAYINGS[name]

    @click.command(
        name,
        help=f"{saying.says} Exits with 0 when it is on the timeline, 1 with the reason where it may not be done.",
        options_metavar="[--integration NAME]",
        context_settings={"ignore_unknown_options": True},
    )
    @click.option("--integration", help="Whose incident, where several are open.")
    @click.argument("words", nargs=-1, metavar=saying.takes or " ")
    def command(words: tuple[str, ...], integration: str | None) -> None:
        settings = config.load()
        there(settings.bot.database)
        click.echo(asyncio.run(_said(settings, saying, " ".join(words).strip(), integration)))

    return command


async def _said(settings: Settings, saying: Saying, words: str, integration: str | None) -> str:
    """The engine's answer, as it is typed in a terminal. Raises click's UsageError, and MxError."""
    async with open_engine(settings, clock=SystemClock()) as engine:
        name = meant(settings, await engine.timeline.book(), integration)
        try:
            done = await saying.ask(engine.incidents, name, words, actor())
        except _Misused as misused:
            raise click.UsageError(str(misused)) from None
        except Refused as refused:
            raise Refused(typed(str(refused))) from None
    return typed(done.says)


def meant(settings: Settings, book: Book, integration: str | None) -> str:
    """The integration that is meant: the named one, the only one, the one in trouble, or ``default``.

    Raises click's BadParameter where that leaves a choice.
    """
    names = tuple(settings.integrations)
    in_trouble = [one.integration for one in book.open_incidents() if one.integration in names]
    if integration is None:
        likely = names if len(names) == 1 else in_trouble
        if len(likely) == 1:
            return likely[0]
        if not likely and "default" in names:
            return "default"
    elif integration in names:
        return integration
    problem = f"there is no {integration!r}" if integration else "there are several; name one"
    choices = in_trouble if in_trouble and not integration else names
    raise click.BadParameter(
        f"{problem}: {some(choices, like=integration or '')}",
        param_hint="--integration",
    )


def typed(says: str) -> str:
    """The engine's answer with its ``/mx`` verbs as they are typed in a terminal."""
    for slack, here in _IN_TERMINAL:
        says = says.replace(slack, here)
    return says
