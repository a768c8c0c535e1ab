"""What people put on the timeline is folded into what stands there now."""

from datetime import timedelta

from bot.domain.events import AnyFact, IncidentOpened
from bot.domain.fold import replay
from bot.domain.incident import Incident
from bot.domain.notebook import (
    ActionAdded,
    ActionChanged,
    ActionTicked,
    DaySummed,
    HandedOver,
    KeptMessageChanged,
    KeptMessageRemoved,
    MessageKept,
)
from tests.facts import NINE, PERSON, events

KEPT = MessageKept(channel="C1", message="1.1", author="slack:U9", said_at=NINE, text="first", by="shortcut")


def incident(*facts: AnyFact) -> Incident:
    return replay(events((IncidentOpened(integration="default"), *facts)))


def test_a_kept_message_follows_its_edits_until_it_is_gone() -> None:
    changed = KeptMessageChanged(channel="C1", message="1.1", text="second", edited_at=NINE)
    found = incident(KEPT, changed)
    kept = found.notebook.find("C1", "1.1")
    assert kept is not None
    assert (kept.text, kept.edited_at, kept.kept_by, kept.fact.text) == ("second", NINE, PERSON, "first")
    assert found.notebook.find("C2", "1.1") is None

    gone = incident(KEPT, KeptMessageRemoved(channel="C1", message="1.1", cause="deleted"), changed)
    assert gone.notebook.find("C1", "1.1") is None
    assert [(one.text, one.removed) for one in gone.notebook.kept] == [("first", "deleted")]


def test_a_message_that_is_kept_again_is_followed_again() -> None:
    removed = KeptMessageRemoved(channel="C1", message="1.1", cause="unkept")
    again = incident(KEPT, removed, KEPT).notebook
    kept = again.find("C1", "1.1")
    assert kept is not None
    assert kept.version == 4
    assert [one.removed for one in again.kept] == ["unkept", ""]


def test_a_hand_over_makes_the_other_the_owner() -> None:
    found = incident(HandedOver(to="slack:U2", summary="watch the backlog"))
    assert found.acknowledged_by == "slack:U2"
    assert found.acknowledged_at == NINE + timedelta(minutes=1)
    assert [(one.by, one.fact.to) for one in found.notebook.handed] == [(PERSON, "slack:U2")]


def test_an_action_item_reads_as_it_was_changed_last_and_a_suggested_one_can_be_ticked() -> None:
    found = incident(
        ActionAdded(item="a-1", text="alert on 429"),
        ActionChanged(item="a-1", text="alert on 429 in 5 minutes", assignee="slack:U2", due=NINE.date()),
        ActionTicked(item="a-1", done=True, text="alert on 429 in 5 minutes"),
        ActionTicked(item="no-alert", done=True, text="somebody noticed before mx did"),
    )
    ours, suggested = found.notebook.items
    assert (ours.text, ours.assignee, ours.due, ours.done, ours.added_by) == (
        "alert on 429 in 5 minutes",
        "slack:U2",
        NINE.date(),
        True,
        PERSON,
    )
    assert (suggested.id, suggested.done, suggested.added_by) == ("no-alert", True, None)


def test_the_latest_day_with_a_summary_is_known() -> None:
    day = NINE.date()
    found = incident(DaySummed(day=day, says="x"), DaySummed(day=day - timedelta(days=1), says="late"))
    assert found.notebook.summed == day
