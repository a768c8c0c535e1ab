"""``mx doctor --online``: Slack's own check of what mx shows, the cards and dialogs that it really builds."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import aiohttp
from pydantic import JsonValue
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.book import Book
from bot.domain.chain import GENESIS, Head
from bot.domain.events import Acknowledged, AnyFact, Assessed, Event, IncidentOpened, Resolved
from bot.domain.fold import replay
from bot.domain.incident import Incident
from bot.domain.notebook import ActionAdded
from bot.domain.readings import HttpDetail, Reading, Sample, Status
from bot.gateway_client import GatewayClient
from bot.playbook import by_kind, own, shipped
from bot.ports import Clock
from bot.report import facts_for
from bot.slack import blocks, cardview, forms, homeview, itemview, modals, reportview
from bot.slack.cardview import Offer
from bot.slack.commands import usage
from bot.slack.homeview import Board
from bot.slack.planner import Planner
from bot.slack.press import Press
from bot.slack.reportview import Around
from bot.slack.settings import DEFAULT_API_URL
from bot.steps import step_kinds
from bot.steps.surroundings import Surroundings
from bot.verbs.doctoring.check import Check, note

_DEADLINE_S = 10
_AT_ONCE = 4
_TOLD = 3
_NAME = "mx-20260101-0000"
_SYMPTOM = '429 on every endpoint, <!channel> & "quotes" \N{CHECK MARK}'


class Shown(NamedTuple):
    """Something that mx shows: its name, which argument of ``blocks.validate`` it is, its JSON."""

    name: str
    kind: Literal["message", "view"]
    body: Mapping[str, JsonValue]


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """Each thing that mx shows, sent to ``blocks.validate``, which needs no token and shows nobody anything."""
    url = settings.slack.api_url if settings.slack else DEFAULT_API_URL
    parts = await shown(settings, clock)
    room = asyncio.Semaphore(_AT_ONCE)
    async with aiohttp.ClientSession(trust_env=True) as session:
        client = AsyncWebClient(base_url=url, session=session, timeout=_DEADLINE_S, retry_handlers=[])
        client.proxy = None

        async def one(part: Shown) -> Check:
            async with room:
                return await _asked(client, part)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(part)) for part in parts]
    ill = [check for task in tasks if (check := task.result()).state != "ok"]
    return ill or [
        Check("Block Kit", f"Slack takes all {len(parts)} cards and dialogs, made up for this check")
    ]


async def shown(settings: Settings, clock: Clock) -> tuple[Shown, ...]:
    """The cards of made-up incidents with every playbook's button, every dialog, the help."""
    incidents = _incidents(clock.now())
    there = incidents["open"]
    async with GatewayClient.open(settings.gateway_url, token=settings.gateway.token) as gateway:
        kinds = by_kind(step_kinds(gateway, clock, Surroundings(integrations=settings.integrations)))
        playbooks = {**shipped(kinds), **own(settings.bot.playbooks, kinds)[0]}
        planner = Planner(playbooks, kinds)
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(planner.one(there, name)) for name in playbooks}
    plans = {name: task.result() for name, task in tasks.items()}
    offers = [Offer(playbooks[name].button, found) for name, found in plans.items()]
    parts: list[Shown] = []
    for name, incident in incidents.items():
        card = cardview.card(
            incident, offers if incident.open else (), duty=settings.bot.duty, head="12 0123abcd"
        )
        parts.append(Shown(f"card, {name}", "message", _parts(card)))
    for name, found in plans.items():
        press = Press.of_plan(found, there)
        view = modals.plan(found, there, playbooks[name], press=press)
        parts.append(Shown(f"plan of {name}", "view", view))
        if playbooks[name].params:
            asked = modals.questions(playbooks[name], {}, press=press)
            parts.append(Shown(f"questions of {name}", "view", asked))
    press = Press(act="skip", incident=there.id, integration=there.integration, undoes="run", index=0)
    parts.append(
        Shown("reason", "view", modals.reason("Pass over", "Why?", press=press, submit="Pass it over"))
    )
    parts += _report(there, settings, clock)
    parts += _written(incidents, settings, clock)
    parts.append(Shown("help", "message", _parts(blocks.private(usage(), [blocks.section(usage())]))))
    return tuple(parts)


def _report(there: Incident, settings: Settings, clock: Clock) -> list[Shown]:
    """The report's message, and the dialog of its action items."""
    long = Assessed(assessment=_assessment(clock.now(), times=40))
    added = [
        ActionAdded(item=f"item-{n}", text=_SYMPTOM * 20, assignee="slack:U0000000000") for n in range(60)
    ]
    history = _events(clock.now(), IncidentOpened(integration="default"), long, *added)
    zone, head = settings.bot.zone, Head(0, GENESIS)
    report = facts_for(replay(history), history, head=head, zone=zone, now=clock.now(), names=str)
    around = Around(
        "request", GENESIS, "09:00", tuple("a line that is new" for _ in range(20)), notes=("a note",)
    )
    press = Press(act="items", incident=there.id, integration=there.integration)
    items = [one for one in report.actions if not one.is_blank]
    return [
        Shown("report", "message", _parts(reportview.message(report, there, around))),
        Shown("action items", "view", itemview.listing(items, press=press)),
    ]


def _written(incidents: Mapping[str, Incident], settings: Settings, clock: Clock) -> list[Shown]:
    """The dialogs in which people write, and App Home."""
    there, zone, now = incidents["open"], settings.bot.zone, clock.now()
    made = [Press(act=act, incident=there.id, integration=there.integration) for _, act in cardview.WRITTEN]
    note_it, grade, give = made
    board = Board(
        _book(now), settings.integrations, settings.bot.duty, now, page=lambda _: "https://mx.example.com/"
    )
    return [
        Shown("note", "view", forms.note(there, press=note_it)),
        Shown("severity", "view", forms.severity(there, press=grade, zone=zone, now=now)),
        Shown("hand-over", "view", forms.hand_over(there, press=give, zone=zone, now=now)),
        Shown("App Home", "view", homeview.home(board, drawn="09:00")),
    ]


def _book(now: datetime) -> Book:
    book = Book()
    for event in _events(
        now, IncidentOpened(integration="default"), Assessed(assessment=_assessment(now, times=40))
    ):
        book.apply(event)
    return book


def _parts(message: blocks.Message) -> dict[str, JsonValue]:
    """A message without what says how it is sent."""
    return {name: message[name] for name in ("text", "blocks")}


async def _asked(client: AsyncWebClient, part: Shown) -> Check:
    what = f"Block Kit, {part.name}"
    try:
        await client.api_call("blocks.validate", data={part.kind: json.dumps(part.body)})
    except SlackApiError as error:
        data = error.response.data if isinstance(error.response.data, dict) else {}
        return _refused(what, str(data.get("error")), data.get("errors") or [])
    except (SlackClientError, aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
        said = f"Slack gave no answer ({type(error).__name__})"
        return note(what, said, "check the way to Slack, and ask again: mx doctor --online")
    return Check(what, "Slack takes it")


def _refused(what: str, code: str, errors: list[Mapping[str, str]]) -> Check:
    if not errors:
        said = f"Slack's check could not be asked: {code}"
        return note(what, said, "ask again in a minute: mx doctor --online")
    told = "; ".join(f"{one.get('pointer') or '/'}: {one.get('message')}" for one in errors[:_TOLD])
    more = f" (and {len(errors) - _TOLD} more)" if len(errors) > _TOLD else ""
    move = "a fault of mx, or of a playbook of your own: report this line with the version"
    return Check(what, f"{code}: {told}{more}", move)


def _incidents(now: datetime) -> Mapping[str, Incident]:
    """Made up: one that nobody has, one that somebody has, one whose every text is too long, one that is over."""
    bad = Assessed(assessment=_assessment(now))
    opened = IncidentOpened(integration="default", channel="C0000000000")
    return {
        "open": _incident(now, opened, bad),
        "taken": _incident(now, opened, bad, Acknowledged()),
        "long": _incident(now, opened, Assessed(assessment=_assessment(now, times=40))),
        "resolved": _incident(now, opened, bad, Acknowledged(), Resolved(accepted=("a gap is open",))),
    }


def _incident(now: datetime, *facts: AnyFact) -> Incident:
    return replay(_events(now, *facts))


def _events(now: datetime, *facts: AnyFact) -> tuple[Event, ...]:
    return tuple(
        Event(
            seq=version,
            stream=_NAME,
            version=version,
            actor="slack:U0000000000",
            at=now + timedelta(minutes=version),
            recorded_at=now + timedelta(minutes=version),
            key=None,
            fact=fact,
            hash=GENESIS,
        )
        for version, fact in enumerate(facts, start=1)
    )


def _assessment(now: datetime, *, times: int = 1) -> Assessment:
    """What a triage finds where MaintainX answers 429; ``times`` makes each text and list so much longer."""
    samples = tuple(Sample(at_ms=500.0 * i, code=429, ms=31.5) for i in range(3))
    reading = Reading(
        probe="api",
        target="/workorders",
        status=Status.FAILING,
        ms=31.5,
        says=_SYMPTOM * times,
        detail=HttpDetail(url="https://api.example.com/v1/workorders?limit=1", samples=samples),
    )
    finding = Finding(
        rule="rate_limited",
        severity=Severity.SEV2,
        verdict="us",
        symptom=_SYMPTOM * times,
        cause="more requests than MaintainX allows " * times,
        check="look at the request volume of the last hour " * times,
        evidence=("12 of 12 requests were answered with 429",) * times,
        playbooks=("rate-limited",),
    )
    return Assessment(
        integration="default",
        at=now,
        severity=Severity.SEV2,
        verdict="us",
        response_due=now + timedelta(hours=1),
        findings=(finding,) * times,
        readings=(reading,) * 8 * times,
        blind_spots=("the status page could not be asked",) * times,
        playbooks=("rate-limited",),
    )
