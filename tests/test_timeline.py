"""The timeline on a real file: appended once and whole, seen by everybody, waited for, and never half-written."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.assessment import Severity
from bot.domain.events import (
    Assessed,
    Event,
    IncidentOpened,
    NoteAdded,
    Redacted,
    Reopened,
    Resolved,
    SeveritySet,
    StepStarted,
    TriageFinished,
    TriageRequested,
)
from bot.domain.fold import replay
from bot.errors import Conflict, StoreError
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.clock import FakeClock
from tests.facts import DESK, EVERY_FACT, INCIDENT, NINE, PERSON, assessment, draft, opening

SCRUB = Scrubber(["hunter22-hunter22"])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NINE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mx.db"


@pytest_asyncio.fixture
async def timeline(path: Path, clock: FakeClock) -> AsyncIterator[Timeline]:
    async with Timeline.open(path, clock=clock, scrub=SCRUB) as opened:
        yield opened


@pytest_asyncio.fixture
async def another(path: Path, clock: FakeClock, timeline: Timeline) -> AsyncIterator[Timeline]:
    """A second one on the same file, as another process has it."""
    async with Timeline.open(path, clock=clock, scrub=SCRUB) as opened:
        yield opened


async def count(timeline: Timeline) -> int:
    return (await timeline.book()).head.seq


async def test_a_fact_is_numbered_dated_and_chained(timeline: Timeline, clock: FakeClock) -> None:
    await clock.advance(90)
    [opened] = await timeline.append(opening())
    [note] = await timeline.append(draft(NoteAdded(text="hello"), at=NINE + timedelta(seconds=30), key="k-1"))

    assert (opened.seq, opened.version, opened.stream) == (1, 1, INCIDENT)
    assert (note.seq, note.version, note.actor, note.key) == (2, 2, PERSON, "k-1")
    assert (note.at, note.recorded_at) == (NINE + timedelta(seconds=30), NINE + timedelta(seconds=90))
    assert len({opened.hash, note.hash}) == 2
    assert await timeline.history(INCIDENT) == (opened, note)


async def test_every_kind_comes_back_as_it_was_written(
    timeline: Timeline, path: Path, clock: FakeClock
) -> None:
    written: list[Event] = []
    for fact in EVERY_FACT[:-1]:
        written += await timeline.append(draft(fact))

    async with Timeline.open(path, clock=clock, scrub=SCRUB) as again:
        assert await again.history(INCIDENT) == tuple(written)
        assert (await again.book()).incident(INCIDENT) == replay(written)
        assert (await timeline.book()).incident(INCIDENT) == replay(written)


async def test_a_start_folds_to_the_same_as_the_facts_one_by_one(
    timeline: Timeline, path: Path, clock: FakeClock
) -> None:
    """A start passes over readings that are outdated; nobody can tell."""
    for number in range(3):
        incident = f"mx-{number}"
        await timeline.append(opening(f"i{number}", stream=incident))
        for severity in (Severity.SEV3, Severity.SEV1, None, Severity.SEV2):
            await timeline.append(
                draft(Assessed(request="t-1", assessment=assessment(severity)), stream=incident),
                draft(NoteAdded(text="between"), stream=incident),
            )
    followed = await timeline.book()

    async with Timeline.open(path, clock=clock, scrub=SCRUB) as again:
        folded = await again.book()
        for number in range(3):
            history = await again.history(f"mx-{number}")
            assert folded.incident(f"mx-{number}") == followed.incident(f"mx-{number}") == replay(history)
        assert await again.since(0) == await timeline.since(0)


async def test_nothing_is_appended_by_an_append_of_nothing(timeline: Timeline) -> None:
    assert await timeline.append() == ()
    assert await count(timeline) == 0


async def test_a_call_is_written_whole_over_all_its_streams(timeline: Timeline) -> None:
    asked, *_ = await timeline.append(
        draft(TriageRequested(request="t-1", integration="default"), stream=DESK)
    )
    events = await timeline.append(
        draft(
            TriageFinished(request="t-1", severity=None, verdict="us", incident=INCIDENT, says="SEV-2"),
            stream=DESK,
        ),
        opening(),
        draft(Assessed(assessment=assessment())),
    )

    assert [(e.stream, e.version, e.seq) for e in (asked, *events)] == [
        (DESK, 1, 1),
        (DESK, 2, 2),
        (INCIDENT, 1, 3),
        (INCIDENT, 2, 4),
    ]
    book = await timeline.book()
    assert book.pending_triages() == ()
    assert book.open_incident("default") == book.latest() == book.incident(INCIDENT)


async def test_a_call_with_one_bad_draft_writes_none_of_them(timeline: Timeline) -> None:
    await timeline.append(opening())

    with pytest.raises(Conflict, match="there is no incident mx-nowhere"):
        await timeline.append(
            draft(NoteAdded(text="good")), draft(NoteAdded(text="bad"), stream="mx-nowhere")
        )

    assert await count(timeline) == 1


async def test_an_expectation_that_does_not_hold_is_a_conflict(timeline: Timeline) -> None:
    await timeline.append(opening())
    await timeline.append(draft(NoteAdded(text="first"), expect=1))

    with pytest.raises(Conflict, match="is at version 2, and version 1 was expected"):
        await timeline.append(draft(NoteAdded(text="late"), expect=1))
    await timeline.append(draft(NoteAdded(text="a"), expect=2), draft(NoteAdded(text="b"), expect=2))
    await timeline.append(draft(NoteAdded(text="c"), expect=4), draft(NoteAdded(text="d"), expect=5))

    assert await count(timeline) == 6


async def test_of_many_who_expect_the_same_version_one_lands(timeline: Timeline, another: Timeline) -> None:
    await timeline.append(opening())

    answers = await asyncio.gather(
        *(
            (timeline, another)[n % 2].append(
                draft(SeveritySet(severity=Severity.SEV1, reason=f"{n}"), expect=1)
            )
            for n in range(12)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, tuple) for answer in answers) == 1
    assert sum(isinstance(answer, Conflict) for answer in answers) == 11
    assert await count(timeline) == 2


async def test_the_same_key_happens_once_and_is_answered_with_the_first(
    timeline: Timeline, another: Timeline
) -> None:
    await timeline.append(opening())
    [first] = await timeline.append(draft(NoteAdded(text="once"), key="delivery-1"))

    again = await timeline.append(draft(NoteAdded(text="twice"), key="delivery-1", expect=1))
    elsewhere = await another.append(
        draft(NoteAdded(text="thrice"), key="delivery-1"), draft(NoteAdded(text="more"))
    )

    assert again == elsewhere == (first,)
    assert await count(another) == 2


async def test_the_same_key_at_the_same_moment_happens_once(timeline: Timeline, another: Timeline) -> None:
    await timeline.append(opening())

    answers = await asyncio.gather(
        *(
            (timeline, another)[n % 2].append(draft(NoteAdded(text=f"{n}"), key="delivery-1"))
            for n in range(10)
        )
    )

    assert len(set(answers)) == 1
    assert await count(timeline) == 2


async def test_one_key_twice_in_a_call_is_a_mistake_of_ours(timeline: Timeline) -> None:
    with pytest.raises(ValueError, match="one key twice"):
        await timeline.append(
            opening(), draft(NoteAdded(text="a"), key="k"), draft(NoteAdded(text="b"), key="k")
        )


async def test_an_integration_has_one_open_incident(timeline: Timeline, another: Timeline) -> None:
    answers = await asyncio.gather(
        *((timeline, another)[n % 2].append(opening(stream=f"mx-{n}")) for n in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, tuple) for answer in answers) == 1
    [incident] = (await timeline.book()).open_incidents()

    with pytest.raises(Conflict, match=f"{incident.id} is open for default already"):
        await timeline.append(opening(stream="mx-9"))
    with pytest.raises(Conflict, match="is open already"):
        await timeline.append(opening(stream=incident.id))
    with pytest.raises(Conflict, match="mx-7 is open for other already"):
        await timeline.append(opening("other", stream="mx-7"), opening("other", stream="mx-8"))
    await timeline.append(opening("other", stream="mx-8"))
    await timeline.append(draft(Resolved(), stream=incident.id))
    await timeline.append(opening(stream="mx-9"))
    with pytest.raises(Conflict, match="mx-9 is open for default already"):
        await timeline.append(draft(Reopened(reason="no"), stream=incident.id))
    await timeline.append(draft(Resolved(), stream="mx-9"))
    await timeline.append(draft(Reopened(reason="no"), stream=incident.id))

    assert [i.id for i in (await another.book()).open_incidents()] == ["mx-8", incident.id]


async def test_a_leader_of_an_earlier_term_starts_no_step(timeline: Timeline, another: Timeline) -> None:
    await timeline.append(opening())
    assert await timeline.epoch() == 0
    first = await timeline.next_epoch()
    await timeline.append(draft(StepStarted(run="run-1", index=0, epoch=first)))

    second = await another.next_epoch()

    assert (first, second, await timeline.epoch()) == (1, 2, 2)
    with pytest.raises(
        Conflict, match=r"step 2 of run run-1 was not started: another process leads since \(term 2"
    ):
        await timeline.append(draft(StepStarted(run="run-1", index=1, epoch=first)))
    await another.append(draft(StepStarted(run="run-1", index=1, epoch=second)))
    assert await count(timeline) == 3


async def test_secrets_are_hidden_before_they_are_stored(timeline: Timeline, path: Path) -> None:
    await timeline.append(opening())
    [note] = await timeline.append(
        draft(NoteAdded(text="the key is hunter22-hunter22"), actor="cli:xoxb-123456789@h")
    )

    assert note.fact == NoteAdded(text="the key is [redacted]")
    assert note.actor == "cli:[redacted Slack token]@h"
    assert await timeline.history(INCIDENT) == (*(await timeline.history(INCIDENT))[:1], note)
    for file in path.parent.iterdir():
        assert b"hunter22" not in file.read_bytes()
        assert b"xoxb-123" not in file.read_bytes()


async def test_a_redacted_text_is_hidden_in_the_history_and_in_every_book(
    timeline: Timeline, another: Timeline, path: Path, clock: FakeClock
) -> None:
    await timeline.append(opening())
    await timeline.append(draft(NoteAdded(text="Ann's phone is 0123")))
    assert (await another.book()).head.seq == 2
    await timeline.append(draft(Redacted(version=2, reason="a number")), draft(NoteAdded(text="after")))

    async with Timeline.open(path, clock=clock, scrub=SCRUB) as fresh:
        for reader in (timeline, another, fresh):
            incident = (await reader.book()).incident(INCIDENT)
            assert incident is not None
            assert [note.text for note in incident.notes] == [f"[redacted by {PERSON}]", "after"]
            assert (incident.version, incident.redacted) == (4, frozenset({2}))
            assert "0123" not in str(await reader.history(INCIDENT))
    assert (await timeline.verify()).ok, "the row stays as it is"


async def test_a_request_at_the_desk_can_be_redacted_too(timeline: Timeline) -> None:
    failed = TriageFinished(request="t-1", severity=None, verdict="us", incident=None, says="Ann says 0123")
    await timeline.append(draft(failed, stream=DESK))
    await timeline.append(draft(Redacted(version=1, reason="a number"), stream=DESK))

    assert "0123" not in str(await timeline.history(DESK))
    assert (await timeline.book()).desk("default").version == 2


async def test_a_book_does_not_move_on_under_its_reader(timeline: Timeline) -> None:
    await timeline.append(opening())
    book = await timeline.book()
    assert await timeline.book() is book, "and none is made where nothing has changed"

    await timeline.append(draft(NoteAdded(text="later")))

    assert (book.head.seq, book.version(INCIDENT)) == (1, 1)
    assert [i.version for i in book.incidents()] == [1]
    assert (await timeline.book()).version(INCIDENT) == 2


async def test_waiting_ends_with_the_next_fact_of_this_process(timeline: Timeline) -> None:
    await timeline.append(opening())
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(timeline.changed(1, timeout_s=60))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await timeline.append(draft(NoteAdded(text="now")))

    assert waiting.result() == 2


async def test_waiting_ends_with_the_next_fact_of_another_process(
    timeline: Timeline, another: Timeline
) -> None:
    await timeline.append(opening())
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(timeline.changed(1, timeout_s=60))
        await asyncio.sleep(0.05)
        await another.append(draft(NoteAdded(text="now")))

    assert waiting.result() == 2


async def test_waiting_ends_at_once_where_there_is_news_and_at_its_time_where_there_is_none(
    timeline: Timeline,
) -> None:
    await timeline.append(opening())

    assert await timeline.changed(0, timeout_s=60) == 1
    assert await timeline.changed(1, timeout_s=0.05) == 1


async def test_two_processes_may_write_in_turns(timeline: Timeline, another: Timeline) -> None:
    await timeline.append(opening())
    for n in range(6):
        [event] = await (timeline, another)[n % 2].append(draft(NoteAdded(text=f"{n}"), expect=n + 1))
        assert (event.seq, event.version) == (n + 2, n + 2)

    assert (await another.verify()).ok


async def test_many_writers_at_once_get_numbers_without_a_gap(timeline: Timeline) -> None:
    await timeline.append(opening())

    answers = await asyncio.gather(*(timeline.append(draft(NoteAdded(text=f"{n}"))) for n in range(300)))

    assert [event.seq for (event,) in answers] == list(range(2, 302))
    incident = (await timeline.book()).incident(INCIDENT)
    assert incident is not None
    assert [note.text for note in incident.notes] == [str(n) for n in range(300)]
    assert (await timeline.verify()).ok


async def test_one_who_is_refused_takes_nobody_along(timeline: Timeline) -> None:
    await timeline.append(opening())

    answers = await asyncio.gather(
        *(timeline.append(draft(NoteAdded(text=f"{n}"), expect=7 if n % 3 else None)) for n in range(30)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, Conflict) for answer in answers) == 20 - 1, "version 7 came by"
    assert (await timeline.verify()).ok


async def test_a_writer_who_was_cancelled_leaves_no_hole(timeline: Timeline) -> None:
    await timeline.append(opening())
    async with asyncio.TaskGroup() as tasks:
        writers = [tasks.create_task(timeline.append(draft(NoteAdded(text=f"{n}")))) for n in range(40)]
        for n in range(0, 40, 3):
            await asyncio.sleep(0)
            writers[n].cancel()

    [last] = await timeline.append(draft(NoteAdded(text="the last")))
    acknowledged = {event for w in writers if not w.cancelled() for event in w.result()}
    assert acknowledged <= set(await timeline.history(INCIDENT))
    assert last.seq == await count(timeline)
    assert (await timeline.verify()).ok


async def test_a_locked_file_refuses_the_append_and_not_the_next_one(timeline: Timeline, path: Path) -> None:
    await timeline.append(opening())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has held its lock"):
            await timeline.append(draft(NoteAdded(text="lost")))
        assert await count(timeline) == 1
        other.execute("ROLLBACK")

    [event] = await timeline.append(draft(NoteAdded(text="kept")))
    assert (event.seq, (await timeline.verify()).ok) == (2, True)


async def test_a_read_only_file_refuses_the_append_and_not_the_next_one(timeline: Timeline) -> None:
    await timeline.append(opening())
    await timeline._database._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="the database is read-only; nothing was written"):
        await timeline.append(draft(NoteAdded(text="lost")))
    await timeline._database._writer.execute_fetchall("PRAGMA query_only = OFF")

    [event] = await timeline.append(draft(NoteAdded(text="kept")))
    assert (event.seq, (await timeline.verify()).ok) == (2, True)


async def test_a_full_disk_refuses_the_append_and_not_the_next_one(timeline: Timeline) -> None:
    await timeline.append(opening())
    writer = timeline._database._writer
    [(pages,)] = await writer.execute_fetchall("PRAGMA page_count")
    await writer.execute_fetchall(f"PRAGMA max_page_count = {pages + 4}")
    big = NoteAdded(text="x" * 3000)

    answers = await asyncio.gather(*(timeline.append(draft(big)) for _ in range(60)), return_exceptions=True)

    refused = [str(a) for a in answers if isinstance(a, StoreError)]
    assert refused
    assert all("no space is left for it; nothing was written" in text for text in refused)
    assert await count(timeline) == 1 + sum(isinstance(a, tuple) for a in answers)
    assert (await timeline.verify()).ok
    await writer.execute_fetchall("PRAGMA max_page_count = 100000")
    await timeline.append(draft(big))
    assert (await timeline.verify()).ok


async def test_a_file_that_was_put_in_its_place_is_noticed(
    timeline: Timeline, another: Timeline, path: Path
) -> None:
    await timeline.append(opening(), draft(NoteAdded(text="a")))
    assert await count(another) == 2
    with closing(sqlite3.connect(path)) as other:
        other.executescript("DROP TRIGGER facts_are_not_deleted; DELETE FROM facts WHERE seq = 2;")

    with pytest.raises(StoreError, match="fact 2 is no longer the one that was there"):
        await another.book()


async def test_a_stream_that_begins_elsewhere_is_told(timeline: Timeline) -> None:
    with pytest.raises(Conflict, match="there is no incident"):
        await timeline.append(draft(NoteAdded(text="nowhere")))
    with pytest.raises(ValueError, match="has no time zone"):
        await timeline.append(draft(IncidentOpened(integration="x"), at=NINE.replace(tzinfo=None)))
    assert await count(timeline) == 0


async def test_what_came_since_is_told_oldest_first(timeline: Timeline, another: Timeline) -> None:
    await timeline.append(opening())
    first = await another.since(0)
    assert [event.seq for event in first] == list(range(1, len(first) + 1))
    await timeline.append(draft(NoteAdded(text="later")))
    assert [event.fact for event in await another.since(first[-1].seq)] == [NoteAdded(text="later")]
    assert await another.since(first[-1].seq + 1) == ()
