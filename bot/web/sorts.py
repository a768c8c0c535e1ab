"""Of which sort each fact is: what the filters of the timeline's page tell apart. Pure."""

from typing import Literal, assert_never, get_args

from bot.domain import events as e
from bot.domain.drilling import AnyDrill
from bot.domain.notebook import AnyNotebook, DaySummed, KeepAnswered, KeepRequested
from bot.domain.oncall import AnyOnCall, Snoozed
from bot.domain.order import GatewayAnswered, ReplayAsked, WriteDecided
from bot.domain.showing import AnyShowing, ReportRequested
from bot.domain.steering import AnySteering
from bot.domain.watching import AnyWatching, GapsAccepted, VerifyRequested

Sort = Literal["people", "mitigations", "pages", "probes", "mx"]
SORTS: tuple[Sort, ...] = get_args(Sort)

LABELS: dict[Sort, str] = {
    "people": "People",
    "mitigations": "Mitigations",
    "pages": "Pages and clocks",
    "probes": "Probes",
    "mx": "mx itself",
}


def sort_of(fact: e.AnyFact) -> Sort:  # noqa: PLR0911 - one line for each sort
    """What somebody said, what was changed, who was woken, what was seen; the rest is mx's own housekeeping."""
    match fact:
        case e.Acknowledged() | e.SeveritySet() | e.NoteAdded() | e.Resolved() | e.Reopened() | e.Redacted():
            return "people"
        case Snoozed() | GapsAccepted() | VerifyRequested() | ReportRequested() | e.TriageRequested():
            return "people"
        case e.RunRequested() | e.RunPlanned() | e.StepStarted() | e.StepFinished() | e.RunFinished():
            return "mitigations"
        case e.LeaseEnded() | e.GatewayReported() | ReplayAsked() | WriteDecided() | GatewayAnswered():
            return "mitigations"
        case e.Assessed() | e.TriageFinished():
            return "probes"
        case e.IncidentOpened() | DaySummed() | KeepRequested() | KeepAnswered():
            return "mx"
        case _ if isinstance(fact, AnySteering):
            return "mitigations"
        case _ if isinstance(fact, AnyOnCall):
            return "pages"
        case _ if isinstance(fact, AnyWatching):
            return "probes"
        case _ if isinstance(fact, AnyNotebook):
            return "people"
        case _ if isinstance(fact, AnyShowing | AnyDrill):
            return "mx"
        case _:
            assert_never(fact)
