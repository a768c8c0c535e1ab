"""Playbooks: every fault of a file is told at once; a plan is what will be done; its fingerprint binds a button."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.diagnosis import PLAYBOOKS
from bot.domain.fact import Address
from bot.domain.gateway import ROUTE
from bot.domain.incident import AssessedAt, Incident
from bot.domain.mitigation import Lease
from bot.domain.oncall_state import OnCall
from bot.domain.plan import CONFIRM_LIMIT, confirm_text, plan_lines
from bot.domain.run import Run, StepState
from bot.errors import ConfigError
from bot.gateway_client import GatewayClient
from bot.planning import fingerprint, plan, remembered
from bot.playbook import SHIPPED, Playbook, by_kind, load, shipped
from bot.ports import Step
from bot.steps import step_kinds
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.wound_clock import WoundClock

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
INCIDENT = Incident(
    id="mx-20261123-7f3a",
    integration="default",
    version=3,
    channel="C1",
    opened_at=AT,
    oncall=OnCall(clock_from=AT),
    opened_by="mx",
    requested_at=AT,
    requested_by="slack:U1",
)
LEASE = Lease(
    id="run-1", run="run-1", playbook="rate-limited", says="slow", owner="slack:U1", reason="r", since=AT
)


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayStandIn]:
    async with GatewayStandIn(WoundClock()).serve() as standin:
        yield standin


@pytest.fixture
async def steps(gateway: GatewayStandIn) -> AsyncIterator[Mapping[str, Step]]:
    async with GatewayClient.open(gateway.url, token=TOKEN, deadline_s=10) as client:
        yield by_kind(step_kinds(client, WoundClock()))


@pytest.fixture
def playbook(steps: Mapping[str, Step]) -> Playbook:
    return shipped(steps)["rate-limited"]


def run_of(playbook: Playbook, *states: StepState, **changes: object) -> Run:
    run = Run(
        id="run-1",
        playbook=playbook.name,
        mode="apply",
        undoes=None,
        requested_by="slack:U1",
        requested_at=AT,
        address=Address(),
        steps=states,
    )
    return replace(run, **changes)  # type: ignore[arg-type] # the fields of the run


async def test_the_shipped_playbook_is_what_the_runbook_says(playbook: Playbook) -> None:
    assert (playbook.button, playbook.fits) == ("Enable emergency rate limit", ("rate-limited",))
    assert [(step.kind, step.values) for step in playbook.filled({})] == [
        ("gateway", {"rate_per_s": 1.0, "paused_jobs": ["asset-sync", "report-generator"], "ttl_s": 3600}),
        ("verify-traffic", {"answered": 5, "within_s": 60}),
    ]


async def test_findings_name_the_playbooks_that_say_they_fit(steps: Mapping[str, Step]) -> None:
    fits = {(rule, name) for name, book in shipped(steps).items() for rule in book.fits}
    assert fits == {(rule, name) for rule, names in PLAYBOOKS.items() for name in names}


def test_every_file_in_the_folder_ships() -> None:
    folder = Path(__file__).parent.parent / "bot" / "playbooks"
    assert {path.stem for path in folder.glob("*.toml")} == set(SHIPPED)


async def test_the_example_of_the_manual_is_the_playbook_that_ships(
    steps: Mapping[str, Step], playbook: Playbook
) -> None:
    manual = (Path(__file__).parent.parent / "docs" / "playbooks.md").read_text("utf-8")
    example = manual.partition("```toml\n")[2].partition("```")[0]
    assert load(example, source="docs/playbooks.md", steps=steps) == playbook
    assert all(f"### `{kind}`" in manual for kind in steps)


async def test_every_fault_is_told_with_its_place(steps: Mapping[str, Step]) -> None:
    text = """
    name = "Rate Limited"
    titel = "x"
    button = ""
    fits = "rate-limited"
    [[steps]]
    kind = "gatway"
    [[steps]]
    kind = "gateway"
    rate_per_s = 0
    title = 3
    """
    with pytest.raises(ConfigError) as refused:
        load(text, source="mine.toml", steps=steps)
    assert refused.value.faults == (
        (
            "mine.toml:3: titel: there is no such key; write one of name, title, button, when, fits, touches, undo, "
            "who, at_expiry, second_person, needs_key, params, steps"
        ),
        "mine.toml:2: name: write small letters, digits and hyphens, such as rate-limited",
        "mine.toml: title: write what it does in a few words",
        "mine.toml:4: button: write the words of its button",
        "mine.toml: when: write a sentence that says when it fits",
        'mine.toml:5: fits: write a list of rules, such as ["rate-limited"]; [] offers it on no finding',
        f"mine.toml:7: steps[0].kind: 'gatway' is no kind; write one of {', '.join(sorted(steps))}",
        "mine.toml:11: steps[1].title: write a text",
        "mine.toml:10: steps[1].rate_per_s: 0 does not fit; write a number from 0.01 to 1000",
    )


@pytest.mark.parametrize("written", ["", "steps = []", "steps = 3", "steps = [1]"])
async def test_a_playbook_has_steps(steps: Mapping[str, Step], written: str) -> None:
    text = f'name = "a"\ntitle = "A"\nbutton = "A"\nwhen = "Ever."\nfits = []\n{written}'
    with pytest.raises(ConfigError, match=r"steps: write at least one \[\[steps\]\] table"):
        load(text, source="mine.toml", steps=steps)


async def test_what_is_not_toml_is_told_with_its_line(steps: Mapping[str, Step]) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml:2: it is not TOML: .*line 2"):
        load('name = "a"\ntitle = = 1\n', source="mine.toml", steps=steps)


async def test_a_step_without_a_title_has_its_kind(steps: Mapping[str, Step]) -> None:
    text = 'name="a"\ntitle="A"\nbutton="A"\nwhen="Ever."\nfits=[]\n[[steps]]\nkind="gateway"\nrate_per_s=2'
    assert load(text, source="mine.toml", steps=steps).steps[0].title == "gateway"


async def test_the_plan_says_all_and_its_confirmation_fits(
    steps: Mapping[str, Step], playbook: Playbook, gateway: GatewayStandIn
) -> None:
    gateway.traffic(200, times=375)
    gateway.traffic(429, lane="asset-sync", times=37)
    made = await plan(playbook, steps, incident=INCIDENT, actor="slack:U1", run="run-1")
    assert made.fingerprint == fingerprint(playbook, incident=INCIDENT)
    limiting = (
        "Limit the gateway to 1 request per second and pause asset-sync and report-generator, for 60 minutes"
    )
    felt = "last hour: 412 requests under the rate; asset-sync 37, report-generator 0 paused"
    watching = "Watch up to 60 s for 5 answers in a row without a 429"
    answers = "last hour: 37 of 412 answers were 429"
    assert plan_lines(made) == (
        "Emergency rate limit",
        f"1. {limiting} ({felt})",
        "   undo: end this lease and no other",
        f"2. {watching} ({answers})",
        "With: rate_per_s = 1",
        f"Changes: {playbook.touches}",
        f"Taking it back: {playbook.undo}",
    )
    shown = confirm_text(made)
    assert len(shown) <= CONFIRM_LIMIT
    assert shown.splitlines() == [f"1. {limiting}", f"2. {watching}", f"Step 1: {felt}", f"Step 2: {answers}"]


async def test_no_traffic_is_in_the_plan_once_and_in_the_confirmation(
    steps: Mapping[str, Step], playbook: Playbook
) -> None:
    made = await plan(playbook, steps, incident=INCIDENT, actor="slack:U1")
    assert made.warnings == (ROUTE,)
    assert f"Note: {ROUTE}" in confirm_text(made)


async def test_a_kind_that_is_gone_is_a_warning(playbook: Playbook) -> None:
    made = await plan(playbook, {}, incident=INCIDENT, actor="slack:U1")
    assert len(made.steps) == 2
    assert "no step of the kind gateway" in made.warnings[0]


async def test_the_undo_takes_back_what_was_begun_the_latest_first(
    steps: Mapping[str, Step], playbook: Playbook
) -> None:
    made = await plan(playbook, steps, incident=INCIDENT, actor="slack:U1", run="run-1")
    before: Mapping[str, JsonValue] = {"rate_per_s": 4.0, "paused_jobs": [], "leases": []}
    run = run_of(
        playbook,
        StepState(index=0, state="done", before=before),
        StepState(index=1, state="failed"),
        plan=made,
    )
    incident = replace(INCIDENT, runs=(run,), leases=(LEASE,))
    assert run.to_undo == (0,)
    undo = await plan(playbook, steps, incident=incident, actor="slack:U2", mode="undo", undoes="run-1")
    assert (undo.title, undo.mode, undo.undoes) == ("Undo: Emergency rate limit", "undo", "run-1")
    (step,) = undo.steps
    limit = "gateway at 1 request per second; asset-sync and report-generator paused"
    assert step.says == f"end this limit: {limit}. Before it: 4 requests per second"
    # The file of the playbook may have changed or gone since: what was done is what is taken back.
    again = await plan(
        remembered(run), steps, incident=incident, actor="slack:U2", mode="undo", undoes="run-1"
    )
    assert (again.steps, again.fingerprint) == (undo.steps, undo.fingerprint)


async def test_what_cannot_be_taken_back_is_said(steps: Mapping[str, Step], playbook: Playbook) -> None:
    made = await plan(playbook, steps, incident=INCIDENT, actor="slack:U1", run="run-1")
    lasting = made.model_copy(update={"steps": (made.steps[0].model_copy(update={"undo_says": None}),)})
    run = run_of(playbook, StepState(index=0, state="done"), plan=lasting)
    undo = await plan(
        playbook,
        steps,
        incident=replace(INCIDENT, runs=(run,)),
        actor="slack:U2",
        mode="undo",
        undoes="run-1",
    )
    assert undo.steps == ()
    assert "cannot be taken back" in undo.warnings[0]


async def test_the_undo_of_what_was_never_begun_is_empty(
    steps: Mapping[str, Step], playbook: Playbook
) -> None:
    incident = replace(INCIDENT, runs=(run_of(playbook),))
    undo = await plan(playbook, steps, incident=incident, actor="slack:U2", mode="undo", undoes="run-1")
    assert (undo.steps, undo.warnings) == ((), ("nothing was started, so there is nothing to take back",))


async def test_the_fingerprint_changes_with_what_would_be_done_and_with_nothing_else(
    playbook: Playbook,
) -> None:
    first = fingerprint(playbook, incident=INCIDENT)

    def assessed(*rules: str, fits: str = "rate-limited") -> Incident:
        findings = tuple(
            Finding(
                rule=rule,
                severity=Severity.SEV2,
                verdict="maintainx",
                symptom="s",
                cause="c",
                check="k",
                evidence=(),
                playbooks=(fits,),
            )
            for rule in rules
        )
        assessment = Assessment(
            integration="default",
            at=AT,
            severity=Severity.SEV2,
            verdict="maintainx",
            response_due=None,
            findings=findings,
            readings=(),
            blind_spots=(),
            playbooks=(fits,),
        )
        return replace(INCIDENT, assessments=(AssessedAt(AT, assessment),))

    limited = fingerprint(playbook, incident=assessed("rate-limited"))
    values = playbook.steps[0].model_copy(update={"values": {"rate_per_s": 2.0}})
    changed = {
        first,
        limited,
        fingerprint(playbook, incident=replace(INCIDENT, leases=(LEASE,))),
        fingerprint(playbook, incident=replace(INCIDENT, runs=(run_of(playbook),))),
        fingerprint(playbook.model_copy(update={"steps": (values, playbook.steps[1])}), incident=INCIDENT),
        fingerprint(playbook, incident=INCIDENT, mode="undo", undoes="run-1"),
    }
    assert len(changed) == 6
    same = {
        first,
        fingerprint(playbook, incident=replace(INCIDENT, version=99, acknowledged_by="slack:U5")),
        fingerprint(playbook, incident=replace(INCIDENT, runs=(run_of(playbook, outcome="failed"),))),
        fingerprint(playbook, incident=assessed("other", fits="another-playbook")),
    }
    assert same == {first}
    later = assessed("rate-limited", "slow")
    assert fingerprint(playbook, incident=later) != limited
    expiring = LEASE.model_copy(update={"expires_at": AT + timedelta(hours=1)})
    assert fingerprint(playbook, incident=replace(INCIDENT, leases=(LEASE,))) == fingerprint(
        playbook, incident=replace(INCIDENT, leases=(expiring,))
    )
