"""What the outside says is shown and never obeyed: no ping, wherever it comes up."""

from pathlib import Path

from bot.demo.slack.pings import notifications
from tests.stories.world import World, configure, started

EVIL = "ERROR <!channel> <!here> <@U0EVIL> <https://evil.test|click> sync failed"


def pings(world: World) -> list[str]:
    return [ping for message in world.slack.state.messages for ping in notifications(message)]


async def test_a_log_line_and_a_note_that_shout_ping_nobody(tmp_path: Path) -> None:
    async with started(tmp_path) as world, world.gateway():
        log = tmp_path / "sync.log"
        stamp = world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        log.write_text(f"{stamp} {EVIL}\n" * 20, "utf-8")
        configure(tmp_path, integration=f'watch = false\nlog_file = "{log}"')
        world.env["INTEGRATION_HEALTH_URL"] = "http://127.0.0.1:1/health"
        async with world.bot():
            await world.mx("triage <!channel>")
            await world.mx("triage")
            await world.card("SEV-1")
            await world.mx("note <!channel> the vendor <!here>")
            await world.mx("timeline")
            await world.mx("resolve anyway <!everyone>")
            await world.card("Resolved")
            await world.mx("report")
            await world.until(lambda: any(f.shares for f in world.slack.state.files.values()), "the report")
        assert set(pings(world)) <= {f"<@{world.ann}>"}
