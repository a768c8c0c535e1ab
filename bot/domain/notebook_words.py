"""What people put on the timeline, and drills, as one sentence each. Pure."""

from typing import assert_never

from bot.domain.drilling import AnyDrill, DrillFinished, DrillRequested, DrillStarted
from bot.domain.notebook import (
    ActionAdded,
    ActionChanged,
    ActionTicked,
    AnyNotebook,
    DaySummed,
    HandedOver,
    KeepAnswered,
    KeepRequested,
    KeptMessageChanged,
    KeptMessageRemoved,
    MessageKept,
)


def told_notebook(fact: AnyNotebook) -> str:  # noqa: PLR0911 - one line for each kind of fact
    """What was put on the timeline; names of people are as their facts have them."""
    match fact:
        case KeepRequested():
            return "A message is to be put on the timeline"
        case KeepAnswered(says=says):
            return says
        case MessageKept(text=text, files=files, author=author, said_at=said_at):
            with_files = f" [{', '.join(file.title for file in files)}]" if files else ""
            return f"Message of {author}, {said_at:%H:%M} UTC: {text}{with_files}"
        case KeptMessageChanged(text=text):
            return f"Message edited by its author, now: {text}"
        case KeptMessageRemoved(cause="deleted"):
            return "Message deleted in Slack; what it said stays on the timeline"
        case KeptMessageRemoved():
            return "Message taken off the timeline's list again; the line stays"
        case HandedOver(to=to, summary=summary):
            return f"Handed over to {to}: {summary}"
        case ActionAdded(text=text):
            return f"Action item: {text}"
        case ActionChanged(text=text, assignee=assignee, due=due):
            whose = f", {assignee}" if assignee else ""
            by = f", by {due:%Y-%m-%d}" if due else ""
            return f"Action item changed: {text}{whose}{by}"
        case ActionTicked(text=text, done=done):
            return f"Action item {'done' if done else 'not done after all'}: {text}"
        case DaySummed(says=says):
            return says
        case _:
            assert_never(fact)


def told_drill(fact: AnyDrill) -> str:
    """What became of a drill."""
    match fact:
        case DrillRequested(drill=drill):
            return f"Drill {drill} asked for"
        case DrillStarted(says=says) | DrillFinished(says=says):
            return says
        case _:
            assert_never(fact)
