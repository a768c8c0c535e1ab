"""A proof of recovery in Slack: its lines on the card, and the private answer to who asked. Pure."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo

from bot.domain.incident import Incident
from bot.domain.proof import MITIGATIONS, RUNS, headline
from bot.domain.watching import LineState, RecoveryChecked, RecoveryLine
from bot.ending import AFTERWARDS
from bot.slack import blocks
from bot.slack.clocktime import clock
from bot.slack.limits import Block, Mrkdwn, cut, escape, joined, say, with_people

_MARKS: Mapping[LineState, str] = {"met": "✓", "unmet": "✗", "no_traffic": "▫", "unknown": "?"}
_LINE = 230
"""Characters of a line on the card: nine of them have to fit into one section."""


def section(incident: Incident, zone: tzinfo) -> Iterator[Block]:
    """The latest proof, line by line; nothing where there is none."""
    if incident.recovery is None:
        return
    at, fact = incident.recovery
    head = say("*{}* · looked at {}", headline(fact.lines), clock(at, zone))
    if fact.verdict == "proved" and incident.open:
        head = joined(" · ", [head, escape("/mx resolve")])
    yield blocks.section(joined("\n", [head, *_lines(fact.lines, limit=_LINE)]))


def answer(fact: RecoveryChecked, *, ended: bool) -> Mrkdwn:
    """What the asker is told; ``ended``: the incident is over by now."""
    parts = [with_people(f"{fact.says}."), *_lines(fact.lines, limit=_LINE * 2)]
    return joined("\n", [*parts, escape(AFTERWARDS)] if ended else parts)


def _lines(lines: tuple[RecoveryLine, ...], *, limit: int) -> list[Mrkdwn]:
    return [say("{} *{}*: {}", _MARKS[one.state], one.name, _says(one, limit)) for one in lines]


def _says(one: RecoveryLine, limit: int) -> Mrkdwn:
    """People are named only where the words are mx's own: what the outside said must ping nobody."""
    words = cut(one.says, limit)
    return with_people(words) if one.name in (MITIGATIONS, RUNS) else escape(words)
