"""A plan in words: whole for a page or a terminal, and short enough for Slack's confirmation dialog. Pure."""

from bot.domain.mitigation import Plan, PlannedStep

CONFIRM_LIMIT = 300
"""Characters that Slack shows in a confirmation dialog."""

_CUT = "… shortened; /mx run shows all of it"
_WORTH_SHOWING = 40


def plan_lines(plan: Plan) -> tuple[str, ...]:
    """The whole plan in lines of plain text: what, how much it touches, how it is undone, what speaks against."""
    lines = [plan.title]
    for number, step in enumerate(plan.steps, start=1):
        lines.append(_step_line(number, step) + (f" ({step.touches})" if step.touches else ""))
        if plan.mode == "apply" and step.undo_says != "":
            lines.append(f"   undo: {step.undo_says or 'it cannot be taken back'}")
    lines += [f"Note: {warning}" for warning in plan.warnings]
    return tuple(lines)


def confirm_text(plan: Plan) -> str:
    """The plan within Slack's limit: what will be done, what speaks against it, then the numbers."""
    lines = [_step_line(number, step) for number, step in enumerate(plan.steps, start=1)]
    lines += [f"Note: {warning}" for warning in plan.warnings]
    lines += [
        f"Step {number}: {step.touches}" for number, step in enumerate(plan.steps, start=1) if step.touches
    ]
    whole = "\n".join(lines)
    if len(whole) <= CONFIRM_LIMIT:
        return whole
    kept: list[str] = []
    room = CONFIRM_LIMIT - len(_CUT)
    for line in lines:
        if len(line) + 1 > room:
            if room > _WORTH_SHOWING:
                kept.append(f"{line[: room - 2]}…")
            break
        kept.append(line)
        room -= len(line) + 1
    return "\n".join([*kept, _CUT])


def _step_line(number: int, step: PlannedStep) -> str:
    return f"{number}. {step.says[:1].upper()}{step.says[1:]}"
