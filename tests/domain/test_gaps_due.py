"""Which gaps open by themselves: what each kind of evidence says, and what it does not."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.events import AnyFact, Assessed, IncidentOpened, Reopened, StepFinished
from bot.domain.fold import replay
from bot.domain.gap import Gap, GapEnd, window
from bot.domain.gaps_due import due, to_be_watched
from bot.domain.gateway import GatewayStatus, Traffic
from bot.domain.inbox import Inbox, PollingLook
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.readings import Reading, SyncDetail
from bot.domain.watching import GapsAccepted, GapsOpened
from bot.maintainx_pages import KEYS
from tests.domain.made import AT, INTEGRATION, api, everywhere, healthy, judged, last_good, service, synced
from tests.facts import events

ASKED = AT - timedelta(seconds=30)
MARGIN = timedelta(minutes=5)
WORKORDERS = INTEGRATION.model_copy(update={"endpoints": ("/workorders",)})


def after(number: float) -> datetime:
    """So many minutes after the first assessment."""
    return AT + timedelta(minutes=number)


class Night:
    """An incident as it goes on: what is found and done, at which minute, and what the gateway saw."""

    def __init__(self, *readings: Reading, integration: Integration = WORKORDERS, **opened: Any) -> None:
        self.integration = integration
        self.now = AT
        self.gateway: GatewayStatus | None = None
        self._facts: list[tuple[datetime, AnyFact]] = []
        self.happens(
            0, IncidentOpened(integration="default", requested_by="slack:U1", requested_at=ASKED, **opened)
        )
        self.looks(0, *readings)

    @property
    def incident(self) -> Incident:
        made = events(tuple(fact for _, fact in self._facts))
        return replay(
            event.model_copy(update={"at": at}) for event, (at, _) in zip(made, self._facts, strict=True)
        )

    def happens(self, at: float, fact: AnyFact) -> None:
        self.now = after(at)
        self._facts.append((self.now, fact))

    def looks(self, at: float, *readings: Reading) -> None:
        """An assessment."""
        found = judged(list(readings), integration=self.integration)
        self.happens(at, Assessed(assessment=found.model_copy(update={"at": after(at)})))

    def sees(self, webhooks: Inbox | None = None, **good: float) -> None:
        """The gateway's last good answers: ``workorders_in=-2`` is two minutes before the first assessment."""
        seen: dict[str, Any] = {}
        for name, at in good.items():
            path, _, direction = name.rpartition("_")
            seen.setdefault(f"/{path}", {})[direction] = after(at)
        self.gateway = GatewayStatus(
            mode="pass", traffic=Traffic(), last_good=seen, webhooks=webhooks or Inbox()
        )

    def due(self, at: float | None = None) -> tuple[Gap, ...]:
        self.now = self.now if at is None else after(at)
        return due(
            self.incident, integration=self.integration, gateway=self.gateway, now=self.now, lists=KEYS
        )

    def opens(self, at: float | None = None) -> tuple[Gap, ...]:
        """What is due, written down."""
        gaps = self.due(at)
        assert gaps
        self.happens((self.now - AT) / timedelta(minutes=1), GapsOpened(gaps=gaps))
        assert self.due() == (), "written down, it is not due again"
        return gaps


DOWN = api("/workorders", 503, 503, 503)
UP = api("/workorders", 200, 200, 200)


def names(gaps: tuple[Gap, ...]) -> list[tuple[str, str]]:
    return [(gap.entity, gap.direction) for gap in gaps]


def test_an_outage_opens_one_from_the_last_good_answer_before_the_first_failed_round() -> None:
    night = Night(DOWN)
    night.sees(workorders_in=-3, workorders_out=-8)
    inward, outward = night.opens(1)
    assert (inward.direction, inward.since, inward.until) == ("in", after(-3) - MARGIN, None)
    assert inward.says == (
        "the last good answer at the gateway before the incident (11:57 UTC), 5 minutes earlier"
    )
    assert (outward.direction, outward.since) == ("out", after(-8) - MARGIN)
    assert outward.says.startswith("the last write that was taken at the gateway")
    assert inward.failed_at == ASKED


def test_the_monitors_first_bad_round_is_the_first_that_is_known() -> None:
    night = Night(DOWN, found_by="monitor", failing_since=after(-6))
    [only] = night.opens()
    assert only.since == after(-6) - MARGIN
    assert only.says == (
        "the first failed round (11:54 UTC), 5 minutes earlier; the gateway knows of no good answer before it"
    )


def test_without_a_gateway_only_what_is_read_is_missing() -> None:
    assert names(Night(*everywhere(401, 401), integration=INTEGRATION).opens()) == [
        (path, "in") for path in INTEGRATION.endpoints
    ]


def test_a_key_that_is_rejected_everywhere_misses_what_is_read_and_what_is_written() -> None:
    night = Night(*everywhere(401, 401), integration=INTEGRATION)
    night.sees(workorders_in=-1, workorders_out=-2, parts_in=-1, meterreadings_out=-4, subscriptions_in=-1)
    assert names(night.opens()) == [
        *((path, "in") for path in INTEGRATION.endpoints),
        ("/parts", "in"),  # mx does not ask it, the integration does; subscriptions are no data
        ("/workorders", "out"),
        ("/meterreadings", "out"),
    ]


def test_where_some_answer_well_only_the_others_are_missing() -> None:
    night = Night(*healthy(api("/assets", 500, 500)), integration=INTEGRATION)
    night.sees(workorders_out=-2, assets_in=-2, parts_in=-2)
    assert names(night.opens()) == [("/assets", "in")]


@pytest.mark.parametrize(
    "readings",
    [
        [api("/workorders", 200, 500, 200)],
        [api("/workorders", 200, 200, ms=4000)],
        [api("/workorders", 429, 200, 429)],
        [api("/workorders", 429, 429, 429)],
        [UP, service(None)],
        [UP, service("degraded", "database")],
    ],
    ids=["flaky", "slow", "some 429", "429 to mx alone", "service down", "service degraded"],
)
def test_where_data_comes_none_opens(readings: list[Reading]) -> None:
    night = Night(*readings)
    assert night.due() == ()
    night.sees(workorders_in=0.2)
    assert night.due(5) == ()


def test_a_storm_of_429_opens_none_while_good_answers_come_and_one_when_they_stop() -> None:
    night = Night(api("/workorders", 429, 429))
    night.sees(workorders_in=14)
    assert night.due(15) == ()
    assert night.due(29) == ()
    [only] = night.opens(29.5)
    assert only.since == after(14) - MARGIN
    assert "before no more came through" in only.says


def test_an_outage_behind_a_storm_of_429_begins_where_it_began() -> None:
    night = Night(api("/workorders", 429, 429))
    night.sees(workorders_in=4)
    assert night.due(5) == ()
    night.looks(6, DOWN)
    [only] = night.opens()
    assert (only.since, only.failed_at) == (after(4) - MARGIN, after(6))


def test_what_fails_for_mx_and_comes_for_the_integration_is_not_missing() -> None:
    night = Night(DOWN)
    night.sees(workorders_in=0.5)
    assert night.due(10) == ()
    [only] = night.opens(16)
    assert only.since == after(0.5) - MARGIN


def test_a_collection_that_fails_later_begins_later() -> None:
    night = Night(*healthy(api("/assets", 500)), integration=INTEGRATION)
    night.opens()
    night.looks(40, *everywhere(500))
    gaps = night.opens()
    assert {gap.since for gap in gaps} == {after(40) - MARGIN}
    assert names(gaps) == [("/users", "in"), ("/workorders", "in"), ("/locations", "in")]


def test_the_first_good_answer_ends_it_and_it_stays_open() -> None:
    night = Night(DOWN)
    night.sees(workorders_in=-3, workorders_out=-3)
    night.opens()
    night.looks(50, UP)
    assert night.due() == (), "mx is answered, the integration was not yet"
    night.sees(workorders_in=51, workorders_out=-3)
    [only] = night.opens(51.1)
    assert (only.direction, only.until) == ("in", after(51))
    assert window(only) == "2026-11-23 11:52 to 12:51 UTC"
    assert [gap.until for gap in night.incident.gaps] == [after(51), None], "no write was taken yet"
    night.sees(workorders_in=52, workorders_out=52)
    assert names(night.opens(52)) == [("/workorders", "out")]
    assert len(night.incident.gaps) == 2


def test_without_a_gateway_mx_s_own_good_answer_ends_it() -> None:
    night = Night(DOWN)
    night.opens()
    night.looks(50, UP)
    assert [gap.until for gap in night.opens()] == [after(50)]


def test_a_relapse_goes_on_with_the_same_gap() -> None:
    night = Night(DOWN)
    night.opens()
    night.looks(50, UP)
    night.opens()
    night.looks(60, DOWN)
    [only] = night.opens()
    assert (only.since, only.until, only.failed_at) == (ASKED - MARGIN, None, after(60))
    assert len(night.incident.gaps) == 1


def test_better_evidence_widens_it_backwards_and_none_narrows_it() -> None:
    night = Night(DOWN)
    night.opens()
    night.sees(workorders_in=-30)
    [only] = night.opens(1)
    assert only.since == after(-30) - MARGIN
    night.sees(workorders_in=-2)
    assert night.due(2) == ()
    assert night.incident.gaps[0].since == after(-30) - MARGIN


def test_what_a_playbook_noted_is_the_same_gap() -> None:
    night = Night(DOWN)
    night.sees(workorders_in=-3)
    [ours] = night.opens()
    theirs = Gap(id="run-1:in:/workorders", entity="/workorders", direction="in", since=after(-90))
    night.happens(2, StepFinished(run="run-1", index=0, outcome="done", says="noted", noted=(theirs,)))
    assert [(gap.id, gap.since) for gap in night.incident.gaps] == [(ours.id, after(-90))]
    assert night.due() == ()

    other = Night(DOWN)
    other.happens(1, StepFinished(run="run-1", index=0, outcome="done", says="noted", noted=(theirs,)))
    assert other.due() == (), "it was noted first, from earlier on"


def test_filled_or_accepted_it_is_not_opened_again_for_the_same_failure() -> None:
    night = Night(DOWN)
    night.sees(workorders_in=-3)
    [only] = night.opens()
    night.happens(10, GapsAccepted(gaps=(only.id,), reason="compared by hand"))
    assert night.due(300) == ()
    night.looks(310, UP)
    night.sees(workorders_in=311)
    assert night.due(311) == ()
    night.looks(320, DOWN)
    [second] = night.opens(321)
    assert (second.since, second.id != only.id) == (after(311) - MARGIN, True)

    night.looks(330, UP)
    end = GapEnd(gap=second.id, expected=2, found=2, missing=0, says="2 of 2")
    night.happens(331, StepFinished(run="run-1", index=2, outcome="done", says="filled", settled=(end,)))
    assert night.due(332) == ()
    assert [(one.how, one.says) for one in night.incident.closed_gaps] == [
        ("accepted", "compared by hand"),
        ("filled", "2 of 2"),
    ]


def test_it_goes_on_after_a_reopening() -> None:
    night = Night(DOWN)
    [only] = night.opens()
    night.happens(10, GapsAccepted(gaps=(only.id,), reason="compared by hand"))
    night.looks(12, UP)
    night.happens(20, Reopened(reason="it is back"))
    assert night.due() == ()
    night.looks(21, DOWN)
    assert night.opens()[0].since == after(21) - MARGIN


def test_a_late_sync_opens_one_from_the_last_sync_by_its_own_word() -> None:
    night = Night(*healthy(synced(42)), integration=INTEGRATION)
    gaps = night.opens()
    assert names(gaps) == [("/workorders", "in"), ("/assets", "in")]
    assert {gap.since for gap in gaps} == {after(-42) - MARGIN}
    assert gaps[0].says == "the last sync, by its own word (11:18 UTC), 5 minutes earlier"


def test_a_late_sync_whose_reads_come_through_is_only_late() -> None:
    night = Night(*healthy(synced(42), last_good(workorders=3)), integration=WORKORDERS)
    night.sees(workorders_in=-3)
    assert names(night.due()) == []


def test_a_fresh_record_without_data_opens_one_from_the_last_data() -> None:
    night = Night(*healthy(synced(4), last_good(workorders=60, assets=2)), integration=INTEGRATION)
    night.sees(workorders_in=-60, assets_in=-2)
    [only] = night.opens()
    assert (only.entity, only.since) == ("/workorders", after(-60) - MARGIN)
    assert "however fresh the sync's record is (11:00 UTC)" in only.says


def test_in_an_outage_what_the_last_sync_did_not_see_is_missing_too() -> None:
    night = Night(DOWN, synced(10))
    night.sees(workorders_in=-3)
    assert night.opens()[0].since == after(-10) - MARGIN
    fresh = Night(DOWN, synced(0))
    fresh.sees(workorders_in=-3)
    assert fresh.opens()[0].since == after(-3) - MARGIN, "a sync that ends while nothing comes proves nothing"


def test_a_sync_that_stays_late_after_a_backfill_opens_a_new_one() -> None:
    night = Night(*healthy(synced(42)), integration=WORKORDERS)
    [only] = night.opens()
    end = GapEnd(gap=only.id, expected=2, found=2, missing=0, says="2 of 2")
    night.happens(10, StepFinished(run="run-1", index=2, outcome="done", says="filled", settled=(end,)))
    night.looks(20, *_at(20, synced(62)))
    assert night.due() == ()
    night.looks(26, *_at(26, synced(68)))
    [second] = night.opens()
    assert second.since == after(10) - MARGIN
    assert second.says.startswith("the last backfill (12:10 UTC)")


def _at(minute: float, *readings: Reading) -> list[Reading]:
    """Records of a sync as they are seen so many minutes later: its time stays."""
    return [UP, *(_seen_at(minute, reading) for reading in readings)]


def _seen_at(minute: float, reading: Reading) -> Reading:
    detail = reading.detail
    assert isinstance(detail, SyncDetail)
    at = after(minute) - timedelta(seconds=detail.age_s)
    return reading.model_copy(update={"detail": detail.model_copy(update={"last_sync_at": at})})


def test_webhooks_that_do_not_arrive_open_one_unless_changes_are_polled() -> None:
    broken = [UP, service("degraded", "webhooks")]
    night = Night(*broken)
    night.sees(workorders_in=-0.1, webhooks=Inbox(last_received_at=after(-20)))
    [only] = night.due()
    assert (only.direction, only.since) == ("in", after(-20) - MARGIN)
    assert only.says == "the last webhook at the gateway (11:40 UTC), 5 minutes earlier"
    night.sees(workorders_in=-0.1, webhooks=Inbox(polling=PollingLook(on=True)))
    assert night.due() == ()
    stuck = PollingLook(on=True, says="MaintainX answers 401")
    night.sees(workorders_in=-0.1, webhooks=Inbox(polling=stuck))
    assert names(night.opens()) == [("/workorders", "in")]
    night.looks(30, UP, service("healthy"))
    night.sees(workorders_in=29)
    assert [gap.until for gap in night.opens(30)] == [after(29)]


def test_it_is_looked_at_only_where_something_may_be_missing() -> None:
    assert to_be_watched(Night(DOWN).incident)
    assert to_be_watched(Night(*healthy(synced(42)), integration=INTEGRATION).incident)
    assert not to_be_watched(Night(UP, service(None)).incident)
