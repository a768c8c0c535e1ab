"""Who asked is answered once, resolved only where it is proved, and well where something else was first."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from bot.demo.maintainx import Fault
from bot.domain import events as e
from bot.domain.assessment import Assessment
from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.mitigation import Lease
from bot.domain.watching import RecoveryChecked, VerifyRequested
from bot.errors import Refused
from bot.incidents import Incidents
from bot.timeline import Timeline
from bot.verifier import LATE, Verifier
from tests.proving import Plant, plant
from tests.room import ANN, BEN, INCIDENT, assessment, numbered, open_incident, prove, timeline_at, write
from tests.wound_clock import WoundClock


class Bench:
    """A plant, the timeline of its incident, and who asks."""

    def __init__(self, here: Plant, timeline: Timeline, clock: WoundClock) -> None:
        self.here = here
        self.timeline = timeline
        self.clock = clock
        self.ask = Incidents(timeline, clock, playbooks={}, new_id=numbered("id"))
        self.verifier = self.another()

    def another(self) -> Verifier:
        """The next life of the process, or another process."""
        return Verifier(self.timeline, self.here.prover, self.clock, zone=UTC)

    async def well(self) -> None:
        """Somebody looked, and all is well: rounds, data, findings."""
        await write(self.timeline, self.clock, e.Assessed(assessment=assessment(self.clock)))
        self.clock.wind(200)
        self.here.seen("well", "well", "well", "bad")
        self.here.works(2)

    async def lease(self) -> None:
        """A mitigation is switched on."""
        lease = Lease(
            id="l1",
            run="r1",
            playbook="rate-limited",
            says="1 request per second",
            owner=ANN,
            reason="429",
            since=self.clock.now(),
            expires_at=None,
        )
        fact = e.StepFinished(run="r1", index=0, outcome="done", says="on", started=lease)
        await write(self.timeline, self.clock, fact)

    async def incident(self) -> Incident:
        found = (await self.timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def checked(self, stream: str = INCIDENT) -> list[RecoveryChecked]:
        return [
            event.fact
            for event in await self.timeline.history(stream)
            if isinstance(event.fact, RecoveryChecked)
        ]

    async def kinds(self) -> list[str]:
        return [event.fact.kind for event in await self.timeline.history(INCIDENT)]

    def asked(self) -> int:
        """Requests that MaintainX has had."""
        return len(self.here.maintainx.requests)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = WoundClock()
    async with timeline_at(tmp_path / "mx.db", clock) as timeline, plant(clock, timeline) as here:
        await open_incident(timeline, clock)
        yield Bench(here, timeline, clock)


async def test_who_asks_is_answered_once_line_by_line(bench: Bench) -> None:
    await bench.well()
    done = await bench.ask.request_verify("default", actor=ANN, address=Address(channel="C1", reply="r"))
    assert "the answer follows within about 15 seconds" in done.says
    assert await bench.verifier.step()
    assert not await bench.verifier.step()
    (fact,) = await bench.checked()
    assert (fact.verdict, fact.request, fact.address.reply) == ("proved", "id-1", "r")
    assert fact.says == "Recovery is proved: 8 checks met; 1 not known"
    assert len(fact.lines) == 9
    incident = await bench.incident()
    assert incident.open
    assert incident.recovery is not None
    assert incident.recovery.fact == fact
    assert incident.verifies_pending == ()


async def test_without_an_incident_the_desk_answers(bench: Bench) -> None:
    await prove(bench.timeline, bench.clock)
    await bench.ask.resolve("default", actor=ANN)
    await bench.ask.request_verify("default", actor=BEN, address=Address(reply="r"))
    assert await bench.verifier.step()
    (fact,) = await bench.checked(e.desk("default"))
    assert fact.verdict == "no_traffic"
    assert {one.name for one in fact.lines} == {
        "good rounds",
        "fresh data",
        "work orders",
        "backlog",
        "findings",
        "sync state",
    }
    assert not await bench.verifier.step()
    assert (await bench.incident()).recovery is not None


async def test_an_integration_that_left_the_settings_is_answered_too(bench: Bench) -> None:
    await bench.ask.request_verify("west", actor=ANN)
    await bench.verifier.step()
    (fact,) = await bench.checked(e.desk("west"))
    assert "there is no integration west in the settings" in fact.lines[-1].says
    assert fact.verdict == "not_proved"


async def test_a_restart_before_the_answer_asks_again_and_after_it_does_not(bench: Bench) -> None:
    bench.here.settings(canary=True)
    await bench.ask.request_verify("default", actor=ANN)
    cut = asyncio.create_task(bench.another().step())  # noqa: TID251 - a life that is cut short
    async with asyncio.timeout(10):
        while not bench.here.sent("PATCH"):  # noqa: ASYNC110 - the stand-in tells nobody
            await asyncio.sleep(0.01)
    cut.cancel()
    await asyncio.wait([cut])
    await bench.another().step()
    await bench.another().step()
    assert len(await bench.checked()) == 1
    assert len(bench.here.canaries()) == 1, "never two for one request"
    assert {row["status"] for row in bench.here.canaries()} == {"CANCELED"}


async def test_resolve_waits_for_the_proof_and_is_in_the_askers_name(bench: Bench) -> None:
    await bench.well()
    done = await bench.ask.resolve("default", actor=ANN)
    assert "if it is, mx-20261123-7f3a is resolved in your name" in done.says
    assert (await bench.incident()).open
    await bench.verifier.step()
    incident = await bench.incident()
    assert (incident.open, incident.resolved_by, incident.accepted) == (False, ANN, ())
    assert (await bench.kinds())[-3:] == ["verify_requested", "recovery_checked", "resolved"]
    (fact,) = await bench.checked()
    assert fact.says.endswith(f"{INCIDENT} is resolved")


@pytest.mark.parametrize("why", ["quiet", "broken"])
async def test_what_is_not_proved_stays_open_and_says_what_to_do(bench: Bench, why: str) -> None:
    bench.clock.wind(200)
    bench.here.seen("well", "well", "well")
    if why == "broken":
        bench.here.maintainx.break_(Fault("error", status=503))
    await bench.ask.resolve("default", actor=ANN)
    await bench.verifier.step()
    assert (await bench.incident()).open
    (fact,) = await bench.checked()
    assert fact.verdict == ("no_traffic" if why == "quiet" else "not_proved")
    assert fact.says.endswith(
        f"{INCIDENT} stays open; settle that first, or take it in your name: /mx resolve anyway REASON"
    )


async def test_a_proof_of_this_minute_is_used_at_once_and_an_older_one_is_not(bench: Bench) -> None:
    await bench.well()
    await bench.ask.request_verify("default", actor=BEN)
    await bench.verifier.step()
    assert (await bench.ask.resolve("default", actor=ANN)).says.startswith(f"{INCIDENT} is resolved.")
    await bench.ask.reopen("default", "it came back", actor=ANN)
    assert "Looking whether" in (await bench.ask.resolve("default", actor=ANN)).says, (
        "reopened: proved no more"
    )
    await bench.verifier.step()
    await bench.ask.reopen("default", "again", actor=ANN)
    await bench.ask.request_verify("default", actor=BEN)
    await bench.verifier.step()
    bench.clock.wind(61)
    assert "Looking whether" in (await bench.ask.resolve("default", actor=ANN)).says


async def test_trouble_found_after_the_proof_makes_it_worthless(bench: Bench) -> None:
    await prove(bench.timeline, bench.clock)
    bench.clock.wind(5)
    await write(bench.timeline, bench.clock, e.Assessed(assessment=assessment(bench.clock, "rate-limited")))
    assert "Looking whether" in (await bench.ask.resolve("default", actor=ANN)).says


async def test_resolve_anyway_accepts_each_open_line_with_everything_away(bench: Bench) -> None:
    await bench.lease()
    bench.here.maintainx.break_(Fault("reset"))
    bench.here.gateway.broken = 503

    async def falls(_: str) -> Assessment:
        raise ZeroDivisionError

    bench.here.prover = replace(bench.here.prover, assess=falls)
    await bench.ask.resolve("default", actor=ANN, anyway_reason="the plant is shut")
    await bench.another().step()
    incident = await bench.incident()
    assert (incident.open, incident.resolved_by, incident.resolved_reason) == (
        False,
        ANN,
        "the plant is shut",
    )
    assert [one.partition(":")[0] for one in incident.accepted] == [
        "good rounds",
        "fresh data",
        "work orders",
        "mitigations",
        "findings",
    ]
    assert "rate-limited is on" in incident.accepted[3]
    (fact,) = await bench.checked()
    assert fact.says.endswith("is resolved all the same, with 5 open points accepted")


async def test_the_reason_can_be_redacted_on_every_line_that_has_it(bench: Bench) -> None:
    await bench.ask.resolve("default", actor=ANN, anyway_reason="Mr Miller said so")
    await bench.verifier.step()
    for event in await bench.timeline.history(INCIDENT):
        if "Miller" in str(event.fact):
            await bench.ask.redact("default", event.version, reason="a name", actor=ANN)
    assert "Miller" not in str(await bench.timeline.history(INCIDENT))


async def test_anyway_by_a_proof_of_this_minute_needs_nobody(bench: Bench) -> None:
    await bench.ask.request_verify("default", actor=ANN)
    await bench.verifier.step()
    done = await bench.ask.resolve("default", actor=ANN, anyway_reason="night")
    assert "Accepted by you" in done.says
    assert not (await bench.incident()).open
    assert (await bench.incident()).accepted[0].startswith("fresh data: ")


async def test_what_is_on_is_refused_at_once(bench: Bench) -> None:
    await bench.well()
    await bench.lease()
    with pytest.raises(Refused, match="rate-limited is on"):
        await bench.ask.resolve("default", actor=ANN)
    assert (await bench.timeline.book()).pending_verifies() == ()


async def test_a_lease_that_is_switched_on_while_it_is_looked_at_keeps_it_open(bench: Bench) -> None:
    await bench.well()
    await bench.ask.resolve("default", actor=ANN)
    looked = bench.here.prover.look

    async def meanwhile(name: str, within_s: float) -> object:
        await bench.lease()
        return await looked(name, within_s)

    bench.here.prover = replace(bench.here.prover, look=meanwhile)  # type: ignore[arg-type] # the same look
    await bench.another().step()
    assert (await bench.incident()).open
    (fact,) = await bench.checked()
    assert "rate-limited is on" in next(one.says for one in fact.lines if one.name == "mitigations")


async def test_two_who_resolve_are_both_answered_and_it_happens_once(bench: Bench) -> None:
    await bench.well()
    await bench.ask.resolve("default", actor=ANN, address=Address(reply="a"))
    await bench.ask.resolve("default", actor=BEN, address=Address(reply="b"))
    before = bench.asked()
    await bench.verifier.step()
    assert bench.asked() - before == 2, "one look for both"
    assert (await bench.kinds()).count("resolved") == 1
    mine, other = await bench.checked()
    assert mine.says.endswith("is resolved")
    assert other.says.startswith(f"{INCIDENT} was resolved by {ANN} meanwhile")


async def test_resolved_by_another_before_the_look_is_told_and_reopened_before_it_is_looked_at(
    bench: Bench,
) -> None:
    await bench.well()
    await bench.ask.resolve("default", actor=ANN)
    await prove(bench.timeline, bench.clock)
    await bench.ask.resolve("default", actor=BEN)
    await bench.verifier.step()
    assert (await bench.checked())[-1].says.startswith(f"{INCIDENT} was resolved by {BEN} at ")
    assert (await bench.incident()).resolved_by == BEN
    assert not await bench.verifier.step(), "nothing waits for ever"

    await bench.ask.reopen("default", "it was not over", actor=BEN)
    await bench.ask.resolve("default", actor=ANN)
    await bench.verifier.step()
    assert (await bench.incident()).resolved_by == ANN


async def test_a_resolve_that_mx_slept_through_is_not_carried_out(bench: Bench) -> None:
    await bench.ask.resolve("default", actor=ANN)
    bench.clock.wind(LATE.total_seconds() + 1)
    await bench.well()
    await bench.verifier.step()
    assert (await bench.incident()).open
    (fact,) = await bench.checked()
    assert (fact.verdict, fact.says.partition(",")[0]) == (
        "proved",
        "mx was away when this was asked for at 12:00 UTC",
    )


async def test_a_request_that_is_repeated_by_slack_is_asked_once(bench: Bench) -> None:
    await bench.ask.resolve("default", actor=ANN, key="delivery")
    await bench.ask.resolve("default", actor=ANN, key="delivery")
    assert len((await bench.timeline.book()).pending_verifies()) == 1


async def test_it_finds_by_itself_that_it_is_over_and_says_so_once(bench: Bench) -> None:
    await bench.verifier.look()
    assert bench.asked() == 0, "without rounds there is nothing to prove by"
    await bench.well()
    await bench.verifier.look()
    (fact,) = await bench.checked()
    assert (fact.verdict, fact.request, fact.was_proved) == ("proved", None, False)
    before = bench.asked()
    for _ in range(5):
        bench.clock.wind(30)
        bench.here.seen("well", "well", "well", "well")
        await bench.verifier.look()
        await bench.another().look()
    assert bench.asked() == before, "what is proved is not asked again and again"
    assert len(await bench.checked()) == 1


async def test_a_quiet_plant_is_asked_no_more_often_than_every_interval_and_told_once(bench: Bench) -> None:
    await write(bench.timeline, bench.clock, e.Assessed(assessment=assessment(bench.clock)))
    bench.here.seen("well", "well", "well")
    for _ in range(3):
        bench.clock.wind(2)
        bench.here.seen("well", "well", "well", ago_s=0)
        await bench.verifier.look()
    assert bench.asked() == 2
    bench.clock.wind(30)
    bench.here.seen("well", "well", "well", ago_s=0)
    await bench.verifier.look()
    assert bench.asked() == 4
    assert [fact.verdict for fact in await bench.checked()] == ["no_traffic"]
    bench.here.works(1)
    bench.clock.wind(30)
    bench.here.seen("well", "well", "well", ago_s=0)
    await bench.verifier.look()
    assert [fact.verdict for fact in await bench.checked()] == ["no_traffic", "proved"]


async def test_what_was_proved_and_breaks_again_is_told(bench: Bench) -> None:
    await bench.well()
    await bench.verifier.look()
    bench.clock.wind(60)
    bench.here.seen("bad", "well", "well")
    await bench.verifier.look()
    _, fact = await bench.checked()
    assert (fact.verdict, fact.was_proved) == ("not_proved", True)
    assert fact.says.startswith("It was proved before, and is no longer. Recovery is not proved: good rounds")


async def test_with_a_mitigation_on_it_does_not_even_look(bench: Bench) -> None:
    await bench.well()
    await bench.lease()
    await bench.verifier.look()
    assert bench.asked() == 0


async def test_many_that_recover_together_are_looked_at_in_turn(bench: Bench) -> None:
    names = [f"plant-{number}" for number in range(10)]
    [spec], [key] = bench.here.prover.integrations.values(), bench.here.prover.keys.values()
    bench.here.prover = replace(
        bench.here.prover,
        integrations={name: spec.model_copy(update={"name": name}) for name in names},
        keys=dict.fromkeys(names, key),
    )
    for name in names:
        await open_incident(bench.timeline, bench.clock, incident=f"mx-{name}", integration=name)
    bench.clock.wind(200)
    bench.here.seen("well", "well", "well", "bad")
    bench.here.works(1)
    verifier = bench.another()
    assert await verifier.look(), "eight at once, and more are due"
    assert not await verifier.look()
    proved = [one.id for one in (await bench.timeline.book()).open_incidents() if one.recovery]
    assert len(proved) == 10


async def test_what_is_recorded_at_a_terminal_is_answered_there_and_not_again(bench: Bench) -> None:
    outside = await bench.here.prover.outside("default", await bench.incident())
    await bench.verifier.record("default", INCIDENT, outside.lines, actor="cli:x@y", request="typed")
    assert not await bench.verifier.step()
    assert (await bench.kinds())[-2:] == ["verify_requested", "recovery_checked"]
    event = (await bench.timeline.history(INCIDENT))[-2]
    assert (event.actor, isinstance(event.fact, VerifyRequested)) == ("cli:x@y", True)
