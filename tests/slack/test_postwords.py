"""What the channel is told of a fact: who is meant is mentioned and nobody else, and old news is no news."""

from datetime import datetime, timedelta

from bot.demo.slack.blockkit import blocks_faults
from bot.demo.slack.pings import notifications
from bot.demo.slack.records import Message, Version
from bot.demo.slack.render import render
from bot.domain.assessment import Severity
from bot.domain.events import Acknowledged, AnyFact, Event, IncidentOpened, NoteAdded, Resolved, SeveritySet
from bot.domain.fold import replay
from bot.domain.notebook import DaySummed, HandedOver
from bot.domain.oncall import (
    AckLapsed,
    AckReminded,
    PageFailed,
    PageOverdue,
    PageRequested,
    PageSent,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)
from bot.slack.postwords import POSTS, message, posted
from tests.domain.made import UTC_ZONE
from tests.facts import EVERY_FACT, INCIDENT, NINE, events

ANN = "slack:U0ANN"
EVIL = "<!channel> <@U0EVIL> @here *now*"
OPENED = IncidentOpened(integration="default")
DUE = NINE + timedelta(hours=1)


def life(*facts: AnyFact | tuple[str, AnyFact]) -> list[Event]:
    """An incident's events a minute apart; a person's are given with who it was."""
    made: list[Event] = []
    for number, one in enumerate((OPENED, *facts)):
        actor, fact = one if isinstance(one, tuple) else ("mx", one)
        (event,) = events((fact,), actor=actor, first_seq=number + 1)
        made.append(event.model_copy(update={"version": number + 1, "at": NINE + timedelta(minutes=number)}))
    return made


def told(history: list[Event], *, of: int = -1, now: datetime | None = None) -> Message | None:
    """The post about one of these events, as Slack shows it."""
    event = history[of]
    made = message(event, replay(history), zone=UTC_ZONE, now=now or event.at)
    if made is None:
        return None
    parts = made["blocks"]
    assert isinstance(parts, list)
    assert blocks_faults(parts) == []
    return Message(channel="C1", ts="1.0", user="U0", versions=[Version(str(made["text"]), tuple(parts))])


def text(found: Message | None) -> str:
    assert found is not None
    return "\n".join(render(found, width=10_000))


def test_a_reminder_has_the_button_that_ends_it_and_pings_nobody() -> None:
    before = ResponseReminded(due=DUE, stage="before", says=f"nobody has it {EVIL}")
    found = told(life(before))
    assert found is not None
    assert "nobody has it" in text(found)
    assert "Acknowledge" in text(found)
    assert notifications(found) == ()


def test_a_reminder_is_old_news_once_somebody_has_it_or_it_is_over_or_the_next_one_is_due() -> None:
    before = ResponseReminded(due=DUE, stage="before", says="nobody has it")
    missed = ResponseReminded(due=DUE, stage="missed", says="nobody came")
    for one in (before, missed):
        assert told(life(one, (ANN, Acknowledged())), of=1) is None
        assert told(life(one, (ANN, Resolved())), of=1) is None
        assert told(life(one, (ANN, Acknowledged()), AckLapsed(who=ANN, says="no sign")), of=1) is None
    assert told(life(before), now=DUE) is None
    assert "nobody came" in text(told(life(missed), now=DUE + timedelta(hours=9)))


def test_a_late_post_says_of_when_it_is() -> None:
    missed = ResponseReminded(due=DUE, stage="missed", says="nobody came")
    assert "could not be posted" not in text(told(life(missed), now=NINE + timedelta(minutes=1, seconds=59)))
    assert "This is of 09:01 UTC" in text(told(life(missed), now=NINE + timedelta(minutes=4)))
    assert "This is of Mon 23 Nov 09:01 UTC" in text(told(life(missed), now=NINE + timedelta(hours=20)))


def test_whoever_has_it_is_asked_by_name_until_there_is_a_sign() -> None:
    asked = AckReminded(lapses_at=DUE, says="are you still on it?")
    found = told(life((ANN, Acknowledged()), asked))
    assert found is not None
    assert set(notifications(found)) == {"<@U0ANN>"}
    assert "Still on it" in text(found)
    assert told(life((ANN, Acknowledged()), asked, (ANN, NoteAdded(text="yes"))), of=2) is None
    assert told(life((ANN, Acknowledged()), asked, ("slack:U0BEN", NoteAdded(text="no"))), of=2) is not None


def test_a_lapse_names_whose_it_was_until_somebody_takes_it() -> None:
    lapsed = AckLapsed(who=ANN, says="gave no sign")
    found = told(life((ANN, Acknowledged()), lapsed))
    assert found is not None
    assert set(notifications(found)) == {"<@U0ANN>"}
    assert "Acknowledge" in text(found)
    assert told(life((ANN, Acknowledged()), lapsed, (ANN, Acknowledged())), of=2) is None


def test_the_end_of_quiet_is_told_unless_a_person_ended_it_or_it_is_quiet_again() -> None:
    quiet = (ANN, Snoozed(until=DUE, severity=Severity.SEV2, reason="on the phone"))
    over = SnoozeEnded(cause="time", says="the quiet is over")
    found = told(life(quiet, over))
    assert found is not None
    assert set(notifications(found)) == {"<@U0ANN>"}
    assert told(life(quiet, SnoozeEnded(cause="worse", says="worse"))) is not None
    assert told(life(quiet, (ANN, SnoozeEnded(cause="person", says="off")))) is None
    assert told(life(quiet, over, quiet), of=2) is None
    assert told(life(quiet, over, (ANN, Resolved())), of=2) is None


def request(action: str = "trigger") -> PageRequested:
    return PageRequested.model_validate(
        {
            "page": "p-1",
            "action": action,
            "level": 1,
            "dedup": "d",
            "cause": "opened",
            "severity": Severity.SEV1,
            "says": "SEV-1",
        }
    )


def failed(*, again_at: datetime | None) -> PageFailed:
    return PageFailed(page="p-1", pager="PagerDuty", tries=3, again_at=again_at, says="it answered 500")


def test_a_page_that_is_not_sent_is_shouted_about_first_and_last() -> None:
    once, last = failed(again_at=DUE), failed(again_at=None)
    history = life(request(), once, once, last)
    first = text(told(history, of=2))
    assert "Nobody could be woken" in first
    assert "tried again at 10:00 UTC" in first
    assert "Call the on-call person yourself" in first
    assert told(history, of=3) is None
    assert "Nothing more is tried" in text(told(history, of=4))
    sent = PageSent(page="p-1", pager="PagerDuty", says="taken")
    assert told(life(request(), once, sent), of=2) is None
    dropped = PageSent(page="p-1", pager="PagerDuty", says="nobody needs it", outcome="not_wanted")
    assert told(life(request(), once, dropped), of=2) is None
    second = request().model_copy(update={"page": "p-2", "level": 2})
    elsewhere = PageSent(page="p-2", pager="the other", says="taken")
    woken = text(told(life(request(), once, second, elsewhere), of=2))
    assert "PagerDuty did not take the page" in woken
    assert "Nobody could be woken" not in woken


def test_a_pager_that_is_not_told_of_the_end_is_named_once_and_wakes_nobody() -> None:
    assert told(life(request("resolve"), failed(again_at=DUE))) is None
    said = text(told(life(request("resolve"), failed(again_at=None))))
    assert f"PagerDuty could not be told of {INCIDENT}" in said
    assert "woken" not in said


def test_an_overdue_page_is_told_while_nobody_has_it() -> None:
    overdue = PageOverdue(due=NINE, says="due at 09:00")
    assert "is overdue" in text(told(life(overdue)))
    assert told(life(overdue, (ANN, Acknowledged())), of=1) is None


def test_only_what_is_in_the_table_is_posted_and_each_post_names_its_fact() -> None:
    kinds = {kind.fact for kind in POSTS}
    assert len(kinds) == len(POSTS)
    for event in events(EVERY_FACT):
        assert posted(event) is (type(event.fact) in kinds)
    history = life(SeveritySet(severity=Severity.SEV1, reason="x"), PageOverdue(due=NINE, says="due"))
    assert message(history[1], replay(history), zone=UTC_ZONE, now=NINE) is None
    made = message(history[2], replay(history), zone=UTC_ZONE, now=NINE)
    assert made is not None
    assert made["metadata"] == {
        "event_type": "mx_post",
        "event_payload": {"incident": INCIDENT, "fact": f"{INCIDENT}:3"},
    }


def test_whoever_is_given_an_incident_is_pinged_with_the_words_until_somebody_else_has_it() -> None:
    given = HandedOver(
        to="slack:U0BEN", summary=f"call back\n\n{EVIL}", lines=("On: 1 per second", "call back")
    )
    found = told(life((ANN, Acknowledged()), (ANN, given)))
    assert found is not None
    assert set(notifications(found)) == {"<@U0BEN>", "<@U0ANN>"}
    said = text(found)
    assert "you have" in said
    assert "> <!channel> <@U0EVIL> @here now" in said
    assert said.count("call back") == 1, "what the words say already is not said again"
    assert "• On: 1 per second" in said
    assert "I have it" in said
    assert told(life((ANN, given), (ANN, Acknowledged())), of=1) is None
    assert told(life((ANN, given), ("slack:U0BEN", given.model_copy(update={"to": ANN}))), of=1) is None
    assert told(life((ANN, given), (ANN, Resolved())), of=1) is None


def test_a_summary_of_any_length_fits_into_its_post() -> None:
    lines = tuple(f"On: {number} {EVIL}" for number in range(200))
    assert told(life((ANN, HandedOver(to="slack:U0BEN", summary="&<>" * 1000, lines=lines)))) is not None
    assert told(life(DaySummed(day=NINE.date(), says=f"open {EVIL}", lines=lines))) is not None


def test_the_days_summary_names_who_has_it_unless_they_want_quiet_and_only_the_latest_is_told() -> None:
    summed = DaySummed(day=NINE.date(), says=f"open for 2 days {EVIL}", lines=("Severity: SEV-2", EVIL))
    found = told(life((ANN, Acknowledged()), summed))
    assert found is not None
    assert set(notifications(found)) == {"<@U0ANN>"}
    assert "@U0ANN has it, since 09:01 UTC" in text(found)
    quiet = told(life((ANN, Snoozed(until=DUE, severity=None, reason="asleep")), summed))
    assert quiet is not None
    assert notifications(quiet) == ()
    assert "Somebody has it" in text(quiet)
    nobody = told(life(summed))
    assert nobody is not None
    assert notifications(nobody) == ()
    later = summed.model_copy(update={"day": NINE.date() + timedelta(days=1)})
    assert told(life(summed, later), of=1) is None
    assert told(life(summed, (ANN, Resolved())), of=1) is None
