"""Each fact is of one sort, and each sort is a filter."""

from bot.web.sorts import LABELS, SORTS, sort_of
from tests.facts import EVERY_FACT


def test_every_kind_of_fact_has_a_sort_and_every_sort_has_facts() -> None:
    by_kind = {fact.kind: sort_of(fact) for fact in EVERY_FACT}
    assert set(by_kind.values()) == set(SORTS) == set(LABELS)
    assert by_kind["note_added"] == by_kind["message_kept"] == by_kind["handed_over"] == "people"
    assert by_kind["step_finished"] == by_kind["run_approved"] == by_kind["lease_ended"] == "mitigations"
    assert by_kind["page_sent"] == by_kind["response_reminded"] == "pages"
    assert by_kind["assessed"] == by_kind["watch_moved"] == "probes"
    assert by_kind["card_posted"] == by_kind["incident_opened"] == "mx"
