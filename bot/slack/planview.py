"""What a person is asked before a single step goes on: its dialog, within what Slack shows there. Pure."""

from bot.domain.mitigation import Plan, PlannedStep
from bot.domain.plan import confirm_text
from bot.slack import blocks
from bot.slack.limits import Block


def go_dialog(step: PlannedStep) -> Block:
    """Before a held step goes on: what it will do, and what speaks against it."""
    lines = [
        f"{step.says[:1].upper()}{step.says[1:]}.",
        step.touches,
        *(f"Note: {one}" for one in step.warnings),
    ]
    if step.undo_says is None:
        lines.insert(1, "It cannot be taken back.")
    return blocks.confirm(f"{step.ask}?", "\n".join(line for line in lines if line), yes="Yes, go on")


def approval_dialog(plan: Plan | None, playbook: str) -> Block:
    """Before a run of somebody else's is approved: its plan."""
    text = confirm_text(plan) if plan else "Its plan is made when it begins; /mx run shows it as it is now."
    return blocks.confirm(f"Approve {playbook}?", text, yes="Approve")
