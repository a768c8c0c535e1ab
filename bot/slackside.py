"""The Slack edge, put together: what answers, what shows, and who may act."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from slack_bolt.async_app import AsyncApp

from bot.action_items import ActionItems
from bot.domain.authority import Authority
from bot.engine import Engine, new_id
from bot.gateway_watch import Watch
from bot.keeping import Keeping
from bot.lane_keeping import LaneKeeper
from bot.ordering import Ordering
from bot.slack.answers import Answers
from bot.slack.api import SlackApi, slack_client
from bot.slack.bolt import bolt_app
from bot.slack.card import Cards
from bot.slack.chat import SlackChat
from bot.slack.edge import Edge
from bot.slack.homes import Homes
from bot.slack.keeper import Keeper
from bot.slack.later import Later
from bot.slack.members import Members
from bot.slack.planner import Planner
from bot.slack.posts import Posts
from bot.slack.replies import Replies
from bot.slack.reporting import Reports
from bot.slack.reportmaking import Maker
from bot.slack.settings import SlackSettings
from bot.templating import Templates


@dataclass(frozen=True, slots=True)
class SlackSide:
    """The parts of the Slack edge that the process runs."""

    api: SlackApi
    chat: SlackChat
    app: AsyncApp
    later: Later
    cards: Cards
    answers: Answers
    keeper: Keeper
    reports: Reports
    posts: Posts
    homes: Homes
    watch: Watch


@asynccontextmanager
async def slack_side(engine: Engine, settings: SlackSettings) -> AsyncIterator[SlackSide]:
    """Open it; closed with the block."""
    clock, duty = engine.clock, engine.settings.bot.duty
    zone = duty.zone
    integrations = engine.settings.integrations
    async with (
        slack_client(settings) as (client, session),
        Replies.open(engine.settings.bot.database, clock=clock) as replies,
    ):
        api = SlackApi(client, session, clock, meter=engine.meter)
        chat = SlackChat(api)
        planner = Planner(engine.playbooks, engine.steps)
        people = engine.settings.bot.people
        members = Members(api, clock, Authority(people.responders, people.approvers))
        watch = Watch(engine.timeline, engine.gateway, clock=clock, integration=engine.settings.served)
        cards = Cards(
            engine.timeline,
            chat,
            planner,
            replies,
            watch=watch,
            integrations=integrations,
            clock=clock,
            duty=duty,
            pages=engine.links.pages,
            remark=members.authority.says,
        )
        homes = Homes(
            engine.timeline,
            api,
            replies,
            members,
            watch=watch,
            integrations=integrations,
            clock=clock,
            duty=duty,
            pages=engine.links.pages,
            link=engine.links,
            titles={one.name: one.title for one in engine.playbooks.values()},
        )
        later = Later()
        edge = Edge(
            timeline=engine.timeline,
            incidents=engine.incidents,
            items=ActionItems(engine.timeline, clock, new_id=new_id, calendar=engine.settings.bot.calendar),
            ordering=Ordering(engine.timeline, clock, new_id=new_id, zone=zone),
            steering=engine.steering,
            gaps=engine.gaps,
            handover=engine.handover,
            learn=engine.scrub.learn,
            watch=watch,
            integrations=integrations,
            playbooks=engine.playbooks,
            planner=planner,
            replies=replies,
            later=later,
            api=api,
            members=members,
            duty=duty,
            pages=engine.links.pages,
            clock=clock,
            refresh=cards.refresh,
            homes=homes,
            chat=chat,
            keeping=Keeping(engine.timeline, clock, new_id=new_id),
            keep_emoji=engine.settings.bot.keep_emoji,
            drills=engine.drills,
            new_id=new_id,
        )
        yield SlackSide(
            api=api,
            chat=chat,
            app=bolt_app(client, edge, bot_token=settings.bot_token),
            later=later,
            cards=cards,
            answers=Answers(engine.timeline, api, chat, replies, clock=clock),
            keeper=Keeper(engine.timeline, api, chat, replies, clock=clock),
            reports=Reports(
                engine.timeline,
                api,
                chat,
                replies,
                integrations=integrations,
                clock=clock,
                maker=Maker(
                    engine.timeline,
                    chat,
                    clock=clock,
                    calendar=engine.settings.bot.calendar,
                    templates=Templates(engine.settings.bot.templates),
                    lane=LaneKeeper(
                        engine.timeline,
                        engine.lanes,
                        engine.samples,
                        engine.gateway,
                        clock=clock,
                        served=engine.settings.served,
                    ).keep,
                ),
            ),
            posts=Posts(
                engine.timeline,
                chat,
                replies,
                integrations=integrations,
                clock=clock,
                zone=zone,
                meter=engine.meter,
            ),
            homes=homes,
            watch=watch,
        )
