"""Which pages an incident needs, from its history alone: each cause once, never in quiet, and nobody is forgotten."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.fold import evolve
from bot.domain.incident import Incident
from bot.domain.mitigation import Plan, PlannedStep
from bot.domain.oncall import (
    AckLapsed,
    PageFailed,
    PageRequested,
    PageSent,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)
from bot.domain.pages_due import Line, kept_page, overdue_page, pages_due, rings_anew, unwanted
from bot.domain.readings import Reading, Status, StatusPageDetail
from bot.domain.response import quiet
from tests.facts import INCIDENT, NINE, assessment

ANN, JO = "slack:U0ANN", "pagerduty:Jo"
TWO = Line(("pagerduty", "pagerduty"))
ONE = Line(("pagerduty",))
NO_MINUTE = timedelta(0)


class Life:
    """An incident's facts, a minute apart, and the follower's looks in between."""

    def __init__(self, line: Line = TWO, *, drill: bool = False) -> None:
        self.line = line
        self.now = NINE
        self.version = 0
        self.asked: list[PageRequested] = []
        self._incident: Incident | None = None
        self.add(e.IncidentOpened(integration="default", drill=drill))

    @property
    def incident(self) -> Incident:
        assert self._incident is not None
        return self._incident

    def add(self, fact: e.AnyFact, *, by: str = "mx", passes: timedelta = timedelta(minutes=1)) -> None:
        self.now += passes
        self.version += 1
        event = e.Event(
            seq=self.version,
            stream=INCIDENT,
            version=self.version,
            actor=by,
            at=self.now,
            recorded_at=self.now,
            key=None,
            fact=fact,
            hash="",
        )
        self._incident = evolve(self._incident, event)

    def assess(self, severity: Severity | None, *, maintenance: bool = False) -> None:
        found = assessment(severity, at=self.now)
        if maintenance:
            page = Reading(
                probe="status_page",
                target="status page",
                status=Status.OK,
                says="maintenance",
                detail=StatusPageDetail(state="maintenance", maintenance=True),
            )
            found = found.model_copy(update={"verdict": "maintainx", "readings": (page,)})
        self.add(e.Assessed(assessment=found))

    def missed(self) -> datetime:
        due = self.now
        self.add(ResponseReminded(due=due, stage="missed", says="nobody has it"))
        return due

    def ask(self) -> list[str]:
        """The follower asks for what is due; ``action level cause`` of each, or with its own words."""
        told: list[str] = []
        for _ in range(20):
            due = pages_due(self.incident, self.line, now=self.now)
            if not due:
                return told
            for page in due:
                told.append(f"{page.action} {page.level} {page.cause}")
                self.asked.append(page)
                self.add(page, passes=NO_MINUTE)
        raise AssertionError(f"it never ends: {told}")

    def send(self, *, fails: frozenset[int] = frozenset(), gives_up: bool = False) -> list[str]:
        """The follower sends what waits; what came of each page."""
        told: list[str] = []
        for page in self.incident.oncall.waiting:
            request = page.request
            if why := unwanted(self.incident, page):
                self.add(
                    PageSent(page=request.page, pager="p", says=why, outcome="not_wanted"), passes=NO_MINUTE
                )
                told.append(f"not {request.action} {request.level}: {why}")
            elif request.action == "trigger" and quiet(self.incident, self.now):
                told.append(f"held {request.level}")
            elif request.level in fails:
                again = None if gives_up else self.now + timedelta(minutes=1)
                failed = PageFailed(page=request.page, pager="p", tries=1, again_at=again, says="503")
                self.add(failed, passes=NO_MINUTE)
                told.append(f"failed {request.level}")
            else:
                anew = "anew " if request.action == "trigger" and rings_anew(self.incident, page) else ""
                self.add(PageSent(page=request.page, pager="p", says="ok"), passes=NO_MINUTE)
                told.append(f"{anew}{request.action} {request.level}")
        return told

    def go(self, *, fails: frozenset[int] = frozenset()) -> list[str]:
        """Ask and send until there is nothing more to do (what fails is tried once)."""
        told: list[str] = []
        while asked := self.ask():
            told += asked
            self.send(fails=fails)
        return told


def grave(line: Line = TWO, severity: Severity = Severity.SEV1) -> Life:
    life = Life(line)
    life.assess(severity)
    return life


def test_a_grave_incident_pages_the_first_in_line_once() -> None:
    life = grave()
    assert life.go() == ["trigger 1 opened"]
    (page,) = life.asked
    assert (page.dedup, page.severity) == (f"maintainx:default:{INCIDENT}", Severity.SEV1)
    assert page.says == f"SEV-1 MaintainX integration default: 429 on every endpoint ({INCIDENT})"
    life.assess(Severity.SEV1)
    assert life.go() == []


def test_a_mild_one_pages_nobody_until_its_response_is_missed() -> None:
    life = grave(severity=Severity.SEV3)
    assert life.go() == []
    life.missed()
    assert life.go() == ["trigger 1 missed"]


def test_without_a_pager_and_in_a_drill_nothing_is_due() -> None:
    assert grave(Line(())).go() == []
    life = Life(drill=True)
    life.assess(Severity.SEV1)
    life.missed()
    assert life.go() == []


def test_when_it_is_raised_whoever_was_paged_hears_of_it_once() -> None:
    life = grave(severity=Severity.SEV2)
    life.go()
    life.assess(Severity.SEV1)
    assert life.go() == ["trigger 1 raised"]
    assert life.asked[-1].says.startswith("it is worse: SEV-1")
    assert {page.dedup for page in life.asked} == {f"maintainx:default:{INCIDENT}"}
    life.assess(Severity.SEV2)
    life.assess(Severity.SEV1)
    assert life.go() == []


def test_a_missed_deadline_pages_the_next_and_the_last_again_where_there_is_no_further_one() -> None:
    life = grave()
    life.go()
    life.missed()
    assert life.go() == ["trigger 2 missed"]
    assert life.go() == []
    life.missed()
    assert life.go() == ["trigger 2 missed"]


def test_an_acknowledgement_goes_to_every_level_that_was_triggered_and_so_does_the_end() -> None:
    life = grave()
    life.go()
    life.missed()
    life.go()
    life.add(e.Acknowledged(), by=ANN)
    assert life.go() == ["acknowledge 1 acknowledged", "acknowledge 2 acknowledged"]
    life.add(e.NoteAdded(text="I look"), by=ANN)
    assert life.go() == []
    life.add(e.Resolved(reason="over"), by=ANN)
    assert life.go() == ["resolve 1 resolved", "resolve 2 resolved"]
    assert life.go() == []


def test_a_pager_is_not_told_what_it_told_us() -> None:
    life = grave(ONE)
    life.go()
    life.add(e.Acknowledged(alert="PINC"), by=JO)
    assert life.go() == []
    # Where two of the kind ring, nobody knows which of them it was: both hear of it.
    life = grave(TWO)
    life.go()
    life.missed()
    life.go()
    life.add(e.Acknowledged(alert="PINC"), by=JO)
    assert life.go() == ["acknowledge 1 acknowledged", "acknowledge 2 acknowledged"]
    # Another kind of pager hears of it in any case.
    life = grave(Line(("", "pagerduty")))
    life.go()
    life.missed()
    life.go()
    life.add(e.Acknowledged(alert="PINC"), by=JO)
    assert life.go() == ["acknowledge 1 acknowledged"]


def test_when_an_acknowledgement_lapses_the_next_is_paged_and_a_lone_one_is_rung_anew() -> None:
    life = grave()
    life.go()
    life.add(e.Acknowledged(), by=ANN)
    life.go()
    life.add(AckLapsed(who=ANN, says="no sign"))
    assert life.go() == ["trigger 2 lapsed"]
    assert life.go() == []
    life = grave(ONE)
    life.go()
    life.add(e.Acknowledged(), by=ANN)
    life.go()
    life.add(AckLapsed(who=ANN, says="no sign"))
    assert life.ask() == ["trigger 1 lapsed"]
    assert life.send() == ["anew trigger 1"]
    life.add(e.Acknowledged(), by=ANN)
    assert life.go() == ["acknowledge 1 acknowledged"]


def test_a_mild_one_that_nobody_was_paged_for_lapses_without_a_page() -> None:
    life = grave(severity=Severity.SEV3)
    life.add(e.Acknowledged(), by=ANN)
    life.add(AckLapsed(who=ANN, says="no sign"))
    assert life.go() == []


def test_reopened_it_pages_from_the_first_again() -> None:
    life = grave()
    life.go()
    life.missed()
    life.go()
    life.add(e.Resolved(reason="over"), by=ANN)
    life.go()
    life.add(e.Reopened(reason="back"))
    assert life.go() == ["trigger 1 reopened"]
    # Where nobody looked in between, the old alerts are called off first, so that the new one rings.
    life.add(e.Resolved(reason="over"), by=ANN)
    life.add(e.Reopened(reason="back"))
    assert life.go() == ["resolve 1 resolved", "trigger 1 reopened"]


def test_quiet_holds_what_is_due_until_it_ends() -> None:
    life = Life()
    life.assess(Severity.SEV1, maintenance=True)
    assert life.go() == []
    life.assess(Severity.SEV1)
    assert life.go() == ["trigger 1 opened"]


def test_a_page_that_waits_when_quiet_begins_is_held_and_then_sent() -> None:
    life = grave()
    life.ask()
    life.assess(Severity.SEV1, maintenance=True)
    assert life.send() == ["held 1"]
    life.assess(Severity.SEV1)
    assert life.send() == ["trigger 1"]


def test_a_snooze_is_broken_by_what_is_worse() -> None:
    life = grave(severity=Severity.SEV2)
    life.go()
    life.add(
        Snoozed(until=life.now + timedelta(hours=1), severity=Severity.SEV2, reason="on the phone"), by=ANN
    )
    assert life.go() == ["acknowledge 1 acknowledged"]
    life.assess(Severity.SEV1)
    assert life.ask() == ["trigger 1 raised"]
    assert life.send() == ["anew trigger 1"], "what joins an acknowledged alert would wake nobody"
    life.add(e.NoteAdded(text="I see"), by=ANN)
    assert life.go() == ["acknowledge 1 acknowledged"]


def test_whoever_has_it_is_woken_when_it_is_worse_than_they_know_but_not_by_their_own_word() -> None:
    life = grave(severity=Severity.SEV3)
    life.add(e.Acknowledged(), by=ANN)
    life.add(e.SeveritySet(severity=Severity.SEV1, reason="the plant stands still"), by=ANN)
    assert life.go() == []
    life = grave(severity=Severity.SEV3)
    life.add(e.Acknowledged(), by=ANN)
    life.assess(Severity.SEV1)
    assert life.go() == ["trigger 1 raised"]


def test_behind_a_pager_that_cannot_be_reached_the_next_is_paged_as_well() -> None:
    life = grave()
    assert life.go(fails=frozenset({1})) == ["trigger 1 opened", "trigger 2 unreachable"]
    assert life.go(fails=frozenset({1, 2})) == []
    life.add(e.Acknowledged(), by=ANN)
    assert life.ask() == ["acknowledge 1 acknowledged", "acknowledge 2 acknowledged"], "it may have arrived"
    assert life.send()[0] == f"not trigger 1: {ANN} has it"


def test_what_nobody_needs_any_more_is_not_sent() -> None:
    life = grave()
    life.ask()
    life.add(e.Acknowledged(), by=ANN)
    assert life.send() == [f"not trigger 1: {ANN} has it"]
    assert life.go() == [], "who was never paged is told nothing"
    life = grave()
    life.ask()
    life.add(e.Resolved(reason="over"), by=ANN)
    assert life.send() == [f"not trigger 1: {INCIDENT} is resolved"]
    assert life.go() == []


def test_what_a_process_that_is_gone_may_have_sent_is_called_off_all_the_same() -> None:
    life = grave()
    life.ask()
    (page,) = life.incident.oncall.waiting
    life.add(e.Resolved(reason="over"), by=ANN)
    life.add(PageSent(page=page.request.page, pager="p", says="perhaps", outcome="perhaps"))
    assert life.go() == ["resolve 1 resolved"]


def test_a_kept_lease_wakes_even_whoever_has_it_and_does_not_stand_for_the_incidents_own_page() -> None:
    life = grave()
    life.go()
    life.add(e.Acknowledged(), by=ANN)
    life.go()
    life.add(kept_page(life.incident, ref="run-1:10:00", says="kept on"))
    assert life.send() == ["anew trigger 1"]
    life = Life()
    life.add(kept_page(life.incident, ref="run-1:10:00", says="kept on"))
    life.assess(Severity.SEV1)
    assert life.go() == ["trigger 1 opened"]


def test_what_a_playbook_paged_is_not_paged_again_but_heard_of_and_called_off() -> None:
    life = Life()
    plan = Plan(
        playbook="escalate", title="", steps=(PlannedStep(kind="page", title="", says=""),), fingerprint="f"
    )
    life.add(e.RunRequested(run="r", playbook="escalate"), by=ANN)
    life.add(e.RunPlanned(run="r", plan=plan))
    life.add(e.StepFinished(run="r", index=0, outcome="done", says="", evidence=("paged pager 1 of 2",)))
    life.assess(Severity.SEV1)
    assert life.go() == []
    life.missed()
    assert life.go() == ["trigger 2 missed"]
    life.add(e.Acknowledged(), by=ANN)
    assert life.go() == ["acknowledge 1 acknowledged", "acknowledge 2 acknowledged"]
    life.add(e.Resolved(reason="over"), by=ANN)
    assert life.go() == ["resolve 1 resolved", "resolve 2 resolved"]


def test_whoever_asks_for_help_does_not_silence_it_by_their_next_click() -> None:
    life = grave(severity=Severity.SEV3)
    life.add(e.Acknowledged(), by=ANN)
    plan = Plan(
        playbook="escalate", title="", steps=(PlannedStep(kind="page", title="", says=""),), fingerprint="f"
    )
    life.add(e.RunRequested(run="r", playbook="escalate"), by=ANN)
    life.add(e.RunPlanned(run="r", plan=plan))
    life.add(e.StepFinished(run="r", index=0, outcome="done", says="", evidence=("paged pager 1 of 2",)))
    life.add(e.NoteAdded(text="please hurry"), by=ANN)
    assert life.go() == []
    life.add(e.Acknowledged(), by="slack:U0BEN")
    assert life.go() == ["acknowledge 1 acknowledged"]


def test_what_the_auditor_asks_for_goes_to_the_next_in_line() -> None:
    life = grave()
    life.go()
    assert (
        overdue_page(life.incident, ref="x", pagers=2).level,
        overdue_page(life.incident, ref="x", pagers=1).level,
    ) == (2, 1)


MOVES = st.lists(
    st.sampled_from(
        (
            "assess 1", "assess 2", "assess 3", "well", "maintenance", "set 1", "set 3", "ann", "jo", "lapse", "missed",
            "snooze", "unsnooze", "resolve", "reopen", "note", "kept", "look", "fail", "later",
        )
    ),
    max_size=24,
)  # fmt: skip


def play(life: Life, move: str) -> None:  # noqa: PLR0912 - one case for each move
    was = life.incident
    match move.split():
        case ["assess", level]:
            life.assess(Severity(f"SEV-{level}"))
        case ["well"]:
            life.assess(None)
        case ["maintenance"]:
            life.assess(Severity.SEV1, maintenance=True)
        case ["set", level] if was.open:
            life.add(e.SeveritySet(severity=Severity(f"SEV-{level}"), reason="so"), by=ANN)
        case ["ann"] if was.open:
            life.add(e.Acknowledged(), by=ANN)
        case ["jo"] if was.open and was.acknowledged_by is None:
            life.add(e.Acknowledged(alert="PINC"), by=JO)
        case ["lapse"] if was.open and was.acknowledged_by is not None:
            life.add(AckLapsed(who=was.acknowledged_by, says="no sign"))
        case ["missed"] if was.open and was.acknowledged_by is None and was.severity is not None:
            life.missed()
        case ["snooze"] if was.open:
            life.add(Snoozed(until=life.now + timedelta(hours=1), severity=was.severity, reason="so"), by=ANN)
        case ["unsnooze"] if was.oncall.snooze is not None:
            life.add(SnoozeEnded(cause="time", says="over"))
        case ["resolve"] if was.open:
            life.add(e.Resolved(reason="so"), by=ANN)
        case ["reopen"] if not was.open:
            life.add(e.Reopened(reason="so"))
        case ["note"]:
            life.add(e.NoteAdded(text="so"), by=ANN)
        case ["kept"] if was.open:
            life.add(kept_page(was, ref=f"{life.version}", says="kept"))
        case ["later"]:
            life.now += timedelta(minutes=61)
        case _:
            pass


@given(MOVES, st.sampled_from((ONE, TWO, Line(("pagerduty", "", "pagerduty")))))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_each_cause_is_paged_once_never_in_quiet_and_nobody_is_forgotten(
    moves: list[str], line: Line
) -> None:
    life = Life(line)
    for move in (*moves, "look"):
        play(life, move)
        hushed = quiet(life.incident, life.now)
        asked = len(life.asked)
        if move in {"look", "fail"}:
            fails = frozenset({1}) if move == "fail" else frozenset()
            life.go(fails=fails)
            life.send(fails=fails)
            life.go(fails=fails)
        if hushed:
            assert all(page.action != "trigger" for page in life.asked[asked:])
    names = [page.page for page in life.asked]
    assert len(names) == len(set(names)), "one page for each cause"
    assert pages_due(life.incident, line, now=life.now) == (), "once it stands there, it is not due again"
    now, oncall = life.incident, life.incident.oncall
    woken = [p for p in oncall.pages if p.request.action == "trigger" and p.sent_at is not None]
    if now.open and not quiet(now, life.now) and line.grave(now.severity) and now.acknowledged_by is None:
        assert any(page.version > oncall.clock_version for page in woken)
    if not now.open:
        ends = [p for p in oncall.pages if p.request.action == "resolve"]
        for level in {page.request.level for page in woken}:
            latest = max(page.version for page in woken if page.request.level == level)
            assert any(end.request.level == level and end.version > latest for end in ends), (
                "each is called off"
            )


@pytest.mark.parametrize("severity", list(Severity))
def test_from_which_severity_on_somebody_is_woken_at_once_is_the_teams(severity: Severity) -> None:
    life = grave(Line(("",), page_from=Severity.SEV1), severity)
    assert (life.go() != []) == (severity is Severity.SEV1)
