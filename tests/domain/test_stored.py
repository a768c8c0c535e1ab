"""What is stored: every kind for ever, without secrets, and hidden where it was redacted."""

import json
import re
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.assessment import Assessment, Severity
from bot.domain.chain import Row, link
from bot.domain.events import FACTS, AnyFact, Assessed, Event, NoteAdded, Redacted, StepStarted
from bot.domain.stored import KINDS, _Header, as_text, event, for_the_fold, hidden, prepared
from bot.errors import StoreError
from bot.scrub import Scrubber
from tests.facts import EVERY_FACT, NINE, PERSON, assessment, draft, events

GOLDEN = Path(__file__).parents[1] / "golden" / "facts.jsonl"
SCRUB = Scrubber(["hunter22-hunter22", 'quote"and\\backslash'])


def row(fact: AnyFact, data: str) -> Row:
    at = as_text(NINE)
    return Row(1, "mx-1", 1, fact.kind, PERSON, at, at, None, data, "h")


def test_every_kind_is_in_the_union_in_the_list_and_once() -> None:
    assert set(get_args(AnyFact)) == set(FACTS)
    assert len(KINDS) == len(FACTS) == len(get_args(AnyFact))


def within(written: object, read: object) -> bool:
    """Everything that was written is read as it was; fields of newer versions may stand beside it, at any depth."""
    match written, read:
        case dict(), dict():
            return all(name in read and within(value, read[name]) for name, value in written.items())
        case list(), list():
            return len(written) == len(read) and all(map(within, written, read))
        case _:
            return written == read


def test_what_was_ever_written_can_always_be_read() -> None:
    """Each line is a fact as some version of mx stored it: lines are only added, never changed."""
    kinds: set[str] = set()
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        stored = json.loads(line)
        kinds.add(stored["kind"])
        fact = KINDS[stored["kind"]].model_validate_json(json.dumps(stored["data"]))
        again = json.loads(fact.model_dump_json())
        assert within(stored["data"], again), "each field that was written means what it meant"

    assert kinds == {fact.kind for fact in FACTS}, "a new kind gets its line"


@pytest.mark.parametrize("fact", EVERY_FACT, ids=lambda fact: fact.kind)
def test_a_fact_comes_back_as_it_was(fact: AnyFact) -> None:
    ready = prepared(draft(fact), SCRUB)

    back = event(row(fact, ready.data))

    assert ready.fact == fact
    assert back.fact == fact
    assert back == Event.model_validate(dict(back))
    assert back.model_dump() == Event.model_validate(dict(back)).model_dump()


def test_only_readings_are_passed_over_and_only_where_a_later_assessment_outdates_them() -> None:
    facts = [
        Assessed(request=f"t-{n}", assessment=assessment(s))
        for n, s in enumerate((Severity.SEV1, None, Severity.SEV2))
    ]
    rows = [row(fact, fact.model_dump_json())._replace(seq=n) for n, fact in enumerate(facts)]
    rows.append(rows[0]._replace(seq=3, stream="mx-2"))

    read = [e.fact for e in for_the_fold(rows)]

    slim = [
        f.model_copy(update={"assessment": f.assessment.model_copy(update={"readings": ()})}) for f in facts
    ]
    assert read == [slim[0], slim[1], facts[2], facts[0]]
    assert {*_Header.model_fields, "readings"} == set(Assessment.model_fields), "a new field is read too"


def test_times_are_stored_in_utc() -> None:
    east = datetime(2026, 11, 23, 14, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert as_text(east) == "2026-11-23T09:00:00.000000+00:00"
    with pytest.raises(ValueError, match="has no time zone"):
        as_text(datetime(2026, 11, 23))  # noqa: DTZ001 - that is the point


def test_secrets_are_hidden_wherever_they_stand() -> None:
    fact = StepStarted(
        run="run-1",
        index=0,
        epoch=1,
        before={
            "found": ["the key is hunter22-hunter22", {"x": 'is quote"and\\backslash'}],
            "api_key": "k-123456",
        },
    )

    ready = prepared(draft(fact, actor="cli:hunter22-hunter22@host"), SCRUB)

    assert ready.actor == "cli:[redacted]@host"
    assert isinstance(ready.fact, StepStarted)
    assert ready.fact.before == {
        "found": ["the key is [redacted]", {"x": "is [redacted]"}],
        "api_key": "[redacted]",
    }
    assert json.loads(ready.data)["before"] == ready.fact.before


SECRETS = ["hunter22-hunter22", 'quote"and\\backslash', "line\nbreak-secret", "sch\u00f6n-geheim-\U0001f511"]


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(
        st.sampled_from([*SECRETS, " ", '"', "\\", "\n", "x", "é", "\0", "\ud800", "\u2028"]), max_size=8
    ),
    place=st.sampled_from(["text", "actor"]),
)
def test_no_secret_gets_through_and_every_text_can_be_stored(words: list[str], place: str) -> None:
    text = "".join(words)
    note = NoteAdded(text=text if place == "text" else "a note")

    ready = prepared(draft(note, actor=text if place == "actor" else PERSON), Scrubber(SECRETS))

    stored = ready.actor + json.loads(ready.data)["text"]
    assert not any(secret in stored for secret in SECRETS)
    assert "\0" not in stored
    assert stored.encode()
    assert isinstance(ready.fact, NoteAdded)
    assert ready.fact.text == json.loads(ready.data)["text"]


def test_a_redacted_text_is_hidden_and_everything_else_stays() -> None:
    life = events((*EVERY_FACT, *(Redacted(version=n, reason="?") for n in range(1, len(EVERY_FACT) + 1))))

    shown = hidden(life)

    everything = "\n".join(e.fact.model_dump_json() for e in shown[: len(EVERY_FACT)])
    for word in (
        "nightly",
        "stand still",
        "is taken back",
        "Too Many Requests",
        "limited;",
        "429s",
        "/invite",
        "a name was",
    ):
        assert word in "\n".join(f.model_dump_json() for f in EVERY_FACT)
        assert word not in everything
    assert f"[redacted by {PERSON}]" in everything
    assert [type(e.fact) for e in shown] == [type(e.fact) for e in life]
    assert [(e.seq, e.hash, e.actor, e.at) for e in shown] == [(e.seq, e.hash, e.actor, e.at) for e in life]
    plan = next(e for e in shown if e.fact.kind == "run_planned").fact.model_dump()["plan"]
    assert plan["steps"][0]["values"]["rate_per_s"] == 1.0, "an undo needs the numbers"


def test_only_the_redacted_one_is_hidden() -> None:
    life = events((*EVERY_FACT[:8], Redacted(version=8, reason="a name")))

    shown = hidden(life)

    assert shown[:7] == life[:7]
    assert shown[7].fact == NoteAdded(text=f"[redacted by {PERSON}]")


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        ("teleported", "{}", "its kind 'teleported' is not known to this version of mx"),
        ("note_added", "{}", "what is stored is no note_added"),
        ("note_added", '{"text": "my-secret-', "what is stored is no note_added"),
    ],
)
def test_a_row_that_cannot_be_read_says_so_and_repeats_nothing(kind: str, data: str, sentence: str) -> None:
    at = as_text(NINE)
    with pytest.raises(StoreError, match=re.escape(sentence)) as caught:
        event(Row(7, "mx-1", 1, kind, PERSON, at, at, None, data, "h"))
    assert "fact 7" in str(caught.value)
    assert "my-secret" not in str(caught.value)


@given(columns=st.lists(st.none() | st.integers(0, 2**60) | st.text(), min_size=3, max_size=9))
def test_the_hash_can_be_checked_with_any_json_library(columns: list[str | int | None]) -> None:
    text = json.dumps(["0" * 64, *columns], ensure_ascii=False, separators=(",", ":"))

    assert link("0" * 64, *columns) == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "evil", ["", ',"readings":[', '],"blind_spots":[', '\\],"blind_spots":[', 'x"],"readings":[{']
)
def test_an_outdated_assessment_is_read_as_it_is_but_for_its_readings(evil: str) -> None:
    """Whatever stands in its texts: the readings are cut out unread."""
    found = assessment()
    finding = found.findings[0].model_copy(update={"symptom": evil, "evidence": (evil, evil)})
    reading = found.readings[0].model_copy(update={"says": evil})
    changes = {"findings": (finding,), "readings": (reading, *found.readings), "blind_spots": (evil, "b")}
    written = Assessed(request=evil, assessment=found.model_copy(update=changes))
    rows = [row(written, written.model_dump_json()), row(written, written.model_dump_json())._replace(seq=2)]
    outdated, latest = (one.fact for one in for_the_fold(rows))
    assert latest == written
    assert isinstance(outdated, Assessed)
    assert outdated.assessment == written.assessment.model_copy(update={"readings": ()})
    assert outdated.request == evil
