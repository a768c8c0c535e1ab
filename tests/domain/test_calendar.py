"""Business days: summer time both ways, holidays of a country and of a part of it, odd zones, odd weeks."""

from collections.abc import Container
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assessment import Severity
from bot.domain.calendar import Calendar, response_due
from bot.parse_calendar import holidays

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY_TO_THURSDAY = frozenset({6, 0, 1, 2, 3})


class Always(Container[date]):
    """Holidays without end."""

    def __contains__(self, day: object) -> bool:
        return True


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        (
            "2027-03-26T09:00",
            "2027-03-29T07:00",
        ),  # the Friday before summer time: 09:00 is an hour earlier in UTC
        ("2026-10-23T09:00", "2026-10-26T08:00"),  # and the Friday before it ends
        ("2027-03-25T23:30", "2027-03-29T07:00"),  # after midnight in Berlin it is Friday already
        ("2026-11-23T02:00", "2026-11-24T08:00"),  # the next business day is never the same one
        ("2026-12-31T12:00", "2027-01-01T08:00"),
    ],
)
def test_the_next_business_day_opens_by_the_teams_own_clock(at: str, opens: str) -> None:
    assert Calendar(BERLIN).next_business_day(utc(at)) == utc(opens)


def test_an_opening_in_the_hour_that_is_left_out_or_comes_twice_is_one_moment() -> None:
    nightly = Calendar(BERLIN, opens=time(2, 30), days=frozenset(range(7)))
    assert nightly.next_business_day(utc("2027-03-27T12:00")) == utc("2027-03-28T01:30")
    assert nightly.next_business_day(utc("2026-10-24T12:00")) == utc("2026-10-25T00:30")


@pytest.mark.parametrize(
    ("country", "zone", "at", "opens"),
    [
        ("DE-BY", "Europe/Berlin", "2027-05-26T10:00", "2027-05-28T07:00"),  # Corpus Christi, in Bavaria
        ("DE", "Europe/Berlin", "2027-05-26T10:00", "2027-05-27T07:00"),  # and not in all of Germany
        ("DE-BY", "Europe/Berlin", "2026-12-24T10:00", "2026-12-28T08:00"),
        ("DE-BY", "Europe/Berlin", "2026-12-31T10:00", "2027-01-04T08:00"),  # over the turn of the year
        ("US", "America/New_York", "2026-11-25T20:00", "2026-11-27T14:00"),  # Thanksgiving
        (
            "US",
            "America/New_York",
            "2026-07-02T20:00",
            "2026-07-06T13:00",
        ),  # the Fourth, observed on the third
    ],
)
def test_holidays_are_no_business_days(country: str, zone: str, at: str, opens: str) -> None:
    calendar = Calendar(ZoneInfo(zone), closed=holidays(country))
    assert calendar.next_business_day(utc(at)) == utc(opens)


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("Asia/Kolkata", "2026-11-24T03:30"),
        ("Asia/Kathmandu", "2026-11-24T03:15"),
        ("Australia/Lord_Howe", "2026-11-23T22:00"),
        ("Pacific/Kiritimati", "2026-11-24T19:00"),  # there it is the 24th already
    ],
)
def test_zones_of_half_and_quarter_hours(zone: str, opens: str) -> None:
    assert Calendar(ZoneInfo(zone)).next_business_day(utc("2026-11-23T10:30")) == utc(opens)


def test_a_zone_whose_summer_time_is_half_an_hour() -> None:
    lord_howe = Calendar(ZoneInfo("Australia/Lord_Howe"))
    assert lord_howe.next_business_day(utc("2027-04-02T00:00")) == utc("2027-04-04T22:30")


def test_a_team_that_works_from_sunday_to_thursday() -> None:
    riyadh = Calendar(ZoneInfo("Asia/Riyadh"), days=SUNDAY_TO_THURSDAY)
    assert riyadh.next_business_day(utc("2026-11-26T10:00")) == utc(
        "2026-11-29T06:00"
    )  # Thursday, then Sunday
    assert riyadh.next_business_day(utc("2026-11-28T22:00")) == utc("2026-11-30T06:00")  # Sunday there
    assert riyadh.open_at(utc("2026-11-29T06:00"))
    assert not riyadh.open_at(utc("2026-11-27T08:00"))


def test_a_year_of_closed_days_ends_the_search_and_still_gives_a_time() -> None:
    calendar = Calendar(BERLIN, closed=Always())
    at = utc("2026-11-23T10:00")
    assert at < calendar.next_business_day(at) <= at + timedelta(days=367)
    assert calendar.last_opening(at) is None
    assert not calendar.open_at(at)


def test_open_at_ends_when_the_team_closes() -> None:
    calendar = Calendar(BERLIN, opens=time(9), closes=time(17))
    assert [calendar.open_at(utc(f"2026-11-23T{at}")) for at in ("07:59", "08:00", "15:59", "16:00")] == [
        False,
        True,
        True,
        False,
    ]


def test_the_last_opening_is_that_of_the_same_day_or_of_one_before() -> None:
    calendar = Calendar(BERLIN, closed=holidays("DE-BY"))
    assert calendar.last_opening(utc("2026-11-24T08:00")) == utc("2026-11-23T08:00")  # strictly before
    assert calendar.last_opening(utc("2026-11-24T08:01")) == utc("2026-11-24T08:00")
    assert calendar.last_opening(utc("2026-12-28T07:00")) == utc("2026-12-24T08:00")
    assert calendar.last_opening(utc("2026-11-23T23:30")) == utc("2026-11-23T08:00")  # Tuesday in Berlin


def test_hours_are_counted_and_only_the_business_day_is_looked_up() -> None:
    calendar, night = Calendar(BERLIN), utc("2027-03-27T23:30")  # summer time begins within these four hours
    due = {one: response_due(one, night, calendar=calendar) - night for one in Severity}
    assert due[Severity.SEV1] == timedelta(minutes=15)
    assert due[Severity.SEV2] == timedelta(hours=1)
    assert due[Severity.SEV3] == timedelta(hours=4)
    assert night + due[Severity.SEV4] == utc("2027-03-29T07:00")


@given(
    at=st.datetimes(
        min_value=datetime(2024, 1, 1),  # noqa: DTZ001 - hypothesis takes bounds without a zone
        max_value=datetime(2030, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"]),
    days=st.frozensets(st.integers(0, 6), min_size=1),
)
def test_the_next_business_day_is_later_open_and_the_first_such(
    at: datetime, zone: str, days: frozenset[int]
) -> None:
    calendar = Calendar(ZoneInfo(zone), days=days)
    opens = calendar.next_business_day(at)
    assert at < opens <= at + timedelta(days=8, hours=1)
    assert calendar.open_at(opens)
    between = calendar.last_opening(opens)
    assert between is not None
    assert between.astimezone(calendar.zone).date() <= at.astimezone(calendar.zone).date()
