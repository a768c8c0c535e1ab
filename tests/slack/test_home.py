"""App Home: what is open, what is on and since when the rest is well; kept true, within Slack's limits, for who may see it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.demo.slack.blockkit import home_faults
from bot.demo.slack.render import render_view
from bot.domain import events as e
from bot.domain.authority import Authority, Standing
from bot.domain.book import Book
from bot.domain.gap import Gap
from bot.domain.integration import Integration
from bot.domain.mitigation import Lease
from bot.domain.watching import GapsOpened, WatchMoved
from bot.slack import homes, homeview
from bot.slack.homeview import Board
from tests.domain import made
from tests.slack import rig as rigs
from tests.slack.forms_scene import kinds, text
from tests.slack.rig import DUTY, Rig, rate_limited

AT = made.AT


async def opened(rig: Rig, user: str) -> str:
    """Open the tab, and what it shows then."""
    await rig.slack.open_home(user)
    await rig.drain()
    return await shown(rig, user)


async def shown(rig: Rig, user: str) -> str:
    """What the tab shows once the follower has looked."""
    rig.clock.wind(60)
    await rig.homes.step()
    view = rig.slack.home(user)
    return "\n".join(render_view(view, width=10_000)) if view else ""


async def tell(rig: Rig, incident: str, *facts: e.AnyFact) -> None:
    """Append facts of mx's own."""
    now = rig.clock.now()
    await rig.timeline.append(*(e.Draft(stream=incident, actor="mx", at=now, fact=fact) for fact in facts))


async def on(rig: Rig, incident: str) -> None:
    """A rate limit is on, and data may be missing."""
    now = rig.clock.now()
    lease = Lease(
        id="run-1",
        run="run-1",
        playbook="rate-limited",
        says="1 request per second",
        owner=f"slack:{rig.ann}",
        reason="429",
        since=now,
        expires_at=now + timedelta(hours=1),
    )
    asked = e.RunRequested(run="run-1", playbook="rate-limited", fingerprint=None)
    done = e.StepFinished(run="run-1", index=0, outcome="done", says="on", started=lease)
    over = e.RunFinished(run="run-1", outcome="done", says="on")
    gap = Gap(id="g", entity="/assets", direction="in", since=now)
    await tell(rig, incident, asked, done, over, GapsOpened(gaps=(gap,)))


async def test_it_shows_what_is_open_what_is_on_and_until_when_somebody_must_answer(rig: Rig) -> None:
    assert "No incident is open" in await opened(rig, rig.ann)
    incident = await rig.open()
    await on(rig, incident.id)
    seen = await shown(rig, rig.ann)
    assert "One incident is open" in seen
    assert "SEV-2 · all 4 endpoints answered 429" in seen
    assert "default · open for less than an hour, since" in seen
    assert "Who has it: nobody yet · respond by" in seen
    assert f"On: 1 request per second (rate-limited), by @{rig.ann} since" in seen
    assert "Data may be missing: assets from MaintainX since" in seen
    assert f"default: {incident.id} is open" in seen
    for button in ("Acknowledge", "Triage again", "Report", "Note…", "Severity…", "Hand over…"):
        assert f"[ {button} ]" in seen
    assert "[ Undo: Emergency rate limit ]" in seen


async def test_it_is_published_anew_when_something_changes_and_not_otherwise(rig: Rig) -> None:
    await opened(rig, rig.ann)
    calls = rig.edge.api.calls.value("views.publish", "ok")
    for _ in range(5):
        await shown(rig, rig.ann)
    assert rig.edge.api.calls.value("views.publish", "ok") == calls
    await rig.open()
    assert "One incident is open" in await shown(rig, rig.ann)
    assert rig.edge.api.calls.value("views.publish", "ok") == calls + 1


async def test_its_buttons_work_without_a_channel_and_answer_in_a_dialog(rig: Rig) -> None:
    incident = await rig.open()
    await opened(rig, rig.ann)
    await rig.slack.click_home(rig.ann, "Acknowledge")
    assert (await rig.incident(incident.id)).acknowledged_by == f"slack:{rig.ann}"
    assert f"Who has it: @{rig.ann}" in await shown(rig, rig.ann)
    await rig.slack.click_home(rig.ann, "Note…")
    dialog = await rig.slack.dialog(rig.ann)
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {"value": "from home"})
    assert (sent.error, sent.errors, sent.view) == (None, {}, None)
    await rig.slack.click_home(rig.ann, "Triage again")
    await rig.drain()
    assert "Looking at both sides again" in rig.shown(rig.ann)
    await rig.slack.close_view(rig.ann, rig.slack.views(rig.ann)[-1].id)
    await rig.slack.click_home(rig.ann, "Report")
    await rig.drain()
    assert "follows in a few seconds" in rig.shown(rig.ann)
    found = await rig.timeline.history(incident.id)
    (asked,) = [event.fact for event in found if isinstance(event.fact, e.TriageRequested)]
    assert asked.address.channel == rig.channel
    assert {"note_added", "report_requested"} <= set(await kinds(rig, incident.id))


async def test_what_is_on_can_be_taken_back_from_there(rig: Rig) -> None:
    incident = await rig.open()
    await on(rig, incident.id)
    await opened(rig, rig.ann)
    await rig.slack.click_home(rig.ann, "Undo: Emergency rate limit")
    dialog = await rig.slack.dialog(rig.ann)
    assert "Undo" in text(dialog)
    sent = await rig.slack.submit_view(rig.ann, dialog.id)
    assert (sent.error, sent.errors) == (None, {})
    (undo,) = [run for run in (await rig.incident(incident.id)).runs if run.mode == "undo"]
    assert (undo.undoes, undo.requested_by) == ("run-1", f"slack:{rig.ann}")


async def test_a_run_with_several_things_on_has_one_undo(rig: Rig) -> None:
    incident = await rig.open()
    await on(rig, incident.id)
    now = rig.clock.now()
    second = Lease(
        id="run-1:1", run="run-1", playbook="rate-limited", says="asset-sync paused", owner=f"slack:{rig.ann}",
        reason="429", since=now, expires_at=None,
    )  # fmt: skip
    await tell(
        rig, incident.id, e.StepFinished(run="run-1", index=1, outcome="done", says="on", started=second)
    )
    seen = await opened(rig, rig.ann)
    assert "On: asset-sync paused" in seen
    assert seen.count("[ Undo: ") == 1


async def test_a_refusal_is_told_in_a_dialog(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, authority=lambda people: Authority((people[0],), ())) as rig:
        incident = await rig.open()
        await opened(rig, rig.ben)
        await rig.slack.click_home(rig.ben, "Hand over…")
        await rig.drain()
        assert "Only responders may hand an incident over" in rig.shown(rig.ben)
        await rig.prove(incident)
        await rig.slack.command(rig.ann, rig.channel, "/mx", "resolve")
        await rig.slack.click_home(rig.ben, "Acknowledge")
        await rig.drain()
        assert "was resolved" in rig.shown(rig.ben)


async def test_a_guest_and_an_outsider_read_who_may_and_nothing_of_an_incident(rig: Rig) -> None:
    await rig.open()
    for role, what in (("guest", "a guest"), ("outsider", "from another workspace")):
        who = rig.slack.add_user(role, role=role)  # type: ignore[arg-type] # both are roles
        seen = await opened(rig, who)
        assert f"You are {what} here" in seen
        assert "Who may act: full members of" in seen
        assert "SEV-2" not in seen
        assert "Acknowledge" not in seen
    named = homeview.plain(Standing(guest=True), Authority(("U1",), ()), ())
    assert "Who may act: <@U1>." in str(named)


async def test_a_restarted_bot_goes_on_with_whoever_had_it_open(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as first:
        await opened(first, first.ann)
        async with rigs.rig(tmp_path, slack=first.slack, channel=first.channel) as second:
            await second.open()
            assert "One incident is open" in await shown(second, first.ann)


async def test_only_the_latest_fifty_of_a_day_are_kept_true(rig: Rig) -> None:
    await rig.homes.opened("U0OLD")
    rig.clock.wind(homes.LATELY.total_seconds() + 1)
    people = [rig.slack.add_user(f"P{number}") for number in range(homes.PEOPLE + 3)]
    for person in people:
        await rig.homes.opened(person)
        rig.clock.wind(1)
    assert await rig.homes.step() == homes.PEOPLE
    noted = await rig.replies.all_shown("home:")
    assert set(noted) == {f"home:{person}" for person in people[3:]}


async def test_while_slack_is_away_it_waits_and_then_shows_the_latest(rig: Rig) -> None:
    await opened(rig, rig.ann)
    await rig.open()
    rig.slack.mischief.limit("views.publish", 45)
    await rig.homes.step()
    rig.clock.wind(10)
    await rig.homes.step()
    view = rig.slack.home(rig.ann)
    assert view is not None
    assert "No incident is open" in text(view)
    assert "One incident is open" in await shown(rig, rig.ann)


@pytest.mark.parametrize("count", [0, 1, 12, 200])
def test_slack_takes_it_however_much_there_is(count: int) -> None:
    """Names and findings with everything that Slack parses, leases by the dozen, two hundred integrations."""
    book, seq = Book(), 0
    specs = {}
    for number in range(count):
        name, stream = f"integration-{number:03}", f"mx-20261123-{number:04x}"
        specs[name] = Integration(
            name=name, base_url="https://x.test/v1", status_url="https://x.test", watch=number % 2 == 0
        )
        facts: list[e.AnyFact] = [
            e.IncidentOpened(integration=name, requested_by="slack:U1", requested_at=AT),
            e.Assessed(assessment=rate_limited()),
        ]
        for index in range(30 if number < 3 else 0):
            lease = Lease(
                id=f"{number}-{index}",
                run=f"{number}-{index}",
                playbook=f"play-{index}",
                says="<!channel> & <@U0EVIL> " + "x" * 300,
                owner="slack:U1",
                reason="x",
                since=AT,
                expires_at=None,
            )
            facts.append(e.StepFinished(run=lease.run, index=0, outcome="done", says="on", started=lease))
        if number % 3 == 2:
            facts.append(e.Resolved())
        for version, fact in enumerate(facts, 1):
            seq += 1
            book.apply(
                e.Event(
                    seq=seq, stream=stream, version=version, actor="slack:U1", at=AT, recorded_at=AT,
                    key=None, fact=fact, hash=f"{seq:064x}",
                )
            )  # fmt: skip
    board = Board(
        book, specs, DUTY, datetime(2026, 11, 25, tzinfo=UTC), link=lambda _: "https://x.test/a?b=<c>"
    )
    view = homeview.home(board, drawn="now")
    assert home_faults(view) == []
    assert "<!channel>" not in str(view)
    if count == 200:
        assert "and 160 more" in str(view)
        assert "more: `/mx status`" in str(view)


async def test_it_says_of_each_integration_how_it_is_watched(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, names=("default", "payroll")) as rig:
        moved = WatchMoved(integration="payroll", was=None, now="well", since=rig.clock.now(), says="well")
        draft = e.Draft(stream=e.desk("payroll"), actor="mx", at=rig.clock.now(), fact=moved)
        await rig.timeline.append(draft)
        seen = await opened(rig, rig.ann)
        assert "default: not looked at yet" in seen
        assert "payroll: well since" in seen
        incident = await rig.open()
        await rig.prove(incident)
        await rig.slack.command(rig.ann, rig.channel, "/mx", "resolve")
        assert f", by @{rig.ann}" in (await shown(rig, rig.ann)).split("Resolved lately")[1]
