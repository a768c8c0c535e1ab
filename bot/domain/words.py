"""Each fact as one sentence: what Slack's timeline, the terminal and the report say of it."""

from typing import assert_never

from bot.domain import events as e
from bot.domain.assessment import Assessment
from bot.domain.drilling import AnyDrill
from bot.domain.notebook import AnyNotebook
from bot.domain.notebook_words import told_drill, told_notebook
from bot.domain.oncall import AnyOnCall
from bot.domain.order import GatewayAnswered, ReplayAsked, WriteDecided
from bot.domain.showing import CardPosted, DeliveryFailed, ReportPosted, ReportRequested
from bot.domain.steering import (
    LeaseReminded,
    RunApproved,
    RunDeclined,
    RunResumed,
    RunsStopped,
    StepReleased,
)
from bot.domain.watch_words import told_oncall, told_watching
from bot.domain.watching import AnyWatching

_REPLAY = {
    "start": "Replay of the buffered writes asked for",
    "pause": "Pause of the replay asked for",
    "resume": "Replay to go on, asked for",
    "cancel": "End of the replay asked for",
}
_WRITE = {"resend": "send it again", "arrived": "it arrived", "drop": "drop it"}


def sentence(fact: e.AnyFact) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of fact
    """What happened, in plain text; who and when stand beside it."""
    match fact:
        case e.TriageRequested(integration=name):
            return f"Triage of {name} asked for"
        case e.TriageFinished(says=says):
            return f"Triage finished: {says}"
        case e.IncidentOpened(integration=name):
            return f"Incident opened for {name}"
        case e.Assessed(assessment=found):
            return _assessed(found)
        case e.Acknowledged():
            return "Acknowledged"
        case e.SeveritySet(severity=severity, reason=reason):
            return f"Severity set to {severity}: {reason}"
        case e.NoteAdded(text=text):
            return f"Note: {text}"
        case e.RunRequested(playbook=name, mode="apply"):
            return f"Playbook {name} asked for"
        case e.RunRequested(playbook=name, mode="undo"):
            return f"Undo of {name} asked for"
        case e.RunRequested(playbook=name):
            return f"{name} to be kept on for longer, asked for"
        case RunApproved() | RunDeclined() | RunsStopped() | RunResumed() | StepReleased():
            return _steered(fact)
        case e.RunPlanned(plan=plan):
            return f"Plan of {plan.playbook}: " + "; ".join(step.says for step in plan.steps)
        case e.StepStarted(index=index):
            return f"Step {index + 1} started"
        case e.StepFinished(index=index, outcome=outcome, says=says):
            return f"Step {index + 1} {outcome}: {says}"
        case e.RunFinished(outcome=outcome, says=says):
            return f"Playbook {outcome}: {says}"
        case e.LeaseEnded(says=says) | e.GatewayReported(says=says) | LeaseReminded(says=says):
            return says
        case ReplayAsked(action=action):
            return _REPLAY[action]
        case WriteDecided(buffer_id=name, action=action, reason=reason):
            return f"Write {name}: {_WRITE[action]}" + (f" ({reason})" if reason else "")
        case GatewayAnswered(ok=ok, says=says):
            return says if ok else f"Not done: {says}"
        case e.Resolved(reason=reason, accepted=accepted):
            taken = f" with {len(accepted)} open points accepted" if accepted else ""
            return f"Resolved{taken}" + (f": {reason}" if reason else "")
        case e.Reopened(reason=reason):
            return f"Reopened: {reason}"
        case e.Redacted(version=version, reason=reason):
            return f"Line {version} redacted: {reason}"
        case ReportRequested():
            return "Report asked for"
        case ReportPosted():
            return "Report posted"
        case CardPosted():
            return "Card posted"
        case DeliveryFailed(says=says):
            return says
        case _ if isinstance(fact, AnyOnCall):
            return told_oncall(fact)
        case _ if isinstance(fact, AnyWatching):
            return told_watching(fact)
        case _ if isinstance(fact, AnyNotebook):
            return told_notebook(fact)
        case _ if isinstance(fact, AnyDrill):
            return told_drill(fact)
        case _:
            assert_never(fact)


def _assessed(found: Assessment) -> str:
    if found.severity is None:
        return "Assessed: every probe answered well"
    symptoms = "; ".join(f.symptom for f in found.findings)
    return f"Assessed {found.severity}: {symptoms}"


def _steered(fact: RunApproved | RunDeclined | RunsStopped | RunResumed | StepReleased) -> str:
    match fact:
        case RunApproved():
            return "Run approved"
        case RunDeclined(reason=reason):
            return f"Run declined: {reason}"
        case RunsStopped(runs=runs):
            return f"Stop: {len(runs)} run{'' if len(runs) == 1 else 's'} to end after the step under way"
        case RunResumed(index=index, action="retry"):
            return f"Step {index + 1} to be tried again"
        case RunResumed(index=index, reason=reason):
            return f"Step {index + 1} passed over: {reason}"
        case StepReleased(index=index):
            return f"Go for step {index + 1}"
        case _:
            assert_never(fact)
