"""``/mx``: the table of its verbs, each with its help beside it; what is not in it is answered with help, privately."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.authority import Role
from bot.slack import blocks, ending_verbs, statsview, taking_verbs, verbs
from bot.slack.drilling import drill
from bot.slack.edge import Asked, Edge
from bot.slack.gapverb import gap
from bot.slack.limits import Mrkdwn, joined, say, with_people
from bot.slack.overview import overview


@dataclass(frozen=True, slots=True)
class Verb:
    """One word after ``/mx``: what it takes, what it does, and an example to copy."""

    name: str
    takes: str
    says: str
    example: str
    act: Callable[[Edge, Asked, str], Awaitable[blocks.Message | None]]
    needs: Role | None = None
    """Who may; None: anybody."""
    doing: str = "do this"
    """What it does, as it stands behind "may"."""


async def _help(_edge: Edge, _asked: Asked, words: str) -> blocks.Message:
    named = [verb for verb in VERBS if verb.name == words.lower()]
    if words and not named:
        return blocks.private(_unknown(words))
    return blocks.private(_line(named[0]) if named else usage())


VERBS: tuple[Verb, ...] = (
    Verb("triage", "[NAME]", "look at both sides of the integration now", "/mx triage", verbs.triage),
    Verb("status", "", "what is open, who has it, what is switched on", "/mx status", verbs.status),
    Verb("ack", "", "you have it; typed again: you still have it", "/mx ack", taking_verbs.ack),
    Verb(
        "snooze",
        "TIME REASON | off",
        "you are on it: no reminder and no page for that long, unless it becomes worse",
        "/mx snooze 30m on the phone with the vendor",
        taking_verbs.snooze,
        "responder",
        "ask for quiet",
    ),
    Verb(
        "severity",
        "[N REASON]",
        "set the severity, 1 (worst) to 4; without words a dialog asks",
        "/mx severity 3 only reports are late",
        verbs.severity,
        "responder",
        "set the severity",
    ),
    Verb(
        "note",
        "[TEXT]",
        "words for the timeline; without any a dialog with room for more",
        "/mx note the vendor confirmed it on the phone",
        verbs.note,
    ),
    Verb(
        "handover",
        "[SUMMARY]",
        "give the incident to somebody else: a dialog with how it stands",
        "/mx handover the vendor calls back at 10",
        verbs.handover,
        "responder",
        "hand an incident over",
    ),
    Verb("timeline", "", "the incident's last lines", "/mx timeline", verbs.timeline),
    Verb("playbooks", "", "what can be run", "/mx playbooks", verbs.playbooks),
    Verb(
        "run",
        "NAME",
        "show a playbook's plan, and its button",
        "/mx run rate-limited",
        verbs.run,
        "responder",
        "run playbooks",
    ),
    Verb(
        "undo",
        "[NAME]",
        "take back what is switched on",
        "/mx undo",
        verbs.undo,
        "responder",
        "take playbooks back",
    ),
    Verb(
        "approve",
        "[NAME]",
        "agree to somebody else's run",
        "/mx approve",
        verbs.approve,
        "approver",
        "approve runs",
    ),
    Verb(
        "stop", "", "end every run after its current step", "/mx stop", verbs.stop, "responder", "stop runs"
    ),
    Verb("verify", "", "is recovery proved? each line with its evidence", "/mx verify", ending_verbs.verify),
    Verb(
        "gap",
        "[accept NAME|all REASON]",
        "which data may be missing; accept: it stays so, in your name",
        "/mx gap accept assets they are compared every night",
        gap,
    ),
    Verb(
        "resolve",
        "[anyway REASON]",
        "it is over, if recovery is proved; anyway: with open points in your name",
        "/mx resolve anyway the plant is closed until Monday",
        ending_verbs.resolve,
        "responder",
        "resolve incidents",
    ),
    Verb(
        "reopen",
        "REASON",
        "it was not over",
        "/mx reopen the 429s are back",
        ending_verbs.reopen,
        "responder",
        "reopen incidents",
    ),
    Verb(
        "redact",
        "N REASON",
        "hide line N of the timeline",
        "/mx redact 12 a customer's name",
        verbs.redact,
        "responder",
        "redact the timeline",
    ),
    Verb("report", "", "post the incident's report", "/mx report", verbs.report),
    Verb(
        "stats",
        "[MONTHS]",
        "how fast incidents were answered, mitigated and resolved",
        "/mx stats 6",
        statsview.stats,
    ),
    Verb(
        "drill",
        "[NAME | stop]",
        "train for an outage in a simulator of its own, with a score; without NAME: which there are",
        "/mx drill rate-limit",
        drill,
        "responder",
        "start drills",
    ),
    Verb("help", "[VERB]", "this list", "/mx help", _help),
)


async def answer(edge: Edge, asked: Asked, text: str) -> blocks.Message | None:
    """The private answer to ``/mx`` and the words behind it; None where a dialog is the answer. Raises MxError with a sentence for the person."""
    name, _, words = text.strip().partition(" ")
    if not name:
        return blocks.private(joined("\n\n", [await overview(edge, within_s=verbs.FRESH_S), usage()]))
    verb = next((verb for verb in VERBS if verb.name == name.lower()), None)
    if verb is None:
        return blocks.private(_unknown(name))
    try:
        if verb.needs is not None:
            # A stop is about every run there is; everything else about one integration.
            about = None if verb.name == "stop" else (await edge.integration(asked)).name
            await edge.may(asked, verb.needs, integration=about, doing=verb.doing)
        return await verb.act(edge, asked, words.strip())
    except verbs.Misused as misused:
        return blocks.private(joined("\n", [with_people(str(misused)), _line(verb)]))


def _unknown(name: str) -> Mrkdwn:
    """No such verb, with the one that may be meant, else all of them."""
    first = say("`/mx {}` is not a verb of mine.", name[:40])
    if near := get_close_matches(name.lower(), [verb.name for verb in VERBS], n=1, cutoff=0.5):
        return joined(" ", [first, say("`/mx {}`? All of them: `/mx help`", near[0])])
    return joined("\n", [first, usage()])


def usage() -> Mrkdwn:
    """Every verb in one line, with an example at the end."""
    lines = [say("`/mx {}` {}", f"{verb.name} {verb.takes}".strip(), verb.says) for verb in VERBS]
    return joined("\n", [*lines, say("For example: `{}`", "/mx triage")])


def _line(verb: Verb) -> Mrkdwn:
    takes = f"{verb.name} {verb.takes}".strip()
    return say("`/mx {}`: {}. For example: `{}`", takes, verb.says, verb.example)
