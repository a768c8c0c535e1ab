"""The Slack edge on real sockets and a real database, between a stand-in Slack and a stand-in gateway."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from aiohttp import web
from slack_bolt.async_app import AsyncApp

from bot import playbook, scenario
from bot.action_items import ActionItems
from bot.clock import SystemClock
from bot.demo.slack.limits import Limits
from bot.demo.slack.records import View
from bot.demo.slack.render import render_view
from bot.demo.slack.workspace import SlackWorkspace
from bot.domain.assessment import Assessment
from bot.domain.authority import Authority
from bot.domain.calendar import Calendar
from bot.domain.events import Assessed, Draft, Event, IncidentOpened, TriageFinished, TriageRequested
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.reminders import Duty
from bot.faults import wordless
from bot.gaps import Gaps
from bot.gateway_client import GatewayClient
from bot.gateway_orders import Orders
from bot.gateway_watch import Watch
from bot.handover import Handover
from bot.incidents import Incidents
from bot.keeping import Keeping
from bot.ordering import Ordering
from bot.page_links import PageLinks
from bot.playbook import Playbook
from bot.ports import Step
from bot.slack import server
from bot.slack.answers import Answers
from bot.slack.api import SlackApi, slack_client
from bot.slack.bolt import bolt_app
from bot.slack.card import Cards
from bot.slack.chat import SlackChat
from bot.slack.edge import Edge
from bot.slack.homes import Homes
from bot.slack.later import Later
from bot.slack.members import Members
from bot.slack.planner import Planner
from bot.slack.posts import Posts
from bot.slack.replies import Replies
from bot.slack.settings import SlackSettings
from bot.steering import Steering
from bot.steps import step_kinds
from bot.timeline import Timeline
from tests import room
from tests.domain import made
from tests.gateway_standin import TOKEN, GatewayStandIn

UTC_ZONE = ZoneInfo("UTC")
PUBLIC, LINK_SECRET = "https://mx.example.test", "link-secret-0123456789"
DUTY = Duty(Calendar(UTC_ZONE), timedelta(hours=1))
QUICK = Limits(rates=False)


def rate_limited() -> Assessment:
    """Every endpoint answers 429."""
    return made.judged([*made.everywhere(429, 429, 429, error="Too many requests"), made.versions(200)])


class HandClock(SystemClock):
    """The machine's clock, whose hands a test may also move forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def wind(self, seconds: float) -> None:
        """Move the hands forward; nobody who sleeps wakes."""
        self._ahead += seconds


@dataclass(frozen=True, slots=True)
class Rig:
    """Everything a test of the edge touches."""

    slack: SlackWorkspace
    gateway: GatewayStandIn
    timeline: Timeline
    edge: Edge
    cards: Cards
    watch: Watch
    orders: Orders
    answers: Answers
    posts: Posts
    homes: Homes
    replies: Replies
    later: Later
    app: AsyncApp
    clock: HandClock
    channel: str
    ann: str
    ben: str
    settings: SlackSettings
    url: str
    steps: Mapping[str, Step]

    async def open(
        self,
        assessment: Assessment | None = None,
        *,
        integration: str = "default",
        asked_in: str | None = None,
    ) -> Incident:
        """An incident as a finished triage leaves it."""
        found = assessment or rate_limited()
        now = self.clock.now()
        stream = f"mx-20261123-{next(_COUNT):04x}"
        opened = IncidentOpened(
            integration=integration, requested_by=f"slack:{self.ann}", requested_at=now, channel=asked_in
        )
        await self.timeline.append(
            Draft(stream=stream, actor="mx", at=now, fact=opened),
            Draft(stream=stream, actor="mx", at=now, fact=Assessed(assessment=found)),
        )
        return await self.incident(stream)

    async def incident(self, stream: str) -> Incident:
        """The incident as it is now."""
        found = (await self.timeline.book()).incident(stream)
        assert found is not None
        return found

    async def prove(self, incident: Incident) -> None:
        """Recovery was proved just now, so that a resolve need not look."""
        await room.prove(self.timeline, self.clock, incident=incident.id)

    async def finish_triages(self, *, incident: str | None, says: str) -> None:
        """Answer every pending request, as the triage follower does."""
        for event in (await self.timeline.book()).pending_triages():
            await self.finish(event, incident=incident, says=says)

    async def finish(self, event: Event, *, incident: str | None, says: str) -> None:
        """Answer one request."""
        assert isinstance(event.fact, TriageRequested)
        fact = TriageFinished(
            request=event.fact.request,
            severity=None,
            verdict="nobody",
            incident=incident,
            says=says,
            address=event.fact.address,
        )
        await self.timeline.append(Draft(stream=event.stream, actor="mx", at=self.clock.now(), fact=fact))

    async def press(self, user: str, message: str, label: str, *, send: bool = True) -> View:
        """Click a button that opens a dialog, wait until it can be used, and send it in."""
        click = await self.slack.click(user, self.channel, message, label)
        assert (click.status, click.error, click.confirm) == (200, None, None)
        return await self.send(user) if send else await self.slack.dialog(user)

    async def send(self, user: str, values: Mapping[str, str] | None = None) -> View:
        """Send in the dialog that this person has open; the dialog as it was."""
        dialog = await self.slack.dialog(user)
        sent = await self.slack.submit_view(user, dialog.id, values)
        assert (sent.error, sent.errors) == (None, {})
        return dialog

    def shown(self, user: str) -> str:
        """The dialog on top as this person reads it; empty where none is open."""
        views = self.slack.views(user)
        return "\n".join(render_view(views[-1], width=10_000)) if views else ""

    async def drain(self) -> None:
        """Work off the private answers that are waiting."""
        await self.later.drain()


_COUNT = itertools.count(1)


@asynccontextmanager
async def rig(
    folder: Path,
    *,
    names: tuple[str, ...] = ("default",),
    channel_known: bool = True,
    bot_member: bool = True,
    slack: SlackWorkspace | None = None,
    channel: str | None = None,
    own: Callable[[Mapping[str, Step]], Mapping[str, Playbook]] = lambda _: {},
    authority: Callable[[list[str]], Authority] = lambda _: Authority(),
) -> AsyncIterator[Rig]:
    """A rig on the database in ``folder``; a second one on the same folder and Slack is a restarted bot."""
    clock = HandClock()
    async with AsyncExitStack() as stack:
        if slack is None:
            slack = await stack.enter_async_context(SlackWorkspace.start(limits=QUICK))
        people = [slack.add_user("Ann"), slack.add_user("Ben")]
        home = channel or slack.create_channel("incidents", people, bot_member=bot_member)
        members = slack.state.channels[home].members
        members += [person for person in people if person not in members]
        gateway = await stack.enter_async_context(GatewayStandIn(clock).serve())
        client_of_gateway = await stack.enter_async_context(GatewayClient.open(gateway.url, token=TOKEN))
        timeline = await stack.enter_async_context(Timeline.open(folder / "mx.db", clock=clock, scrub=str))
        replies = await stack.enter_async_context(Replies.open(folder / "mx.db", clock=clock))
        settings = SlackSettings(
            bot_token=slack.bot_token,
            signing_secret=slack.signing_secret,
            app_token=slack.app_token,
            api_url=slack.api_url,
        )
        client, session = await stack.enter_async_context(slack_client(settings))
        api = SlackApi(client, session, clock)
        chat = SlackChat(api)
        steps = playbook.by_kind(step_kinds(client_of_gateway, clock))
        playbooks = {**playbook.shipped(steps), **own(steps)}
        ids = itertools.count(1)
        integrations = {
            name: Integration(
                name=name,
                base_url="https://api.example.test/v1",
                status_url="https://status.example.test/en/index.json",
                channel=home if channel_known else None,
            )
            for name in names
        }
        planner = Planner(playbooks, steps)
        watch = Watch(timeline, client_of_gateway, clock=clock, integration=names[0])
        who_may = Members(api, clock, authority(people))
        pages = PageLinks(PUBLIC, LINK_SECRET, days=7, clock=clock)
        cards = Cards(
            timeline,
            chat,
            planner,
            replies,
            watch=watch,
            integrations=integrations,
            clock=clock,
            duty=DUTY,
            pages=pages,
            remark=who_may.authority.says,
        )
        homes = Homes(
            timeline,
            api,
            replies,
            who_may,
            watch=watch,
            integrations=integrations,
            clock=clock,
            duty=DUTY,
            pages=pages,
            link=lambda incident: pages.incident(incident.id),
            titles={one.name: one.title for one in playbooks.values()},
        )
        later = Later()
        edge = Edge(
            timeline=timeline,
            incidents=Incidents(
                timeline,
                clock,
                playbooks=playbooks,
                new_id=lambda: f"id-{folder.name}-{next(ids)}",
                lapses=DUTY.lapses,
            ),
            items=ActionItems(
                timeline, clock, new_id=lambda: f"n-{folder.name}-{next(ids)}", calendar=DUTY.calendar
            ),
            ordering=Ordering(timeline, clock, new_id=lambda: f"order-{folder.name}-{next(ids)}"),
            gaps=Gaps(timeline, clock, integrations=integrations, served="default"),
            steering=Steering(
                timeline, clock, playbooks=playbooks, new_id=lambda: f"steer-{folder.name}-{next(ids)}"
            ),
            handover=Handover.beside(folder / "mx.db"),
            learn=lambda _: None,
            watch=watch,
            integrations=integrations,
            playbooks=playbooks,
            planner=planner,
            replies=replies,
            later=later,
            api=api,
            members=who_may,
            duty=DUTY,
            pages=pages,
            clock=clock,
            refresh=cards.refresh,
            chat=chat,
            keeping=Keeping(timeline, clock, new_id=lambda: f"keep-{folder.name}-{next(ids)}"),
            keep_emoji="pushpin",
            drills=scenario.shipped(),
            new_id=lambda: f"drill-{folder.name}-{next(ids)}",
            homes=homes,
        )
        app = bolt_app(client, edge, bot_token=slack.bot_token)
        await stack.enter_async_context(_running(later))
        url = await stack.enter_async_context(_served(app, slack.signing_secret))
        slack.request_url = url
        yield Rig(
            slack=slack,
            gateway=gateway,
            timeline=timeline,
            edge=edge,
            cards=cards,
            watch=watch,
            orders=Orders(timeline, client_of_gateway, clock=clock, epoch=lambda: 0, after=watch.refresh),
            answers=Answers(timeline, api, chat, replies, clock=clock),
            posts=Posts(timeline, chat, replies, integrations=integrations, clock=clock, zone=UTC_ZONE),
            homes=homes,
            replies=replies,
            later=later,
            app=app,
            clock=clock,
            channel=home,
            ann=people[0],
            ben=people[1],
            settings=settings,
            url=url,
            steps=steps,
        )


@asynccontextmanager
async def _running(later: Later) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(later.run())
        try:
            yield
        finally:
            loop.cancel()


@asynccontextmanager
async def _served(app: AsyncApp, secret: str) -> AsyncIterator[str]:
    served = web.Application(client_max_size=server.BODY_CAP)
    served.add_routes([server.routes(app, signing_secret=secret)])
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=0.2, logger=wordless("mx.web"))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}{server.PATH}"
    finally:
        await runner.cleanup()
