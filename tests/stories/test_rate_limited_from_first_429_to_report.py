"""The main job: MaintainX answers 429, a person asks, two clicks slow the traffic, the timeline writes the report."""

from pathlib import Path

from bot.demo.maintainx import Fault
from tests.stories.world import whole

ENABLE = "Enable emergency rate limit"


async def test_rate_limited_from_first_429_to_report(tmp_path: Path) -> None:
    async with whole(tmp_path) as world:
        world.maintainx.break_(Fault("limited"))
        await world.until(lambda: world.maintainx.counts()[429] >= 1, "a 429 at MaintainX")

        said = await world.mx("triage")
        assert f"the card comes to <#{world.channel}>" in said
        card = await world.card("SEV-2", "429", "nobody yet")

        await world.slack.click(world.ben, world.channel, card.ts, "Acknowledge")
        await world.card(f"Who has it: @{world.ben}")

        await world.press(ENABLE, shows="1 request per second")
        await world.card("On: ", "asset-sync and report-generator paused", f"by @{world.ann}")
        policy = await world.policy()
        assert (policy["rate_per_s"], policy["paused_jobs"]) == (1.0, ["asset-sync", "report-generator"])

        world.maintainx.heal()
        await world.card("Playbook rate-limited: done", "free of 429")

        assert "cannot be resolved yet" in await world.mx("resolve")
        await world.press("Undo: Emergency rate limit", shows="End this limit")
        await world.card("Undo of rate-limited: done", without=("On: ",))
        assert (await world.policy())["leases"] == []

        await world.recovered()
        await world.mx("triage")
        await world.card("Every probe answered well", without=(ENABLE,))
        await world.mx("note a re-sync of all assets was started by hand")
        world.work_goes_on()
        assert "if it is" in await world.mx("resolve"), "recovery is proved, not declared"
        await world.card("Resolved · SEV-2", f"Resolved by @{world.ann}", without=("Triage again",))
        told = await world.heard("Recovery is proved")
        for line in ("fresh data: /workorders: newest change", "1 work order made in the last hour"):
            assert line in told

        await world.mx("report")
        await world.until(lambda: any(file.shares for file in world.slack.state.files.values()), "the report")
        picture, page, file = sorted(
            world.slack.state.files.values(),
            key=lambda one: ("png", "html", "md").index(one.name.partition(".")[2]),
        )
        assert (picture.content or b"").startswith(b"\x89PNG")
        assert b'class="mx-picture"' in (page.content or b"")
        assert file.content is not None
        report = file.content.decode("utf-8")
        for words in (
            "SEV-2",
            "a re-sync of all assets was started by hand",
            "Ann",
            "Ben",
            "Root Cause",
            "Action Items",
        ):
            assert words.lower() in report.lower()
        assert [(channel, thread) for channel, _, thread in file.shares] == [(world.channel, card.ts)]

        incident = await world.incident()
        assert incident.reports_pending == ()
        assert len(world.cards()) == 1
