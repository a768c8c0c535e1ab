"""What the report says of data that may have been missed, and of who changed what."""

from datetime import timedelta

from bot.domain.chain import Head
from bot.domain.events import AnyFact, Assessed, IncidentOpened, StepFinished
from bot.domain.fold import replay
from bot.domain.gap import Gap, GapEnd
from bot.domain.watching import GapsAccepted, GapsOpened, VendorReported
from bot.report import facts_for, markdown
from tests.domain.made import UTC_ZONE
from tests.facts import NINE, assessment, events


def gap(entity: str, *, minutes: int | None = 51) -> Gap:
    until = NINE + timedelta(minutes=minutes) if minutes else None
    return Gap(id=f"in:{entity}", entity=entity, direction="in", since=NINE, until=until, says="by its word")


def end(entity: str, missing: int) -> GapEnd:
    says = f"{entity.strip('/')} from MaintainX: 3 expected, {3 - missing} found, {missing} missing"
    return GapEnd(gap=f"in:{entity}", expected=3, found=3 - missing, missing=missing, says=says)


FACTS: tuple[AnyFact, ...] = (
    IncidentOpened(integration="default", requested_by="slack:U1", requested_at=NINE),
    Assessed(assessment=assessment()),
    VendorReported(event="API_TOKEN_REVOKED", delivery="mxd_1", says="user 7 revoked an API token"),
    GapsOpened(gaps=(gap("/workorders"), gap("/assets"), gap("/users", minutes=None))),
    StepFinished(
        run="r", index=2, outcome="failed", says="no", settled=(end("/workorders", 0), end("/users", 2))
    ),
    GapsAccepted(gaps=("in:/assets",), reason="compared every night", says="assets from MaintainX"),
)


def test_each_gap_is_told_filled_accepted_or_open() -> None:
    history = events(FACTS)
    report = facts_for(
        replay(history), history, head=Head(6, "0" * 64), zone=UTC_ZONE, now=NINE, names=lambda actor: actor
    )
    assert report.gaps == (
        (
            "workorders from MaintainX, 2026-11-23 09:00 to 09:51 UTC: 3 expected, 3 found, 0 missing "
            "(by slack:U061F7AUR at 09:04)"
        ),
        (
            "assets from MaintainX, 2026-11-23 09:00 to 09:51 UTC: accepted by slack:U061F7AUR at 09:05: "
            "compared every night"
        ),
        (
            "users from MaintainX, since 2026-11-23 09:00 UTC: still open; the last backfill: 3 expected, 1 found, "
            "2 missing"
        ),
    )
    text = markdown(report).replace("\\", "")
    assert "Data that may have been missed:" in text
    assert "- [ ] Fill the gap of users from MaintainX, or accept it" in text
    assert "09:02 - Changed at MaintainX: user 7 revoked an API token" in text
    assert "Accepted as not filled: assets from MaintainX: compared every night" in text


def test_without_any_there_is_no_such_paragraph() -> None:
    history = events(FACTS[:2])
    report = facts_for(replay(history), history, head=Head(2, "0" * 64), zone=UTC_ZONE, now=NINE, names=str)
    assert "missed" not in markdown(report)
