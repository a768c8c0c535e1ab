"""``/mx status`` stays readable: a few incidents in a few lines each, a thousand in one screen."""

from datetime import timedelta

from bot.domain.assessment import Severity
from bot.domain.book import Book
from bot.domain.events import AnyFact, Assessed, Event, IncidentOpened, desk
from bot.domain.telling import each, some
from bot.domain.watching import WatchMoved, WatchState
from bot.slack import overview
from tests.domain.made import AT, INTEGRATION
from tests.facts import assessment
from tests.slack.rig import DUTY


def book_of(*facts: tuple[str, AnyFact]) -> Book:
    book = Book()
    for number, (stream, fact) in enumerate(facts):
        book.apply(
            Event(
                seq=number + 1,
                stream=stream,
                version=book.version(stream) + 1,
                actor="mx",
                at=AT + timedelta(seconds=number),
                recorded_at=AT,
                key=None,
                fact=fact,
                hash="",
            )
        )
    return book


def trouble(number: int, severity: Severity = Severity.SEV3) -> tuple[tuple[str, AnyFact], ...]:
    name, stream = f"plant-{number:04}", f"mx-{number:04}"
    return (
        (stream, IncidentOpened(integration=name)),
        (stream, Assessed(assessment=assessment(severity).model_copy(update={"integration": name}))),
    )


def watch(name: str, now: WatchState) -> tuple[str, AnyFact]:
    return desk(name), WatchMoved(integration=name, was=None, now=now, since=AT, says="")


def test_a_few_are_shown_whole_and_many_in_a_line_each_the_gravest_first() -> None:
    few = book_of(*(fact for number in range(5) for fact in trouble(number)))
    assert len(overview.incidents(few.open_incidents(), duty=DUTY)) == 5
    facts = [fact for number in range(1000) for fact in trouble(number)] + [*trouble(7777, Severity.SEV1)]
    (text,) = overview.incidents(book_of(*facts).open_incidents(), duty=DUTY)
    lines = text.split("\n")
    assert lines[0] == "*1001 incidents are open.*"
    assert "plant-7777* SEV-1" in lines[1]
    assert len(lines) == 27
    assert lines[-1].startswith("And 976 more: plant-")
    assert len(text) < 5000


def test_nothing_open_says_what_to_type() -> None:
    assert "/mx triage" in overview.incidents((), duty=DUTY)[0]


def test_how_the_others_are_is_counted_and_only_the_odd_ones_are_named() -> None:
    specs = [INTEGRATION.model_copy(update={"name": f"plant-{n:04}"}) for n in range(1000)]
    specs.append(INTEGRATION.model_copy(update={"name": "unwatched", "watch": False}))
    states: dict[int, WatchState] = {1: "maintenance", 2: "maintenance", 3: "offline"}
    facts = [watch(f"plant-{n:04}", states.get(n, "well")) for n in range(999)]
    (text,) = overview.watched(book_of(*facts, *trouble(5)), specs)
    assert text.split("\n") == [
        "999 watched without an incident, 995 of them known to be well.",
        "plant-0001, plant-0002: bad while MaintainX announced maintenance",
        "plant-0003: not seen, because mx itself is not online",
    ]
    assert overview.watched(Book(), []) == []


def test_names_in_a_row_stay_short_and_a_mistyped_one_is_met() -> None:
    names = [f"plant-{n:04}" for n in range(1000)]
    assert some(["b", "a"]) == "a, b"
    assert some(names).endswith("plant-0007 and 992 more")
    assert "plant-0500" in some(names, like="plant0500")
    assert some(names, like="zzz") == some(names)


def test_intervals_are_said_as_they_are_set() -> None:
    assert [each(s) for s in (2, 30, 90, 120, 300)] == ["2 s", "30 s", "90 s", "2 min", "5 min"]
