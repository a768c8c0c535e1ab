"""A plan in words: whole in lines, and within Slack's limit in the confirmation."""

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gateway import ROUTE
from bot.domain.mitigation import Plan, PlannedStep
from bot.domain.plan import CONFIRM_LIMIT, confirm_text, plan_lines

LIMIT = PlannedStep(
    kind="gateway",
    title="Slow down",
    says="limit the gateway to 1 request per second",
    touches="412 requests under the rate",
    undo_says="end this lease and no other",
)
WATCH = PlannedStep(kind="verify-traffic", title="See", says="watch for up to 60 s", undo_says="")
FOR_EVER = PlannedStep(kind="page", title="Page", says="page the next in line", undo_says=None)


def plan_of(*steps: PlannedStep, warnings: tuple[str, ...] = ()) -> Plan:
    return Plan(playbook="p", title="Emergency rate limit", steps=steps, warnings=warnings, fingerprint="f")


def test_the_lines_hold_all_of_it() -> None:
    assert plan_lines(plan_of(LIMIT, WATCH, FOR_EVER, warnings=(ROUTE,))) == (
        "Emergency rate limit",
        "1. Limit the gateway to 1 request per second (412 requests under the rate)",
        "   undo: end this lease and no other",
        "2. Watch for up to 60 s",
        "3. Page the next in line",
        "   undo: it cannot be taken back",
        f"Note: {ROUTE}",
    )


def test_the_lines_hold_what_a_person_decides_by() -> None:
    advised = LIMIT.model_copy(update={"advice": ("0.8 a second leaves room for the rest",)})
    watched = WATCH.model_copy(update={"values": {"within_s": 60}, "timeout_s": 180.0})
    held = FOR_EVER.model_copy(update={"ask": "Page", "button": "Page Ben", "timeout_s": 630.0})
    plan = plan_of(advised, watched, held).model_copy(
        update={
            "params": {"rate": 1.5, "why": None, "hard": True},
            "touches": "All lanes.",
            "undo": "The lease ends.",
            "at_expiry": "keep",
            "second_person": True,
        }
    )
    assert plan_lines(plan) == (
        "Emergency rate limit",
        "1. Limit the gateway to 1 request per second (412 requests under the rate)",
        "   suggested: 0.8 a second leaves room for the rest",
        "   undo: end this lease and no other",
        "2. Watch for up to 60 s",
        "3. Page the next in line",
        '   waits for your go before it: "Page Ben"',
        "   undo: it cannot be taken back",
        "   given up after 10 min 30 s",
        "With: rate = 1.5, why = to be given, hard = yes",
        "Changes: All lanes.",
        "Taking it back: The lease ends.",
        "At its time's end: it is kept on, and somebody is paged",
        "It begins only when a second person has approved it in Slack (/mx approve)",
    )


def test_a_step_that_cannot_be_planned_has_its_title_and_mx_keeps_its_name() -> None:
    blind = PlannedStep(kind="key-wait", title="Wait for the new key", says="key-wait", undo_says="")
    ours = PlannedStep(kind="x", title="Take", says="mx takes the key", undo_says="", timeout_s=21600.0)
    assert plan_lines(plan_of(blind, ours))[1:] == (
        "1. Wait for the new key (cannot be planned yet)",
        "2. mx takes the key",
        "   given up after 6 h",
    )


def test_the_confirmation_holds_all_of_a_short_plan() -> None:
    text = confirm_text(plan_of(LIMIT, WATCH, warnings=(ROUTE,)))
    assert text.splitlines() == [
        "1. Limit the gateway to 1 request per second",
        "2. Watch for up to 60 s",
        f"Note: {ROUTE}",
        "Step 1: 412 requests under the rate",
    ]


def test_a_long_plan_is_cut_and_says_so() -> None:
    long = LIMIT.model_copy(update={"says": "do " * 80})
    text = confirm_text(plan_of(long, long))
    assert len(text) <= CONFIRM_LIMIT
    assert text.endswith("shortened; /mx run shows all of it")
    assert text.startswith("1. Do do")


@given(st.lists(st.text(max_size=400), max_size=6), st.lists(st.text(max_size=400), max_size=4))
def test_no_plan_is_longer_than_slack_takes(says: list[str], warnings: list[str]) -> None:
    steps = [LIMIT.model_copy(update={"says": text}) for text in says]
    assert len(confirm_text(plan_of(*steps, warnings=tuple(warnings)))) <= CONFIRM_LIMIT
