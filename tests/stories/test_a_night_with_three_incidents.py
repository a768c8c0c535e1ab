"""One night, wound forward: three incidents, a restart in each, two lost pages and a Slack outage; nothing twice, nothing lost."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import Fault
from bot.demo.pagerduty import ROUTING_KEY, Alert, FakePagerDuty
from bot.demo.pagerduty_webhooks import WEBHOOK_SECRET
from bot.domain.incident import Incident
from bot.domain.oncall import AckLapsed, PageRequested, PageSent, ResponseReminded
from tests.room import timeline_at
from tests.stories.night import NightClock, passes, slack_down
from tests.stories.world import JOBS, KEY, World, configure, started

SECOND_KEY = "2" * 32
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DOWN = Fault("error", status=503)
REVOKED = Fault("revoked")
PART = Fault("error", path="/workorders", every=3)


@asynccontextmanager
async def night(folder: Path) -> AsyncIterator["Night"]:
    """Everything but the bot: PagerDuty with two services in line, and an integration whose work goes on."""
    async with (
        started(folder, user_limit=100_000, clock=NightClock()) as world,
        FakePagerDuty.start() as pagerduty,
    ):
        configure(
            folder,
            bot=f'escalation_keys = ["{SECOND_KEY}"]\nonline_urls = []\nack_lapses_s = 3600',
            integration="canary = true",
        )
        pagerduty.routing_keys.add(SECOND_KEY)
        pagerduty.webhooks.now = world.clock.now
        world.env |= {
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": pagerduty.url,
            "PAGERDUTY_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }
        async with (
            world.gateway(),
            FakeIntegration.start(
                base_url=f"{world.gateway_url}/v1", key=KEY, jobs=JOBS, retries=0
            ) as integration,
        ):
            world.env["INTEGRATION_HEALTH_URL"] = integration.health_url
            yield Night(world, pagerduty)


class Night:
    """What the story does and looks at."""

    def __init__(self, world: World, pagerduty: FakePagerDuty) -> None:
        self.world = world
        self.pagerduty = pagerduty

    @asynccontextmanager
    async def bot(self, *, ready: bool = True) -> AsyncIterator[None]:
        """One life of the bot, to which PagerDuty sends its news."""
        async with self.world.bot(ready=ready):
            self.pagerduty.webhooks.url = f"{self.world.url}/pagerduty/webhook"
            yield
            self.pagerduty.webhooks.url = None

    async def incidents(self) -> tuple[Incident, ...]:
        async with timeline_at(self.world.folder / "mx.db", self.world.clock) as timeline:
            return (await timeline.book()).incidents()

    async def until(self, look: Callable[[Incident], object], what: str) -> Incident:
        """The latest incident, once it is so; the night goes on meanwhile, for two hours at most."""
        for _ in range(240):
            found = (await self.incidents())[-1:]
            if found and look(found[0]):
                return found[0]
            await passes(self.world, timedelta(seconds=30))
        raise AssertionError(f"{what}: {[e.fact for e in await self.world.facts()][-12:]}")

    def alerts(self, routing_key: str) -> list[Alert]:
        return [one for one in self.pagerduty.alerts if one.routing_key == routing_key]


def stages(incident: Incident) -> set[str]:
    """The reminders that were given."""
    return {told.partition(":")[0] for told in incident.oncall.told}


def proved(incident: Incident) -> bool:
    return incident.recovery is not None and incident.recovery.fact.verdict == "proved"


async def test_the_night(tmp_path: Path) -> None:
    async with night(tmp_path) as made:
        await first(made)
        await second(made)
        await third(made)
        await in_the_morning(made)


async def first(night: Night) -> None:
    """MaintainX goes down; PagerDuty loses the page, the bot is started anew, and the first in line never answers."""
    world, pagerduty = night.world, night.pagerduty
    async with night.bot():
        await passes(world, 20 * MINUTE)
        assert await night.incidents() == ()
        world.maintainx.break_(DOWN)
        pagerduty.broken = {ROUTING_KEY, SECOND_KEY}
        await night.until(
            lambda one: sum(page.failed is not None for page in one.oncall.pages) == 2, "two lost pages"
        )
    pagerduty.broken = set()
    async with night.bot():
        await world.card("SEV-1")
        await night.until(lambda one: any(page.sent_at for page in one.oncall.pages), "a page that is taken")
        await night.until(lambda one: "missed" in stages(one), "nobody answers within 15 minutes")
        # Once for the page that was lost, once because nobody answered: an acknowledgement in between would be the end.
        await night.until(
            lambda _: [len(one.events) for one in night.alerts(SECOND_KEY)] == [2],
            "the second in line is woken",
        )
        (theirs,) = night.alerts(SECOND_KEY)
        await pagerduty.act(theirs, "acknowledge", by="Jo Doe")
        await world.card("Jo Doe")
        world.maintainx.heal()
        await world.mx("gap accept all anyway assets and users are compared every night")
        await night.until(proved, "a proof of recovery")
        await world.mx("resolve")
        await night.until(lambda one: not one.open, "it is resolved")
        await night.until(lambda _: not pagerduty.open_alerts(), "both pages are called off")


async def second(night: Night) -> None:
    """The key is revoked while Slack is down: somebody is woken all the same, and Slack hears of it in the end."""
    world, pagerduty = night.world, night.pagerduty
    before = len(pagerduty.alerts)
    async with night.bot():
        await passes(world, 30 * MINUTE)
        with slack_down(world):
            world.maintainx.break_(REVOKED)
            await night.until(lambda one: one.open, "it is found while Slack is down")
            await night.until(
                lambda _: len(pagerduty.alerts) > before, "somebody is woken while Slack is down"
            )
            await night.until(lambda one: "before" in stages(one), "a reminder that Slack does not take")
    with slack_down(world):
        async with night.bot(ready=False):
            await pagerduty.act(pagerduty.open_alerts()[0], "acknowledge", by="Kim Poe")
            await night.until(lambda one: one.acknowledged_by == "pagerduty:Kim Poe", "Kim has it")
            world.maintainx.heal(REVOKED)
            world.slack.mischief.down = False
            await night.until(lambda one: one.card is not None, "the card comes once Slack is back")
            await world.mx("gap accept all anyway the key was put back within the hour")
            await night.until(proved, "a proof of recovery")
            await world.mx("resolve")
            await night.until(lambda one: not one.open, "it is resolved")
            await night.until(lambda _: not pagerduty.open_alerts(), "the page is called off")


async def third(night: Night) -> None:
    """Work orders fail now and then: Ann takes it and falls asleep, and the one behind her is woken."""
    world, pagerduty = night.world, night.pagerduty
    async with night.bot():
        await passes(world, 30 * MINUTE)
        world.maintainx.break_(PART)
        await night.until(lambda one: one.open, "it is found")
        await night.until(lambda _: pagerduty.open_alerts(), "the first in line is woken")
        await world.mx("ack")
        await night.until(lambda one: "ack" in stages(one), "she is asked whether she is still on it")
    async with night.bot():
        await night.until(lambda one: one.acknowledged_by is None, "no sign of her for an hour")
        await night.until(lambda _: len(pagerduty.open_alerts()) == 2, "the second in line is woken")
        await world.mx("snooze 30m I am on the phone with MaintainX", user=world.ben)
        told = len((await night.incidents())[-1].oncall.told)
        await passes(world, 25 * MINUTE)
        assert len((await night.incidents())[-1].oncall.told) == told, "quiet is quiet"
        await night.until(lambda one: one.oncall.snooze is None, "the quiet ends by itself")
        world.maintainx.heal()
        await night.until(proved, "a proof of recovery")
        await world.mx("resolve", user=world.ben)
        await night.until(lambda one: not one.open, "it is resolved")
        await night.until(lambda _: not pagerduty.open_alerts(), "both pages are called off")
        await passes(world, 10 * MINUTE)


async def in_the_morning(night: Night) -> None:
    """Three incidents, each told once and in order, and a timeline that nobody has changed."""
    world, pagerduty = night.world, night.pagerduty
    incidents = await night.incidents()
    assert [str(one.worst) for one in incidents] == ["SEV-1", "SEV-1", "SEV-2"]
    assert all(one.found_by == "monitor" for one in incidents)
    cards = [str((card.now.metadata or {})["event_payload"]["incident"]) for card in world.cards()]
    assert cards == [one.id for one in incidents]
    assert all(world.text(card).startswith("Resolved") for card in world.cards())

    facts = await world.facts()
    keys = [event.key for event in facts if event.key is not None]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    said = [
        (event.stream, event.fact) for event in facts if isinstance(event.fact, ResponseReminded | AckLapsed)
    ]
    assert len(said) == len(set(said)), "no reminder twice"
    sent = [event.fact.page for event in facts if isinstance(event.fact, PageSent)]
    asked = [event.fact.page for event in facts if isinstance(event.fact, PageRequested)]
    assert sorted(sent) == sorted(set(asked)), "each page that was asked for was sent, once"
    woken = Counter((one.routing_key == SECOND_KEY, one.state, len(one.events)) for one in pagerduty.alerts)
    # In the first incident the second in line was asked twice for one alert: PagerDuty had lost the first page, and
    # then nobody answered.
    assert woken == {(False, "resolved", 1): 3, (True, "resolved", 2): 1, (True, "resolved", 1): 1}

    posts = [
        (one.now.metadata or {})["event_payload"]["fact"]
        for one in world.slack.messages(world.channel)
        if (one.now.metadata or {}).get("event_type") == "mx_post"
    ]
    assert len(posts) == len(set(posts)), "nothing is posted twice"
    numbers = [int(post.rpartition(":")[2]) for post in posts]
    assert numbers == sorted(numbers), "and all of it in order"
    assert [[(page.request.cause, page.request.level) for page in one.oncall.pages] for one in incidents] == [
        [
            ("opened", 1),
            ("unreachable", 2),
            ("missed", 2),
            ("acknowledged", 1),
            ("acknowledged", 2),
            ("resolved", 1),
            ("resolved", 2),
        ],
        [("opened", 1), ("resolved", 1)],
        [
            ("opened", 1),
            ("acknowledged", 1),
            ("lapsed", 2),
            ("acknowledged", 2),
            ("resolved", 1),
            ("resolved", 2),
        ],
    ]
    assert [stages(one) for one in incidents] == [{"before", "missed"}, {"before"}, {"ack"}]
    heard = "\n".join(
        world.text(one)
        for one in world.slack.messages(world.channel)
        if (one.now.metadata or {}).get("event_type") == "mx_post"
    )
    assert heard.count("Recovery is proved") == 3
    assert heard.count("No sign since") == heard.count("The quiet until") == 1
    async with timeline_at(world.folder / "mx.db", world.clock) as timeline:
        assert (await timeline.verify()).ok
