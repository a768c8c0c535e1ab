"""A run on the card: each step with its mark, what it waits for, and the buttons by which a person goes on. Pure."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo

from bot.domain.incident import Incident
from bot.domain.mitigation import PlannedStep
from bot.domain.open_points import stuck, ways_on
from bot.domain.run import Run, StepState
from bot.slack import blocks
from bot.slack.clocktime import clock
from bot.slack.limits import Block, Mrkdwn, person, say
from bot.slack.planview import approval_dialog, go_dialog
from bot.slack.press import Act, Press

_MARKS = {
    "waiting": "▫",
    "started": "▸",
    "done": "✓",
    "failed": "✗",
    "interrupted": "‼",
    "inconclusive": "~",
    "skipped": "↷",
}
_DOING = {"apply": "Playbook", "undo": "Undo of", "extend": "Keeping on"}


def lines(incident: Incident, run: Run, zone: tzinfo) -> Iterator[Mrkdwn]:
    """The run, step by step, and what it waits for."""
    at, state = clock(run.requested_at, zone), run.outcome or "running"
    yield say("*{} {}*: {} · {} at {}", _DOING[run.mode], run.playbook, state, person(run.requested_by), at)
    if run.approved_by:
        yield say("Approved by {}", person(run.approved_by))
    for step in run.steps:
        yield say("{} {}", _MARKS[step.state], _step_says(run, step))
    if run.unapproved:
        yield say(
            "*Waits for a second person*: anybody but {} who may, `/mx approve`", person(run.requested_by)
        )
    elif run.held is not None and run.plan:
        yield say("*Waits for your go*: {}", run.plan.steps[run.held].ask)
    elif (index := stuck(incident, run)) is not None:
        yield say("*Step {} stopped it*: {}", index + 1, ways_on(run))
    if run.outcome in ("refused", "interrupted") and run.says and not any(step.says for step in run.steps):
        yield say("{}", run.says)


def buttons(incident: Incident, held: Mapping[str, PlannedStep]) -> list[Block]:
    """What a person may say to the runs now."""
    made: list[Block] = []
    last: list[Block] = []  # what stopped may stay so; what waits for a word holds everything up
    for run in incident.runs:
        if run.unapproved:
            made.append(_button("approve", f"Approve {run.playbook}", incident, run, style="primary"))
            made[-1]["confirm"] = approval_dialog(run.plan, run.playbook)
            made.append(_button("decline", "Decline", incident, run))
        elif run.held is not None and run.plan is not None:
            step = held.get(run.id) or run.plan.steps[run.held]
            made.append(
                _button("release", step.button or step.ask, incident, run, index=run.held, style="primary")
            )
            made[-1]["confirm"] = go_dialog(step)
        elif (index := stuck(incident, run)) is not None:
            last.append(_button("retry", f"Try step {index + 1} again", incident, run))
            last.append(_button("skip", f"Pass step {index + 1} over", incident, run))
    return made + last


def _button(
    act: Act,
    label: str,
    incident: Incident,
    run: Run,
    *,
    index: int | None = None,
    style: blocks.Style | None = None,
) -> Block:
    press = Press(
        act=act,
        incident=incident.id,
        integration=incident.integration,
        playbook=run.playbook,
        undoes=run.id,
        index=index,
    )
    return blocks.button(label, action=press.action, value=press.value, style=style)


def _step_says(run: Run, step: StepState) -> str:
    planned = run.plan.steps[step.index] if run.plan and step.index < len(run.plan.steps) else None
    name = (planned.title or planned.kind) if planned else f"step {step.index + 1}"
    says = step.says or (planned.says if planned else "")
    return f"{name}: {says}" if says else name
