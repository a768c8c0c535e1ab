"""A drill from its first fault to its score: flown well, and not flown at all; nothing of the outside gets in."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.demo.drill import Flight, checked, flying, over, written
from bot.demo.slack.controls import controls
from bot.demo.slack.records import Message
from bot.errors import ConfigError
from bot.scenario import shipped
from tests.demo.test_board import triage_of

PATIENCE_S = 30.0


async def test_each_shipped_drill_is_what_it_says() -> None:
    """Its faults, all on, make triage find the severity and the verdict that its file calls good."""
    for scenario in shipped().values():
        checked(scenario)
    quiet = shipped()["rate-limit"].model_copy(update={"faults": shipped()["sync-gap"].faults[:1]})
    async with flying(quiet.model_copy(update={"length_s": 86400.0}), people=["Ada"]) as flight:
        world = flight.world
        await world.bot.stop()
        for scenario in shipped().values():
            await flight.board.heal()
            world.integration.results.clear()
            world.clock.jump(60)
            for fault in scenario.faults:
                await flight.board.break_(fault.id, fault.values)
            found = None
            async with asyncio.timeout(PATIENCE_S):
                while found is None or found.severity != scenario.good.severity:
                    world.clock.jump(5)
                    await asyncio.sleep(0.3)  # traffic has to meet the fault
                    found = await triage_of(world, jump=False)
            assert found.verdict == scenario.good.verdict, (scenario.name, found.findings)


async def test_a_drill_that_is_flown_well_scores_high_and_its_report_is_marked(tmp_path: Path) -> None:
    stop = asyncio.Event()
    scenario = shipped()["rate-limit"]
    async with flying(scenario, people=["Ada"], speed=10) as flight:
        player = Player(flight)
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            end = group.create_task(over(flight, stop))
            await player.fly()
            await end
        result = await flight.result()
        incident, _ = await flight.history()
    assert incident is not None
    assert incident.drill
    assert not incident.oncall.pages
    assert result.ended == "resolved"
    assert result.score.points >= 90, result.score.lines
    assert "drill" in result.report.lower()
    files = {path.name: path.read_text("utf-8") for path in written(result, tmp_path / "out")}
    assert set(files) == {"rate-limit-score.json", "rate-limit-report.md", "rate-limit-report.html"}
    assert json.loads(files["rate-limit-score.json"])["score"] == result.score.points
    assert "<svg" in files["rate-limit-report.html"]
    assert "requests" in result.report.lower(), "the gateway's figures are in it"


async def test_a_drill_in_which_nobody_does_anything_scores_next_to_nothing() -> None:
    async with flying(shipped()["rate-limit"], people=["Ada"], speed=10) as flight:
        async with asyncio.timeout(60):
            while (await flight.history())[0] is None:  # noqa: ASYNC110 - another process's timeline
                await asyncio.sleep(0.1)
            flight.world.clock.jump(3600)
            await over(flight, asyncio.Event())
        result = await flight.result()
    assert (result.ended, result.score.points) == ("time", 0)
    assert "0 of 100 points (the time was up)" in result.says
    assert any("/mx ack first" in line for line in result.score.lines)


async def test_the_service_can_be_restarted_in_a_drill_and_the_card_says_that_it_is_one() -> None:
    async with flying(shipped()["service-down"], people=["Ada"], speed=10) as flight:
        player = Player(flight)
        async with asyncio.timeout(90):
            while (found := (await flight.history())[0]) is None or found.card is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
            (card,) = [
                one
                for one in flight.world.slack.messages(flight.world.channel)
                if (one.now.metadata or {}).get("event_type") == "mx_incident"
            ]
            assert card.blocks[0]["text"]["text"].startswith("DRILL · SEV-1")
            await player.run("service-down")
            while not (found := (await flight.history())[0]) or found.runs[0].outcome is None:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.1)
        assert found.runs[0].outcome == "done", [step.says for step in found.runs[0].steps]
        assert flight.world.integration.health()[0] == 200


def test_a_scenario_whose_fault_the_board_does_not_have_is_refused() -> None:
    scenario = shipped()["rate-limit"]
    odd = scenario.faults[0].model_copy(update={"id": "fire"})
    hard = scenario.faults[0].model_copy(update={"values": {"rate": 900}})
    lost = scenario.good.helps[0].model_copy(update={"any_of": ("rate-limted",)})
    good = scenario.good.model_copy(update={"helps": (lost,)})
    with pytest.raises(ConfigError) as told:
        checked(scenario.model_copy(update={"faults": (odd, hard), "good": good}))
    assert "there is no playbook rate-limted" in told.value.faults[2]
    assert "the board has no fault fire" in told.value.faults[0]
    assert "a number from 1 to 10" in told.value.faults[1]


def test_nothing_of_whoever_starts_it_reaches_a_drill(tmp_path: Path) -> None:
    """A poisoned environment: had it any say, the drill would ask production and page somebody."""
    poison = {
        "PATH": os.defpath,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "MAINTAINX_BASE_URL": "http://127.0.0.1:9/v1",
        "MAINTAINX_API_KEY": "production-key-000000",
        "SLACK_BOT_TOKEN": "xoxb-production-token",
        "SLACK_SIGNING_SECRET": "0" * 32,
        "PAGERDUTY_ROUTING_KEY": "production-routing-key",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'production.db'}",
        "MX_GATEWAY_URL": "http://127.0.0.1:9",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "drill", "rate-limit", "--events", "--speed", "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=poison,
    ) as drill:
        assert drill.stdout is not None
        assert drill.stdin is not None
        assert drill.stderr is not None
        started = json.loads(drill.stdout.readline() or "{}")
        assert started.get("event") == "started", drill.stderr.read()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", started["url"])
        drill.stdin.close()
        finished = json.loads(drill.stdout.readline())
        assert (finished["event"], finished["ended"]) == ("finished", "stopped")
        assert "production" not in json.dumps([started, finished])
        assert drill.wait(30) == 0
    assert not (tmp_path / "production.db").exists()


def test_a_teams_own_drill_is_flown_for_others_without_a_look_at_production(tmp_path: Path) -> None:
    """As the bot starts it: beside settings that are production's, here such that reading them would be told."""
    own, beside = tmp_path / "own", tmp_path / "data"
    own.mkdir()
    beside.mkdir()
    text = (Path(__file__).parents[2] / "bot/scenarios/rate-limit.toml").read_text("utf-8")
    (own / "night.toml").write_text(text.replace('"rate-limit"', '"night-shift"', 1), "utf-8")
    (beside / "mx.toml").write_text("[bot]\nno_such_setting = 1\n", "utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "drill", "night-shift", "--events", "--own", str(own)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=beside,
        env={"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as drill:
        assert drill.stdout is not None
        assert drill.stdin is not None
        assert drill.stderr is not None
        started = json.loads(drill.stdout.readline() or "{}")
        assert started.get("drill") == "night-shift", drill.stderr.read()
        drill.stdin.close()
        assert json.loads(drill.stdout.readline())["ended"] == "stopped"
        assert drill.wait(30) == 0


class Player:
    """Somebody who knows what to do."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._slack = flight.world.slack
        self._ada = flight.world.people["Ada"]

    async def fly(self) -> None:
        card = await self._slack.until(self._card, timeout_s=PATIENCE_S, what="the monitor's card")
        assert card is not None
        await self._type("ack")
        await self._press(card, "Enable emergency rate limit")
        await self._shows("Undo")
        await self._slack.until(
            lambda: "free of 429" in str(self._now(card).blocks),
            timeout_s=PATIENCE_S,
            what="the playbook's end",
        )
        async with asyncio.timeout(PATIENCE_S):
            while self._flight.board.on:  # noqa: ASYNC110 - somebody mends it at its source, in the drill's time
                await asyncio.sleep(0.1)
        told = [one.text for one in self._slack.messages(self._flight.world.channel)]
        assert any("stopped at its source" in text for text in told), "who waits is told that it is mended"
        undo = next(one for one in controls(self._now(card).blocks) if one.label.startswith("Undo"))
        await self._press(card, undo.action_id)
        await self._slack.until(
            lambda: not any(one.label.startswith("Undo") for one in controls(self._now(card).blocks)),
            timeout_s=PATIENCE_S,
            what="the limit taken back",
        )
        async with asyncio.timeout(PATIENCE_S):
            while (await self._flight.history())[0].recovery is None or not self._proved():  # type: ignore[union-attr]
                await self._type("verify")
                await asyncio.sleep(1)
        await self._type("resolve")
        await self._slack.until(
            lambda: "resolved" in str(self._now(card).blocks).lower(), timeout_s=PATIENCE_S, what="the end"
        )
        await self._type("report")

    async def run(self, playbook: str) -> None:
        await self._type(f"run {playbook}")
        await self._sent()

    def _proved(self) -> bool:
        told = self._slack.ephemerals(self._ada, self._flight.world.channel)
        return any("Recovery is proved" in str(one.blocks) + one.text for one in told)

    def _card(self) -> Message | None:
        for one in self._slack.messages(self._flight.world.channel):
            if any(control.label == "Enable emergency rate limit" for control in controls(one.blocks)):
                return one
        return None

    def _now(self, card: Message) -> Message:
        found = self._slack.state.find(card.channel, card.ts)
        assert found is not None
        return found

    async def _shows(self, label: str) -> None:
        def look() -> bool:
            card = self._card_any()
            return any(one.label.startswith(label) for one in controls(card.blocks))

        await self._slack.until(look, timeout_s=PATIENCE_S, what=f"a button {label}")

    def _card_any(self) -> Message:
        found = [
            one
            for one in self._slack.messages(self._flight.world.channel)
            if (one.now.metadata or {}).get("event_type") == "mx_incident"
        ]
        return found[0]

    async def _type(self, text: str) -> None:
        outcome = await self._slack.command(self._ada, self._flight.world.channel, "/mx", text)
        assert outcome.error is None, outcome

    async def _press(self, card: Message, button: str) -> None:
        done = await self._slack.click(self._ada, card.channel, card.ts, button)
        assert done.error is None, done
        await self._sent()

    async def _sent(self) -> None:
        for _ in range(3):
            dialog = await self._slack.dialog(self._ada)
            sent = await self._slack.submit_view(self._ada, dialog.id)
            assert (sent.error, dict(sent.errors)) == (None, {})
            if sent.view is None:
                return
        raise AssertionError("the dialog stays open")
