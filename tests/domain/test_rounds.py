"""The judge of rounds: by hand for each transition, and by hypothesis for what must hold whatever comes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.assessment import Assessment, Severity
from bot.domain.book import Book
from bot.domain.events import AnyFact, Assessed, Event, IncidentOpened, NoteAdded, Resolved, SeveritySet, desk
from bot.domain.incident import Incident
from bot.domain.readings import Reading
from bot.domain.rounds import Judged, Seen, heard, in_a_row, judge, kept, seen
from bot.domain.watching import WatchMoved
from tests.domain import made
from tests.domain.made import INTEGRATION

NAME = INTEGRATION.name
NIGHT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

Kind = Literal["well", "down", "some", "limited", "key", "planned", "offline", "blind"]
KINDS: tuple[Kind, ...] = ("well", "down", "some", "limited", "key", "planned", "offline", "blind")
READINGS: dict[Kind, Sequence[Reading]] = {
    "well": made.healthy(),
    "down": [*made.everywhere(503, 503, 503), made.versions(503)],  # SEV-1, MaintainX
    "some": made.healthy(made.api("/users", 500, 500, 500)),  # SEV-4, MaintainX
    "limited": made.everywhere(429),  # SEV-2, ours
    "key": [*made.everywhere(401, 401, 401), made.versions(200)],
    "planned": [*made.everywhere(503, 503, 503), made.versions(503), made.page("maintenance")],
    "offline": [*made.everywhere("connect"), made.page(None)],
    "blind": [made.page(None)],
}
FOUND: dict[Kind, Assessment] = {kind: made.judged(list(READINGS[kind])) for kind in KINDS}


@dataclass
class Watch:
    """An integration, its timeline and its rounds, five minutes apart."""

    bad: int = 2
    good: int = 3
    book: Book = field(default_factory=Book)
    rounds: list[Seen] = field(default_factory=list)
    at: datetime = NIGHT
    facts: list[AnyFact] = field(default_factory=list)
    since_fact: int = 99
    """Rounds since the last one that wrote something."""
    shortest: int = 99

    @property
    def incident(self) -> Incident | None:
        return self.book.open_incident(NAME)

    def says(self, fact: AnyFact, *, stream: str | None = None) -> None:
        found = self.incident
        where = stream or (found.id if found else desk(NAME))
        seq = self.book.head.seq + 1
        version = self.book.version(where) + 1
        self.book.apply(
            Event(
                seq=seq,
                stream=where,
                version=version,
                actor="mx",
                at=self.at,
                recorded_at=self.at,
                key=None,
                fact=fact,
                hash="",
            )
        )
        self.facts.append(fact)

    def round(self, kind: Kind) -> Judged:
        """One round, and what it is worth, written down."""
        return self.sees(FOUND[kind], online=kind != "offline")

    def sees(self, read: Assessment, *, online: bool = True) -> Judged:
        """The same of a round that read this."""
        self.at += timedelta(minutes=5)
        spec = INTEGRATION.model_copy(update={"bad_rounds": self.bad, "good_rounds": self.good})
        found = read.model_copy(update={"at": self.at})
        one = seen(found, online=online)
        if one is None:
            return Judged()
        self.rounds = [*self.rounds, one][-kept(spec) :]
        judged = judge(
            spec, found, self.rounds, desk=self.book.desk(NAME), latest=self.book.latest(NAME), zone=UTC
        )
        wrote = bool(judged.moved or judged.opens or judged.assessed)
        self.since_fact += 1
        if wrote:
            self.shortest, self.since_fact = min(self.shortest, self.since_fact), 0
        if judged.moved:
            self.says(judged.moved)
        if judged.assessed:
            self.says(Assessed(assessment=found))
        if judged.opens:
            opened = IncidentOpened(integration=NAME, found_by="monitor", failing_since=judged.failing_since)
            stream = f"mx-{self.book.head.seq}"
            self.says(opened, stream=stream)
            self.says(Assessed(assessment=found))
        return judged

    def all(self, *kinds: Kind) -> list[Judged]:
        return [self.round(kind) for kind in kinds]

    def moves(self) -> list[str]:
        return [fact.now for fact in self.facts if isinstance(fact, WatchMoved)]


def minute(number: int) -> datetime:
    """When the round of this number was, counted from 1."""
    return NIGHT + timedelta(minutes=5 * number)


def test_what_a_round_sees() -> None:
    states = {
        kind: one.state if (one := seen(FOUND[kind], online=kind != "offline")) else None for kind in KINDS
    }
    assert states == {
        "well": "well",
        "down": "bad",
        "some": "bad",
        "limited": "bad",
        "key": "bad",
        "planned": "maintenance",
        "offline": "offline",
        "blind": None,
    }
    assert FOUND["down"].severity == Severity.SEV1
    assert FOUND["some"].severity == Severity.SEV4


def test_who_was_heard_outside() -> None:
    silent = [*made.everywhere("connect"), made.versions("dns"), made.page(None), made.service("healthy")]
    assert not heard(silent)
    assert not heard([])
    assert heard([*silent, made.api("/parts", "connect", 500)])
    assert heard([*silent, made.api("/parts", "body")])  # the head of an answer came
    assert heard([*silent, made.versions(404)])
    assert heard([*silent, made.page("downtime")])


def test_the_first_good_rounds_are_told_once() -> None:
    watch = Watch()
    watch.all("well", "well")
    assert watch.facts == []
    (_, _, moved) = (*watch.all("well"), None, watch.facts[-1])
    assert isinstance(moved, WatchMoved)
    assert (moved.was, moved.now, moved.since) == (None, "well", minute(1))
    for _ in range(20):
        watch.round("well")
    assert len(watch.facts) == 1


def test_one_lost_packet_is_nothing_but_a_second_look_soon() -> None:
    watch = Watch()
    watch.all("well", "well", "well")
    one = watch.round("down")
    assert one == Judged(unsure=True)
    assert watch.all("well", "well") == [Judged(), Judged()]
    assert watch.incident is None


def test_two_bad_rounds_in_a_row_open_an_incident_that_knows_since_when() -> None:
    watch = Watch()
    watch.all("well", "well", "well", "down")
    assert watch.round("down") == Judged(opens=True, failing_since=minute(4))
    assert watch.incident is not None
    assert watch.incident.severity == Severity.SEV1
    assert watch.round("down") == Judged()


def test_a_round_without_answer_to_judge_by_counts_for_nothing() -> None:
    watch = Watch()
    watch.all("down", "blind", "blind", "down")
    assert watch.incident is not None
    assert watch.incident.failing_since == minute(1)


def test_while_open_it_is_assessed_anew_when_it_is_worse_twice() -> None:
    watch = Watch()
    watch.all("limited", "limited")
    assert watch.all("down", "limited", "down", "down") == [
        Judged(),
        Judged(),
        Judged(),
        Judged(assessed=True),
    ]
    assert watch.incident is not None
    assert watch.incident.severity == Severity.SEV1


def test_milder_is_proposed_after_good_rounds_and_the_severity_stays() -> None:
    watch = Watch()
    watch.all("down", "down", "some", "some")
    assert watch.round("some") == Judged(assessed=True)
    assert watch.incident is not None
    assert (watch.incident.severity, watch.incident.proposed) == (Severity.SEV1, Severity.SEV4)
    assert watch.round("some") == Judged()


def test_well_again_is_told_after_good_rounds_and_bad_again_after_bad_ones() -> None:
    watch = Watch()
    watch.all("down", "down", "well", "well", "down", "well", "well")
    healthy: list[bool] = []
    three: tuple[Kind, ...] = ("well", "down", "down")
    for kind in three:
        watch.round(kind)
        healthy.append(watch.incident is not None and watch.incident.healthy_now)
    assert healthy == [True, True, False]


def test_another_fault_of_the_same_severity_is_told() -> None:
    watch = Watch()
    watch.all("key", "key")
    before = FOUND["key"].severity
    watch.all("down", "down", "down")
    assert watch.incident is not None
    assert watch.incident.assessment is not None
    assert (watch.incident.assessment.severity, watch.incident.assessment.verdict) == (before, "maintainx")


def test_the_same_fault_in_one_collection_more_is_assessed_anew() -> None:
    """The gap of that collection begins there."""
    watch = Watch()
    some = [made.api(path, 500, 500, 500) for path in ("/users", "/assets")]
    more = [*some, made.api("/locations", 500, 500, 500)]
    first, second = (made.judged(made.healthy(*readings)) for readings in (some, more))
    assert (first.severity, first.verdict) == (second.severity, second.verdict)
    assert [watch.sees(found).assessed for found in (first, first, first)] == [False, False, False]
    assert watch.incident is not None
    assert [watch.sees(found).assessed for found in (second, second, second)] == [False, True, False]
    assert [watch.sees(found).assessed for found in (first, second, first)] == [False, False, False]


def test_a_persons_severity_stands_whatever_the_monitor_sees() -> None:
    watch = Watch()
    watch.all("limited", "limited")
    watch.says(SeveritySet(severity=Severity.SEV3, reason="only one site"))
    watch.all("down", "down")
    assert watch.incident is not None
    assert (watch.incident.severity, watch.incident.proposed) == (Severity.SEV3, Severity.SEV1)


def test_announced_maintenance_is_told_once_and_opens_when_it_is_over_and_still_bad() -> None:
    watch = Watch()
    watch.all("well", "well", "well", "planned", "planned", "planned")
    assert (watch.moves(), watch.incident) == (["well", "maintenance"], None)
    assert watch.round("down") == Judged(unsure=True)
    assert watch.round("down") == Judged(opens=True, failing_since=minute(7))


def test_maintenance_that_ends_well_ends_quietly() -> None:
    watch = Watch()
    watch.all("planned", "planned", "well", "well", "well")
    assert (watch.moves(), watch.incident) == (["maintenance", "well"], None)


def test_a_status_page_that_answers_each_second_time_wakes_nobody() -> None:
    watch = Watch()
    flapping: list[Kind] = ["planned", "down"]
    watch.all(*flapping * 10)
    assert (watch.moves(), watch.incident) == (["maintenance"], None)


def test_our_own_fault_during_maintenance_opens_all_the_same() -> None:
    readings = [*made.everywhere(401, 401, 401), made.versions(200), made.page("maintenance")]
    one = seen(made.judged(readings))
    assert one is not None
    assert one.state == "bad"


def test_offline_is_told_and_blames_nobody_and_says_afterwards_what_was_not_seen() -> None:
    watch = Watch()
    watch.all("well", "well", "well", "offline", "offline", "offline", "well", "well", "well")
    assert (watch.moves(), watch.incident) == (["well", "offline", "well"], None)
    *_, back = watch.facts
    assert isinstance(back, WatchMoved)
    assert back.was == "offline"
    assert "from 03:20 UTC to 03:35 UTC it saw nothing" in back.says


def test_back_online_and_really_down_opens() -> None:
    watch = Watch()
    watch.all("offline", "offline", "down")
    assert watch.incident is None
    judged = watch.round("down")
    assert judged.opens
    assert judged.moved is not None
    assert judged.moved.was == "offline"
    assert watch.incident is not None


def test_what_was_seen_before_mx_went_offline_does_not_count_after() -> None:
    watch = Watch()
    watch.all("down", "offline", "offline", "down")
    assert watch.incident is None
    watch.all("down")
    assert watch.incident is not None


def test_offline_during_an_incident_is_told_there_and_changes_no_severity() -> None:
    watch = Watch()
    watch.all("limited", "limited", "offline", "offline", "offline")
    assert watch.incident is not None
    assert watch.moves() == ["offline"]
    assert len(watch.incident.assessments) == 1
    watch.all("limited", "limited", "limited")
    assert watch.moves() == ["offline", "bad"]
    assert len(watch.incident.assessments) == 1


def test_after_a_resolve_it_is_judged_anew() -> None:
    watch = Watch()
    watch.all("down", "down", "down")
    watch.says(Resolved())
    assert watch.round("down") == Judged(unsure=True)
    assert watch.round("down").opens


def test_a_resolve_in_the_middle_of_a_round_is_not_undone_by_that_round() -> None:
    watch = Watch()
    watch.all("down", "down")
    watch.at += timedelta(minutes=6)
    watch.says(Resolved())
    watch.at -= timedelta(minutes=6)
    assert watch.round("down") == Judged()
    assert watch.round("down") == Judged(unsure=True)


def test_an_incident_that_nobody_has_assessed_is_assessed_at_once() -> None:
    watch = Watch()
    watch.says(IncidentOpened(integration=NAME), stream="mx-1")
    assert watch.round("well") == Judged(assessed=True)


def test_rounds_before_a_restart_count_where_mx_looked_all_the_time() -> None:
    one = seen(FOUND["down"])
    assert one is not None
    rounds = [one._replace(at=NIGHT - timedelta(minutes=m)) for m in (5, 10, 40, 45)]
    row = in_a_row(rounds, now=NIGHT, spec=INTEGRATION)
    assert [back.at for back in row] == [NIGHT - timedelta(minutes=10), NIGHT - timedelta(minutes=5)]
    assert in_a_row(rounds, now=NIGHT + timedelta(hours=1), spec=INTEGRATION) == []


nights = st.lists(st.sampled_from(KINDS), max_size=40)
thresholds = st.integers(1, 4)


def story(bad: int, good: int, kinds: Sequence[Kind]) -> Watch:
    watch = Watch(bad, good)
    watch.all(*kinds)
    return watch


@given(thresholds, thresholds, nights)
@example(2, 3, ["down", "well"] * 20)
@example(2, 3, ["planned", "down", "offline"] * 12)
def test_facts_are_never_closer_than_the_thresholds(bad: int, good: int, kinds: list[Kind]) -> None:
    """Whatever flaps, it does not write a fact each round."""
    assert story(bad, good, kinds).shortest >= min(bad, good)


@given(thresholds, thresholds, nights)
def test_an_incident_needs_its_rounds_in_a_row(bad: int, good: int, kinds: list[Kind]) -> None:
    watch = Watch(bad, good)
    row = 0
    for kind in kinds:
        row = row if kind in {"blind", "offline"} else row + 1 if kind != "well" else 0
        judged = watch.round(kind)
        if judged.opens:
            assert row >= bad
            assert kind not in {"well", "planned", "offline", "blind"}


@given(thresholds, thresholds, nights, st.sampled_from(("down", "some", "limited", "key")))
def test_what_is_bad_for_long_enough_has_an_incident(
    bad: int, good: int, kinds: list[Kind], fault: Kind
) -> None:
    watch = story(bad, good, kinds)
    for _ in range(
        2 * bad
    ):  # at the first threshold, announced work that was seen among them may still excuse it
        watch.round(fault)
    assert watch.incident is not None
    assert watch.incident.found_by == "monitor"


@given(thresholds, thresholds, st.lists(st.sampled_from(("well", "down", "key", "blind")), max_size=30))
def test_without_announced_work_the_first_threshold_is_enough(bad: int, good: int, kinds: list[Kind]) -> None:
    watch = story(bad, good, kinds)
    for _ in range(bad):
        watch.round("limited")
    assert watch.incident is not None


@given(thresholds, thresholds, nights)
def test_what_is_well_for_long_enough_is_known_as_well(bad: int, good: int, kinds: list[Kind]) -> None:
    watch = story(bad, good, kinds)
    for _ in range(good):
        watch.round("well")
    if watch.incident is not None:
        assert watch.incident.healthy_now
    else:
        assert watch.book.desk(NAME).watch is not None
        assert watch.moves()[-1] == "well"


@given(thresholds, thresholds, nights)
def test_the_severity_rises_only_by_rounds_in_a_row_and_never_falls(
    bad: int, good: int, kinds: list[Kind]
) -> None:
    watch = Watch(bad, good)
    ranks: list[int] = []
    for kind in kinds:
        was = watch.incident.worst if watch.incident else None
        judged = watch.round(kind)
        if kind not in {"offline", "blind"}:
            severity = FOUND[kind].severity
            ranks.append(severity.number if severity else 5)
        now = watch.incident.worst if watch.incident else None
        if was is not None:
            assert now is not None
            assert now.number <= was.number
            if now != was:
                assert judged.assessed
                assert all(rank <= now.number for rank in ranks[-bad:])
                assert len(ranks) >= bad


@given(thresholds, thresholds, st.lists(st.sampled_from(("offline", "well", "blind")), max_size=30))
def test_without_a_way_out_nobody_is_ever_blamed(bad: int, good: int, kinds: list[Kind]) -> None:
    assert story(bad, good, kinds).incident is None


@given(thresholds, thresholds, st.lists(st.sampled_from(("planned", "well", "blind")), max_size=30))
def test_announced_work_alone_never_opens_anything(bad: int, good: int, kinds: list[Kind]) -> None:
    assert story(bad, good, kinds).incident is None


@given(thresholds, thresholds, nights, st.integers(0, 40))
def test_a_restart_changes_nothing(bad: int, good: int, kinds: list[Kind], cut: int) -> None:
    """What is kept of the rounds is all that the judge needs."""
    whole, broken = Watch(bad, good), Watch(bad, good)
    whole.all(*kinds)
    broken.all(*kinds[:cut])
    spec = INTEGRATION.model_copy(update={"bad_rounds": bad, "good_rounds": good})
    broken.rounds = in_a_row(broken.rounds[::-1], now=broken.at + timedelta(minutes=5), spec=spec)
    broken.all(*kinds[cut:])
    if "blind" not in kinds:  # two of these in a row look as if nobody had looked
        assert broken.facts == whole.facts


def test_words_in_between_change_nothing() -> None:
    watch = Watch()
    watch.all("down", "down")
    watch.says(NoteAdded(text="looking"))
    assert watch.round("down") == Judged()
