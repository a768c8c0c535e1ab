"""Runs that wait for people, in Slack: approval, a go, retry, skip, stop; parameters and a new key in the dialog."""

from collections.abc import Mapping
from pathlib import Path

from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.domain import events as e
from bot.domain.run import Run
from bot.playbook import Playbook, load
from bot.ports import Step
from bot.runner import Runner
from tests.slack import rig as rigs
from tests.slack.rig import Rig

HEAD = 'title = "{0}"\nbutton = "Do {0}"\nwhen = "Ever."\nfits = ["rate-limited"]\n'
LIMIT = '[[steps]]\nkind = "gateway"\nrate_per_s = {}\n'
WATCH = '[[steps]]\nkind = "verify-traffic"\nanswered = 1\nwithin_s = 5\n'
KEY = "mx-new-key-0123456789"


def own(steps: Mapping[str, Step]) -> Mapping[str, Playbook]:
    """Playbooks of a team's own that wait for people."""
    texts = (
        f'name = "agreed"\nsecond_person = true\n{HEAD.format("Agreed")}{LIMIT.format(1.0)}',
        f'name = "held"\n{HEAD.format("Held")}{LIMIT.format(1.0)}{WATCH}ask = "Watch it now"\n',
        (
            f'name = "chosen"\n{HEAD.format("Chosen")}[params.rate]\ntype = "number"\ntitle = "Requests per second"\n'
            f"default = 1.0\nlow = 0.1\nhigh = 10\n{LIMIT.format(chr(34) + '{rate}' + chr(34))}"
        ),
        (
            f'name = "asked"\n{HEAD.format("Asked")}[params.rate]\ntype = "number"\ntitle = "Requests per second"\n'
            f"low = 0.1\n{LIMIT.format(chr(34) + '{rate}' + chr(34))}"
        ),
        f'name = "key"\nneeds_key = true\n{HEAD.format("Key")}{LIMIT.format(1.0)}',
    )
    found = [load(text, source="own.toml", steps=steps) for text in texts]
    return {one.name: one for one in found}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def runner(rig: Rig) -> Runner:
    playbooks = rig.edge.playbooks
    return Runner(
        rig.timeline,
        rig.clock,
        playbooks=playbooks,
        steps=rig.steps,
        epoch=lambda: 0,
        handover=rig.edge.handover,
    )


async def drain(rig: Rig) -> None:
    while await runner(rig).advance():
        pass


async def card(rig: Rig) -> Message:
    rig.clock.wind(31)
    await rig.cards.step()
    return rig.slack.messages(rig.channel)[-1]


async def text(rig: Rig) -> str:
    return "\n".join(render(await card(rig), width=10_000))


async def run_of(rig: Rig, stream: str) -> Run:
    return (await rig.incident(stream)).runs[-1]


async def started(rig: Rig, name: str, values: Mapping[str, str] | None = None) -> str:
    """An incident, and Ann's run of this playbook in it."""
    incident = await rig.open()
    await rig.slack.command(rig.ann, rig.channel, "/mx", f"run {name}")
    await rig.slack.dialog(rig.ann)
    await rig.send(rig.ann, values)
    return incident.id


async def test_somebody_else_approves_on_the_card(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        stream = await started(rig, "agreed")
        await drain(rig)
        shown = await text(rig)
        assert "Waits for a second person" in shown
        message = await card(rig)
        await rig.slack.click(rig.ann, rig.channel, message.ts, "Approve agreed")
        await rig.drain()
        told = "\n".join(render(rig.slack.ephemerals(rig.ann, rig.channel)[-1], width=300))
        assert "You asked for agreed yourself" in told
        click = await rig.slack.click(rig.ben, rig.channel, message.ts, "Approve agreed")
        assert click.confirm is not None
        assert (await run_of(rig, stream)).approved_by == f"slack:{rig.ben}"
        await drain(rig)
        assert f"Approved by @{rig.ben}" in await text(rig)
        assert len(rig.gateway.leases) == 1


async def test_somebody_declines_with_a_reason(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        stream = await started(rig, "agreed")
        message = await card(rig)
        await rig.slack.click(rig.ben, rig.channel, message.ts, "Decline")
        await rig.send(rig.ben, {"Why? It stands in the report.": "wait for the vendor"})
        await drain(rig)
        run = await run_of(rig, stream)
        assert (run.outcome, run.says) == ("refused", f"Not begun: slack:{rig.ben}: wait for the vendor.")
        assert "wait for the vendor" in await text(rig)


async def test_a_held_step_has_a_button_with_its_own_words(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        stream = await started(rig, "held")
        rig.gateway.traffic(200, times=20)
        await drain(rig)
        message = await card(rig)
        assert "Waits for your go: Watch it now" in "\n".join(render(message, width=10_000))
        click = await rig.slack.click(rig.ben, rig.channel, message.ts, "Watch it now")
        assert click.confirm is not None
        assert "Watch up to 5 s for 1 answers in a row without a 429." in click.confirm.text
        again = await rig.slack.click_stale(rig.ann, rig.channel, message.ts, "Watch it now", version=-1)
        assert again.error is None
        run = await run_of(rig, stream)
        assert run.released == frozenset({1})
        kinds = [event.fact.kind for event in await rig.timeline.history(stream)]
        assert kinds.count("step_released") == 1


async def test_a_step_that_stopped_its_run_is_tried_again_or_passed_over(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        stream = await started(rig, "held")
        rig.gateway.broken = 503
        await drain(rig)
        assert (await run_of(rig, stream)).outcome == "failed"
        message = await card(rig)
        assert "Step 1 stopped it: try it again, pass it over with a reason, or take it back" in await text(
            rig
        )
        await rig.slack.click(rig.ann, rig.channel, message.ts, "Try step 1 again")
        await drain(rig)
        assert (await run_of(rig, stream)).resumed == 1
        message = await card(rig)
        await rig.slack.click(rig.ben, rig.channel, message.ts, "Pass step 1 over")
        await rig.send(rig.ben, {"Why? It stands in the report.": "done by hand"})
        await drain(rig)
        run = await run_of(rig, stream)
        assert (run.held, run.steps[0].state) == (1, "skipped")
        assert f"passed over by slack:{rig.ben}: done by hand" in run.steps[0].says


async def test_stop_ends_what_is_going(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        stream = await started(rig, "held")
        rig.gateway.traffic(200, times=20)
        await drain(rig)
        outcome = await rig.slack.command(rig.ben, rig.channel, "/mx", "stop")
        assert outcome.message is not None
        assert f"{stream}: held ends after the step under way." in outcome.message.text
        await drain(rig)
        run = await run_of(rig, stream)
        assert run.outcome == "interrupted"
        assert "Not done: step 2" in run.says


async def test_other_parameters_than_the_shown_ones_show_their_plan_first(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        incident = await rig.open()
        message = await card(rig)
        await rig.press(rig.ann, message.ts, "Do Chosen", send=False)
        assert "1 request per second" in rig.shown(rig.ann)
        view = rig.slack.views(rig.ann)[-1]
        refused = await rig.slack.submit_view(rig.ann, view.id, {"Requests per second": "a lot"})
        assert list(refused.errors.values()) == ["'a lot' does not fit; write a number from 0.1 to 10"]
        await rig.send(rig.ann, {"Requests per second": "2.5"})
        await rig.slack.dialog(rig.ann)
        assert (await rig.incident(incident.id)).runs == ()
        assert "2.5 requests per second" in rig.shown(rig.ann)
        assert "has changed since it was shown" in rig.shown(rig.ann)
        await rig.send(rig.ann)
        run = await run_of(rig, incident.id)
        assert run.params == {"rate": 2.5}
        await drain(rig)
        assert [lease["rate_per_s"] for lease in rig.gateway.leases.values()] == [2.5]


async def test_a_parameter_without_a_default_is_asked_for_before_there_is_a_plan(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        incident = await rig.open()
        await rig.slack.command(rig.ann, rig.channel, "/mx", "run asked")
        await rig.slack.dialog(rig.ann)
        assert "Show the plan" in rig.shown(rig.ann)
        await rig.send(rig.ann, {"Requests per second": "3"})
        await rig.slack.dialog(rig.ann)
        assert "3 requests per second" in rig.shown(rig.ann)
        assert (await rig.incident(incident.id)).runs == ()
        await rig.send(rig.ann)
        assert (await run_of(rig, incident.id)).params == {"rate": 3}


async def test_a_new_key_goes_to_the_one_who_acts_and_is_nowhere_else(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        stream = await started(rig, "key", {"The new API key": KEY})
        run = await run_of(rig, stream)
        assert run.ticket is not None
        held = rig.edge.handover.look(run.ticket)
        assert held is not None
        assert held.get_secret_value() == KEY
        await drain(rig)
        await text(rig)
        assert rig.edge.handover.look(run.ticket) is None
        assert all(KEY not in event.model_dump_json() for event in await rig.timeline.since(0))
        assert all(KEY not in str(call) for call in rig.slack.calls)
        assert files(tmp_path)
        assert all(KEY.encode() not in path.read_bytes() for path in files(tmp_path))


async def test_a_key_that_is_typed_for_a_plan_that_has_changed_has_to_be_typed_again(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, own=own) as rig:
        incident = await rig.open()
        message = await card(rig)
        await rig.press(rig.ann, message.ts, "Do Key", send=False)
        fact = e.RunRequested(run="other", playbook="another")
        await rig.timeline.append(e.Draft(stream=incident.id, actor="cli:x@y", at=rig.clock.now(), fact=fact))
        await rig.send(rig.ann, {"The new API key": KEY})
        await rig.slack.dialog(rig.ann)
        assert "has changed" in rig.shown(rig.ann)
        assert KEY not in rig.shown(rig.ann)
        assert files(tmp_path / "mx.db-handover") == []
        view = rig.slack.views(rig.ann)[-1]
        missing = await rig.slack.submit_view(rig.ann, view.id)
        assert list(missing.errors.values()) == ["Please complete this required field."]
