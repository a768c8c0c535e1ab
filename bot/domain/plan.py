"""A plan in words: whole for a page or a terminal, and short enough for Slack's confirmation dialog. Pure."""

from collections.abc import Iterator

from pydantic import JsonValue

from bot.domain.mitigation import Plan, PlannedStep

CONFIRM_LIMIT = 300
"""Characters that Slack shows in a confirmation dialog."""

_CUT = "… shortened; /mx run shows all of it"
_WORTH_SHOWING = 40
_MINUTE_S = 60
_HOUR_S = 3600


def plan_lines(plan: Plan) -> tuple[str, ...]:
    """The whole plan in lines of plain text: what, how much it touches, how it is undone, what speaks against."""
    lines = [plan.title]
    for number, step in enumerate(plan.steps, start=1):
        lines.append(_step_line(number, step) + (f" ({step.touches})" if step.touches else ""))
        lines += [f"   {words}" for words in _about(step, undo=plan.mode == "apply")]
    lines += _whole(plan)
    lines += [f"Note: {warning}" for warning in plan.warnings]
    return tuple(lines)


def step_lines(number: int, step: PlannedStep) -> tuple[str, ...]:
    """One step before which a run is held: what it does, how much it touches, what speaks against it."""
    first = _step_line(number, step) + (f" ({step.touches})" if step.touches else "")
    told = (f"   {words}" for words in _about(step.model_copy(update={"ask": ""}), undo=True))
    return (first, *told, *(f"   note: {warning}" for warning in step.warnings))


def _about(step: PlannedStep, *, undo: bool) -> Iterator[str]:
    """What a person wants to know of one step, below its line."""
    if step.ask:
        yield f"waits for your go before it: {_quoted(step.button or step.ask)}"
    yield from (f"suggested: {advice}" for advice in step.advice)
    if undo and step.undo_says != "":
        yield f"undo: {step.undo_says or 'it cannot be taken back'}"
    watches = step.values.get("within_s")
    act_s = step.timeout_s - (watches if isinstance(watches, int | float) else 0)
    if act_s != PlannedStep.model_fields["timeout_s"].default:
        yield f"given up after {_time(act_s)}"


def _whole(plan: Plan) -> Iterator[str]:
    """What holds for the plan as a whole."""
    if plan.params and plan.mode == "apply":
        yield "With: " + ", ".join(f"{name} = {_value(value)}" for name, value in plan.params.items())
    if plan.touches:
        yield f"Changes: {plan.touches}"
    if plan.undo:
        yield f"Taking it back: {plan.undo}"
    if plan.mode == "apply" and plan.at_expiry == "keep":
        yield "At its time's end: it is kept on, and somebody is paged"
    if plan.second_person:
        yield "It begins only when a second person has approved it in Slack (/mx approve)"


def _quoted(words: str) -> str:
    return f'"{words}"'


def _value(value: JsonValue) -> str:
    match value:
        case None:
            return "to be given"
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def _time(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:g} s"
    if not seconds % _HOUR_S:
        return f"{seconds / _HOUR_S:g} h"
    whole, rest = divmod(round(seconds), _MINUTE_S)
    return f"{whole} min" + (f" {rest} s" if rest else "")


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
    if step.says == step.kind and step.title:  # it could not be planned; the notes say why
        return f"{number}. {step.title} (cannot be planned yet)"
    if step.says.startswith("mx "):  # the product's name stays as it is
        return f"{number}. {step.says}"
    return f"{number}. {step.says[:1].upper()}{step.says[1:]}"
