"""A plan for a person: whole, as a private message with its button, or short, as a button's dialog. Pure."""

from bot.domain.incident import Incident
from bot.domain.mitigation import Plan
from bot.domain.plan import confirm_text, plan_lines
from bot.slack import blocks
from bot.slack.limits import Block, escape, joined, say
from bot.slack.press import Press


def private_plan(plan: Plan, incident: Incident, *, why: str = "") -> blocks.Message:
    """The whole plan, with the button that carries it out; ``why`` says why it is shown (again)."""
    title, *lines = plan_lines(plan)
    parts: list[Block] = [blocks.section(escape(why))] if why else []
    parts.append(blocks.section(joined("\n", [say("*{}* for {}", title, incident.id), *map(escape, lines)])))
    if plan.steps:
        press = Press.of_plan(plan, incident)
        button = blocks.button(_yes(plan), action=press.action, value=press.value, style="danger")
        parts += blocks.actions([button])
    return blocks.private(say("{} {}", why, title) if why else escape(title), parts)


def plan_dialog(plan: Plan) -> Block:
    """The dialog between the click and the act: the plan, within what Slack shows there."""
    return blocks.confirm(plan.title, confirm_text(plan), yes=_yes(plan), style="danger")


def _yes(plan: Plan) -> str:
    return "Start it" if plan.mode == "apply" else "Take it back"
