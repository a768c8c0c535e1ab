"""What the book finds without a search is what a search over all incidents would find."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.book import Book
from bot.domain.chain import GENESIS
from bot.domain.events import (
    AnyFact,
    Event,
    IncidentOpened,
    LeaseEnded,
    NoteAdded,
    Reopened,
    Resolved,
    RunRequested,
    StepFinished,
    desk,
)
from tests.facts import LEASE, NINE, PERSON

STREAMS = ("mx-a", "mx-b", "mx-c", desk("i0"))
FACTS = st.sampled_from(
    (
        NoteAdded(text="x"),
        StepFinished(run="r", index=0, outcome="done", says="on", started=LEASE),
        StepFinished(run="r", index=0, outcome="done", says="off", ended=LEASE.id),
        LeaseEnded(lease=LEASE.id, cause="expired", says="over"),
        Resolved(),
        Reopened(reason="back"),
    )
)


def event(seq: int, stream: str, version: int, fact: AnyFact) -> Event:
    at = NINE + timedelta(minutes=seq)
    return Event(
        seq=seq,
        stream=stream,
        version=version,
        actor=PERSON,
        at=at,
        recorded_at=at,
        key=None,
        fact=fact,
        hash=GENESIS,
    )


def book_of(history: list[tuple[str, AnyFact]]) -> tuple[Book, list[Event]]:
    """The book of these facts; an incident's first is its opening, and a run of its own is asked for then."""
    book, events, versions = Book(), list[Event](), dict[str, int]()
    for stream, fact in history:
        facts: list[AnyFact] = [fact]
        if stream not in versions and stream.startswith("mx-"):
            facts = [IncidentOpened(integration=f"i{len(versions) % 2}")]
            facts += [RunRequested(run=f"run-of-{stream}", playbook="p"), fact]
        for one in facts:
            versions[stream] = versions.get(stream, 0) + 1
            events.append(event(len(events) + 1, stream, versions[stream], one))
            book.apply(events[-1])
    return book, events


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(STREAMS), FACTS), max_size=20), st.integers(0, 25))
def test_each_is_found_as_by_a_search(history: list[tuple[str, AnyFact]], after: int) -> None:
    live, events = book_of(history)
    for book in (live, live.copy()):
        all_of_them = book.incidents()
        assert {one.id for one in book.leased()} == {one.id for one in all_of_them if one.leases}
        assert book.of("i0") == tuple(one for one in all_of_them if one.integration == "i0")
        latest = max(book.of("i1"), key=lambda one: (one.opened_at, one.id), default=None)
        assert book.latest("i1") == latest
        for one in all_of_them:
            assert book.of_run(f"run-of-{one.id}") == one
        assert book.of_run("nobody's") is None
        moved = [one.stream for one in reversed(events) if one.seq > after and one.stream.startswith("mx-")]
        assert [one.id for one in book.moved(after)] == list(dict.fromkeys(moved))


def test_a_copy_does_not_move_on() -> None:
    book, events = book_of([("mx-a", NoteAdded(text="x"))])
    copy = book.copy()
    book.apply(event(len(events) + 1, "mx-a", len(events) + 1, Resolved()))
    assert (len(book.moved(len(events))), copy.moved(len(events))) == (1, ())
    assert copy.version("mx-a") == len(events)
