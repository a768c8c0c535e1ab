"""Recovery is proved, not declared: mx finds it by itself, says so once, takes it back, and resolves by it."""

from itertools import groupby
from pathlib import Path

from bot.demo.maintainx import Fault
from bot.domain.watching import RecoveryChecked
from tests.stories.world import World, configure, started

QUICK = "interval_s = 6\ninterval_open_s = 2\ngood_rounds = 2\n"
"""In the seconds of mx, of which ten pass in one of ours."""
PROVED, GONE = "Recovery is proved: 7 checks met", "It was proved before, and is no longer"


def told(world: World, words: str) -> int:
    """How many posts of the channel say so; the card is none."""
    posts = [one for one in world.slack.messages(world.channel) if one not in world.cards()]
    return sum(words in world.text(one) for one in posts)


async def test_mx_finds_by_itself_that_it_is_over_and_that_it_is_not(tmp_path: Path) -> None:
    async with started(tmp_path) as world:
        configure(tmp_path, integration=QUICK)
        async with world.bot():
            world.maintainx.break_(Fault("error", status=503))
            await world.card("nobody yet")
            assert "the gap of workorders from MaintainX" in await world.mx("resolve"), (
                "what can be seen is said at once"
            )
            world.maintainx.heal()
            await world.card("Every probe answered well")
            await world.mx("gap accept all nothing was written in these minutes")
            shown = world.text(await world.card("No traffic to judge recovery by: fresh data, work orders"))
            assert "0 work orders made in the last hour" in shown
            assert told(world, "Recovery is proved") == 0, "a quiet plant is not green"
            world.work_goes_on()
            await world.card(PROVED, "1 work order made in the last hour", "· /mx resolve")
            await world.until(lambda: told(world, PROVED), "the channel to hear of it")
        async with world.bot():  # a restart repeats nothing
            world.maintainx.break_(Fault("error", status=503))
            await world.until(lambda: told(world, GONE), "the channel to hear that it is back")
            world.maintainx.heal()
            await world.mx("resolve anyway the vendor lifted it, and works on")
            await world.card("Resolved", "Accepted: good rounds")
        assert (told(world, PROVED), told(world, GONE)) == (1, 1)
        looks = [event.fact for event in await world.facts() if isinstance(event.fact, RecoveryChecked)]
        # A line that changes under the same verdict is a look of its own: how many there are hangs on the rounds.
        verdicts = [verdict for verdict, _ in groupby(fact.verdict for fact in looks if fact.request is None)]
        assert verdicts == ["no_traffic", "proved", "not_proved"]


async def test_a_quiet_plant_is_proved_by_a_canary_that_leaves_nothing_behind(tmp_path: Path) -> None:
    async with started(tmp_path) as world:
        configure(tmp_path, integration="watch = false\ncanary = true\ngood_rounds = 2")
        async with world.bot():
            world.maintainx.break_(Fault("limited"))
            await world.mx("triage")
            await world.card("SEV-2")
            world.maintainx.heal()
            await world.mx("resolve")
            await world.card("Resolved", "canary work order", "was read back and is cancelled")
        (canary,) = [row for row in world.maintainx.workorders.values() if "mx canary" in str(row["title"])]
        assert canary["status"] == "CANCELED"
