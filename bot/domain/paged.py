"""What was paged for an incident: by the follower and by playbooks, level by level. Pure."""

import re
from datetime import datetime
from typing import NamedTuple

from bot.domain.assessment import Severity
from bot.domain.incident import Incident
from bot.domain.oncall_state import PageState

_BY_PLAYBOOK = re.compile(r"paged pager (\d+) of \d+")


class Trigger(NamedTuple):
    """One trigger of one level."""

    level: int
    at: datetime
    ref: str
    """Names it in the keys of what follows from it."""
    tried: bool
    """The pager has it, or may have it."""
    severity: Severity | None
    page: PageState | None
    """None where a playbook sent it."""

    @property
    def version(self) -> int:
        """Of the request; 0 where a playbook sent it."""
        return self.page.version if self.page else 0


def evidence(level: int, of: int) -> str:
    """The line by which a step of a playbook says which level it paged; ``triggers`` reads it."""
    return f"paged pager {level} of {of}"


def dedup_of(incident: Incident) -> str:
    """The one key by which every pager joins what is sent about this incident."""
    return dedup_key(incident.integration, incident.id)


def dedup_key(integration: str, incident: str) -> str:
    """The same from its parts."""
    return f"maintainx:{integration}:{incident}"


def triggers(incident: Incident) -> tuple[Trigger, ...]:
    """What was triggered since it was opened, or reopened last, oldest first; what was not wanted in time is left out."""
    oncall = incident.oncall
    return tuple(
        one
        for one in triggers_ever(incident)
        if (one.page and one.version > oncall.begun_version)
        or (not one.page and (oncall.begun_at is None or one.at >= oncall.begun_at))
    )


def triggers_ever(incident: Incident) -> tuple[Trigger, ...]:
    """The same since its first opening."""
    asked = [
        Trigger(
            page.request.level,
            page.at,
            str(page.version),
            page.tried,
            page.request.severity,
            page,
        )
        for page in incident.oncall.pages
        if page.request.action == "trigger" and page.dropped != "not_wanted"
    ]
    by_hand = [
        Trigger(
            int(match[1]), step.finished_at, f"{run.id}.{step.index}", tried=True, severity=None, page=None
        )
        for run in incident.runs
        if run.mode == "apply"
        for step in run.steps
        if step.state == "done" and step.finished_at is not None
        for line in step.evidence
        if (match := _BY_PLAYBOOK.fullmatch(line))
    ]
    return tuple(sorted((*asked, *by_hand), key=lambda one: one.at)) if by_hand else tuple(asked)


def level_next(incident: Incident, pagers: int) -> int:
    """The level after the furthest that was triggered; the last where there is no further one, and 1 at first."""
    return min(max((one.level for one in triggers(incident)), default=0) + 1, pagers)
