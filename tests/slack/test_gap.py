"""``/mx gap``: what may be missing, what was tried, and who takes it so; by real deliveries."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from bot.domain.events import AnyFact, Draft, StepFinished
from bot.domain.gap import Direction, Gap, GapEnd
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.watching import GapsAccepted, GapsOpened
from bot.gaps import Gaps
from tests.slack.rig import Rig

SINCE = datetime(2026, 11, 23, 2, 40, tzinfo=UTC)
UNTIL = SINCE + timedelta(minutes=51)


def gap(entity: str, direction: Direction = "in", *, until: datetime | None = UNTIL) -> Gap:
    return Gap(
        id=f"{direction}:{entity}",
        entity=entity,
        direction=direction,
        since=SINCE,
        until=until,
        says="the first failed round (02:45 UTC), 5 minutes earlier",
    )


async def write(rig: Rig, incident: Incident, *facts: AnyFact) -> None:
    now = rig.clock.now()
    await rig.timeline.append(*(Draft(stream=incident.id, actor="mx", at=now, fact=fact) for fact in facts))


async def opened(rig: Rig, *gaps: Gap) -> Incident:
    made = await rig.open()
    await write(rig, made, GapsOpened(gaps=gaps))
    return await rig.incident(made.id)


def importing(rig: Rig) -> None:
    """From here on the integration takes in what a backfill brings."""
    known = rig.edge.integrations["default"].model_copy(update={"import_url": "http://127.0.0.1:9/import"})
    integrations: Mapping[str, Integration] = {"default": known}
    object.__setattr__(
        rig.edge, "gaps", Gaps(rig.timeline, rig.clock, integrations=integrations, served="default")
    )


async def mx(rig: Rig, text: str, *, user: str | None = None) -> str:
    outcome = await rig.slack.command(user or rig.ann, rig.channel, "/mx", text)
    assert (outcome.status, outcome.error) == (200, None)
    return outcome.text or ""


async def accepted(rig: Rig, incident: Incident) -> list[GapsAccepted]:
    history = await rig.timeline.history(incident.id)
    return [event.fact for event in history if isinstance(event.fact, GapsAccepted)]


async def test_the_list_says_window_evidence_what_was_tried_and_what_to_do(rig: Rig) -> None:
    made = await opened(rig, gap("/workorders"), gap("/workorders", "out", until=None))
    end = GapEnd(gap="out:/workorders", expected=3, found=1, missing=2, says="1 of 3 are delivered")
    await write(rig, made, StepFinished(run="run-1", index=0, outcome="failed", says="no", settled=(end,)))
    text = await mx(rig, "gap")
    assert (
        "workorders from MaintainX 2026-11-23 02:40 to 03:31 UTC (the first failed round (02:45 UTC), 5 minutes "
        "earlier); nothing was tried; no backfill can be run (nothing takes in what was missed: set import_url or "
        "import_command); compare by hand, then: /mx gap accept workorders REASON" in text
    )
    assert (
        "workorders to MaintainX since 2026-11-23 02:40 UTC (the first failed round (02:45 UTC), 5 minutes earlier); "
        "tried: 1 of 3 are delivered; fill it with /mx run sync-gap" in text
    )


async def test_where_nothing_can_fill_it_a_person_takes_it_with_a_reason(rig: Rig) -> None:
    made = await opened(rig, gap("/assets"))
    says = await mx(rig, "gap accept assets they are compared every night")
    assert "in your name: assets from MaintainX 2026-11-23 02:40 to 03:31 UTC" in says
    [fact] = await accepted(rig, made)
    assert (fact.gaps, fact.reason) == (("in:/assets",), "they are compared every night")
    about = await rig.incident(made.id)
    assert about.gaps == ()
    assert about.closed_gaps[0].actor == f"slack:{rig.ann}"
    shown = await mx(rig, "gap")
    assert "no gap is open" in shown
    assert "accepted, by" in shown
    assert "they are compared every night" in shown


async def test_one_that_can_be_filled_is_refused_unless_the_words_say_anyway_or_it_was_tried(
    rig: Rig,
) -> None:
    made = await opened(rig, gap("/workorders"))
    importing(rig)
    refused = await mx(rig, "gap accept all too late for that")
    assert "A backfill can fill workorders from MaintainX" in refused
    assert await accepted(rig, made) == []
    await mx(rig, "gap accept all anyway the plant was closed")
    assert [fact.reason for fact in await accepted(rig, made)] == ["the plant was closed"]

    await write(rig, made, GapsOpened(gaps=(gap("/assets"),)))
    end = GapEnd(gap="in:/assets", expected=3, found=1, missing=2, says="2 missing (4, 5)")
    await write(rig, made, StepFinished(run="run-1", index=0, outcome="failed", says="no", settled=(end,)))
    await mx(rig, "gap accept assets 4 and 5 were deleted there")
    assert (await rig.incident(made.id)).gaps == ()


async def test_of_several_those_that_can_be_filled_stay_open(rig: Rig) -> None:
    made = await opened(rig, gap("/workorders"), gap("/workorders", "out"))
    says = await mx(rig, "gap accept workorders compared by hand")
    assert "Still open, since a backfill can fill it (/mx run sync-gap): workorders to MaintainX" in says
    assert [one.direction for one in (await rig.incident(made.id)).gaps] == ["out"]


async def test_words_that_leave_it_open_are_answered_with_what_to_type(rig: Rig) -> None:
    made = await opened(rig, gap("/workorders"), gap("/assets"))
    for text, says in (
        ("gap fill", "Gap takes no words, or"),
        ("gap accept", "Which gap? Open in"),
        ("gap accept enough of this", "workorders, assets"),
        ("gap accept /parts lost", "Which gap?"),
        ("gap accept assets", "Say it in words, such as: /mx gap accept all"),
        ("gap accept all anyway", "Say it in words"),
    ):
        assert says in await mx(rig, text), text
    assert await accepted(rig, made) == []
    await mx(rig, "gap accept all the plant was closed")
    assert "No gap is open in" in await mx(rig, "gap accept all the plant was closed")


async def test_the_same_delivery_twice_accepts_once(rig: Rig) -> None:
    made = await opened(rig, gap("/assets"))
    for _ in range(2):
        done = await rig.edge.gaps.accept(
            "default", "assets by hand", actor=f"slack:{rig.ann}", key="delivery-1"
        )
        assert done.event is not None
        assert done.event.key == "delivery-1"
    assert len(await accepted(rig, made)) == 1


async def test_anybody_may_look_and_a_guest_may_not_accept(rig: Rig) -> None:
    made = await opened(rig, gap("/assets"))
    gus = rig.slack.add_user("Gus", role="guest")
    rig.slack.state.channels[rig.channel].members.append(gus)
    assert "assets from MaintainX" in await mx(rig, "gap", user=gus)
    assert "may accept gaps" in await mx(rig, "gap accept all enough", user=gus)
    assert await accepted(rig, made) == []


async def test_without_any_incident_there_is_nothing_to_list(rig: Rig) -> None:
    assert "There has been no incident" in await mx(rig, "gap")
