"""The daily summary: once a day at its hour whatever the clocks do, never for a young or resolved incident, and what it says."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.fold import replay
from bot.domain.gap import Gap
from bot.domain.incident import Incident
from bot.domain.mitigation import Lease
from bot.domain.notebook import DaySummed, HandedOver
from bot.domain.oncall import Snoozed
from bot.domain.summary import LATEST, YOUNGEST, due_day, key, summed
from bot.domain.watching import GapsOpened
from tests.domain import made

UTC_ZONE = ZoneInfo("UTC")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu")
OPENED = datetime(2026, 3, 20, 6, 0, tzinfo=UTC)
AT = time(9)
MOMENTS = st.integers(min_value=0, max_value=340 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


class Story:
    """An incident's facts, each at its time."""

    def __init__(self, opened: datetime = OPENED) -> None:
        self.events: list[e.Event] = []
        self.tell(opened, e.IncidentOpened(integration="default"))

    def tell(self, at: datetime, fact: e.AnyFact, *, actor: str = "mx") -> None:
        version = len(self.events) + 1
        event = e.Event(
            seq=version,
            stream="mx-20260320-0001",
            version=version,
            actor=actor,
            at=at,
            recorded_at=at,
            key=None,
            fact=fact,
            hash="0" * 64,
        )
        self.events.append(event)

    @property
    def incident(self) -> Incident:
        return replay(self.events)

    def look(self, now: datetime, *, at: time = AT, zone: ZoneInfo = UTC_ZONE) -> DaySummed | None:
        """What the follower does at this time."""
        day = due_day(self.incident, at=at, zone=zone, now=now)
        if day is None:
            return None
        fact = summed(self.incident, self.events, day=day, zone=zone, now=now)
        self.tell(now, fact)
        return fact


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    hour=st.times(min_value=time(0), max_value=time(23, 59)).map(
        lambda one: one.replace(second=0, microsecond=0)
    ),
    start=MOMENTS,
    gaps=st.lists(st.integers(min_value=1, max_value=25 * 60), min_size=1, max_size=200),
)
def test_no_day_is_summed_twice_and_none_is_missed_while_mx_looks(
    zone: str, hour: time, start: datetime, gaps: list[int]
) -> None:
    """Looks at any times, over any change of clocks: days only go forward, each at or after its hour."""
    found, now, place = Story(start), start, ZoneInfo(zone)
    days: list[date] = []
    for minutes in gaps:
        now += timedelta(minutes=minutes)
        fact = found.look(now, at=hour, zone=place)
        assert found.look(now, at=hour, zone=place) is None
        if fact is not None:
            days.append(fact.day)
            due = datetime.combine(fact.day, hour, tzinfo=place).astimezone(UTC)
            assert due <= now <= due + LATEST
            assert due - start >= YOUNGEST
    assert days == sorted(set(days))


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(min_value=0, max_value=23),
    start=MOMENTS,
)
def test_every_day_has_one_where_mx_looks_each_half_hour(zone: str, hour: int, start: datetime) -> None:
    found, place = Story(start), ZoneInfo(zone)
    looks = (start + timedelta(minutes=30 * step) for step in range(10 * 48))
    facts = [found.look(now, at=time(hour), zone=place) for now in looks]
    days = [fact.day for fact in facts if fact is not None]
    first = days[0]
    assert days == [first + timedelta(days=one) for one in range(len(days))]
    assert len(days) >= 9


def test_the_hour_that_the_clocks_leave_out_or_have_twice_is_summed_once() -> None:
    """Berlin: 02:30 does not exist on 29 March 2026, and exists twice on 25 October."""
    place = ZoneInfo("Europe/Berlin")
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
        found = Story(start)
        days = [
            fact.day
            for step in range(48 * 12)
            if (fact := found.look(start + timedelta(minutes=5 * step), at=time(2, 30), zone=place))
        ]
        assert days.count(day) == 1


def test_after_a_standstill_of_days_only_the_latest_is_told_and_a_late_one_not_at_all() -> None:
    found = Story()
    assert found.look(at(21, 9)) is not None
    late = found.look(at(25, 11))
    assert late is not None
    assert late.day == date(2026, 3, 25)
    assert found.look(at(26, 8, 59)) is None
    assert found.look(at(27, 8)) is None, "yesterday's would be 23 hours late; the next comes in an hour"
    assert found.look(at(27, 9)) is not None


def test_a_young_incident_and_one_that_was_just_reopened_have_none_that_day() -> None:
    assert Story(at(20, 6)).look(at(20, 9)) is None
    assert Story(at(20, 5)).look(at(20, 9)) is not None
    found = Story()
    found.tell(at(22, 8), e.Resolved())
    assert found.look(at(22, 9)) is None
    found.tell(at(23, 8), e.Reopened(reason="back"))
    assert found.look(at(23, 9)) is None
    assert found.look(at(24, 9)) is not None


def test_a_drill_has_none() -> None:
    drill = replace(Story().incident, drill=True)
    assert due_day(drill, at=AT, zone=UTC_ZONE, now=at(21, 9)) is None
    assert key(drill, date(2026, 3, 21)) == "day:mx-20260320-0001:2026-03-21"


def test_it_says_how_long_how_bad_what_is_on_what_happened_and_what_waits() -> None:
    found = Story()
    bad = made.judged([*made.everywhere(429, 429, 429)])
    found.tell(at(20, 6), e.Assessed(assessment=bad))
    first = found.look(at(21, 9))
    assert first is not None
    assert first.says.startswith(
        "mx-20260320-0001 has been open for 27 hours, since Fri 20 Mar 06:00 UTC. SEV-2: "
    )
    assert first.lines[0] == "Severity: SEV-2 since Fri 20 Mar 06:00 UTC."
    assert "Since Fri 20 Mar 06:00 UTC nothing was done or said." in first.lines
    assert first.lines[-1] == "Nobody has it: /mx ack"

    lease = Lease(
        id="r1", run="r1", playbook="rate-limited", says="1 request per second", owner="slack:U1",
        reason="x", since=at(21, 10), expires_at=at(23, 10),
    )  # fmt: skip
    found.tell(at(21, 10), e.StepFinished(run="r1", index=0, outcome="done", says="on", started=lease))
    found.tell(at(21, 10), GapsOpened(gaps=(Gap(id="g", entity="/assets", direction="in", since=at(20, 5)),)))
    found.tell(at(21, 11), e.SeveritySet(severity=Severity.SEV1, reason="all sites"), actor="slack:U1")
    found.tell(at(21, 12), e.SeveritySet(severity=Severity.SEV3, reason="less"), actor="slack:U1")
    for words in ("one", "two"):
        found.tell(at(21, 13), e.NoteAdded(text=words), actor="slack:U1")
    found.tell(at(21, 14), HandedOver(to="slack:U2", summary="yours"), actor="slack:U1")
    found.tell(
        at(22, 8), Snoozed(until=at(22, 12), severity=Severity.SEV3, reason="vendor"), actor="slack:U2"
    )
    second = found.look(at(22, 9))
    assert second is not None
    assert second.lines == (
        "Severity: SEV-2, then SEV-1 at Sat 21 Mar 11:00 UTC, then SEV-3 at Sat 21 Mar 12:00 UTC.",
        "On: 1 request per second (rate-limited), until Mon 23 Mar 10:00 UTC.",
        "Data may be missing: assets from MaintainX since 2026-03-20 05:00 UTC. What can fill it: /mx gap",
        "Since Sat 21 Mar 09:00 UTC: 2 notes, 1 hand-over.",
        "mx sees SEV-2. To set that: /mx severity",
        "It is quiet until 12:00 UTC: vendor",
    )
