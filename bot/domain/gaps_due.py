"""Which gaps the evidence asks for: opened where data may have been missed, widened, and ended by a good answer. Pure.

Data may have been missed where no good answer came through: not while one was slow, and not while a rate limit
refused some. What the integration itself got is known by the gateway alone; without its word, what mx got stands for it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.case import Case
from bot.domain.gap import ClosedGap, Direction, Gap
from bot.domain.gap_begin import MARGIN, Begin, began, beginning, stopped, told
from bot.domain.gateway import GatewayStatus
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.seen import Seen
from bot.domain.severity import standing

_SYNCED = ("/workorders", "/assets")
"""What the integration's record of its last sync has a cursor for."""
_RULES = frozenset(("sync-gap", "webhook-delivery"))


def to_be_watched(incident: Incident) -> bool:
    """Whether there is anything that a gap could begin, grow or end by."""
    failing = any(seen.bad_since for seen in incident.seen.values())
    found = incident.assessment.findings if incident.assessment else ()
    return failing or bool(incident.gaps) or any(finding.rule in _RULES for finding in found)


def due(
    incident: Incident,
    *,
    integration: Integration,
    gateway: GatewayStatus | None,
    now: datetime,
    lists: Collection[str],
) -> tuple[Gap, ...]:
    """Every gap that is to be written down anew, as it then is; empty where the timeline says it all.

    Args:
        incident: an open one.
        integration: whose it is.
        gateway: what the gateway saw, where it serves this integration and could be asked.
        now: the time.
        lists: the collections that can be read again.
    """
    return tuple(_Due(incident, integration, gateway, now, lists).all())


@dataclass(frozen=True, slots=True)
class _Due:
    incident: Incident
    integration: Integration
    gateway: GatewayStatus | None
    now: datetime
    lists: Collection[str]

    def all(self) -> Iterator[Gap]:
        """The gaps, in the order of the configured collections."""
        for entity, direction in self._asked():
            there = self._open(entity, direction)
            begins = [
                one
                for one in self._begins(entity, direction)
                if there or not self._settled(entity, direction, one)
            ]
            begin = min(begins, key=lambda one: one.at, default=None)
            if begin is not None:
                yield from _noted(there, begin, entity, direction)
            elif there is not None and there.until is None and (good := self._good_again(there)):
                yield there.model_copy(update={"until": good})

    def _asked(self) -> Iterator[tuple[str, Direction]]:
        """What the integration is known to read, then what it is known to write, then what is open besides."""
        seen = self.gateway.last_good if self.gateway else {}
        reads = [path for path, good in seen.items() if "in" in good and path in self.lists]
        writes = [path for path, good in seen.items() if "out" in good]
        pairs: list[tuple[str, Direction]] = [(path, "in") for path in (*self.integration.endpoints, *reads)]
        pairs += [(path, "out") for path in writes]
        pairs += [(gap.entity, gap.direction) for gap in self.incident.gaps]
        yield from dict.fromkeys(pairs)

    def _begins(self, entity: str, direction: Direction) -> Iterator[Begin]:
        """Since when data may be missing, by each kind of evidence that says so."""
        answers = self._by_answers(entity, direction)
        if answers:
            yield answers
        if direction == "in" and entity in (*_SYNCED, *self.integration.critical):
            yield from self._by_sync(entity, answers)
        if direction == "in" and entity in self.integration.critical:
            yield from self._by_webhooks()

    def _by_answers(self, entity: str, direction: Direction) -> Begin | None:
        """No good answer came: neither to mx nor, where the gateway would know, to the integration."""
        seen = self._seen(entity)
        if seen.bad_since is None:
            return None
        good, failed = self._last(entity, direction), self._failed(seen.bad_since)
        if good is None and direction == "out":
            return None  # nothing tells that the integration writes it
        through = good is not None and (good > failed[0] or seen.limited)
        if through and good is not None:
            return stopped(good, direction) if self.now - good > self._late else None
        if seen.limited:
            return None  # somebody's requests were let through, and nothing shows that the integration's were not
        return beginning(good, direction, failed=failed)

    def _by_sync(self, entity: str, answers: Begin | None) -> Iterator[Begin]:
        """The last sync is long over; or it says that it is not, and the gateway saw nothing come."""
        found = self.incident.assessment
        case = Case(self.integration, found.readings, found.at) if found else None
        if case is None or case.sync is None or case.sync.never:
            return
        filled = self._filled(entity)
        last = max(case.sync.last_sync_at, filled.at) if filled else case.sync.last_sync_at
        says = "the last sync, by its own word" if last == case.sync.last_sync_at else "the last backfill"
        begin = Begin(last - MARGIN, told(says, last, MARGIN), last + self._late)
        good = self._last(entity, "in")
        if answers and answers.failed_at and last <= answers.failed_at:
            yield Begin(begin.at, begin.says, answers.failed_at)
        elif (
            case.sync.stale and case.at - last > self._late and (good is None or self.now - good > self._late)
        ):
            yield begin
        still = dict(standing(case)).get(entity)
        if still is not None and not case.sync.stale and (good is None or self.now - good > self._late):
            words = told(
                "the last good answer at the gateway, however fresh the sync's record is", still, MARGIN
            )
            yield Begin(still - MARGIN, words, still + self._late)

    def _by_webhooks(self) -> Iterator[Begin]:
        """Webhooks do not arrive, and nobody asks MaintainX for what they would have told."""
        rows = self.incident.assessments
        lasting = 0
        while lasting < len(rows) and any(
            finding.rule == "webhook-delivery" for finding in rows[-1 - lasting].assessment.findings
        ):
            lasting += 1
        inbox = self.gateway.webhooks if self.gateway else None
        if not lasting or (inbox and inbox.polling.on and not inbox.polling.says):
            return
        first = rows[-lasting].assessment.at
        failed = (
            began(self.incident, self.now) if lasting == len(rows) else (first, "when webhooks first failed")
        )
        last = inbox.last_received_at if inbox else None
        if last is not None and last <= failed[0]:
            yield Begin(last - MARGIN, told("the last webhook at the gateway", last, MARGIN), failed[0])
        else:
            yield Begin(failed[0] - MARGIN, told(failed[1], failed[0], MARGIN), failed[0])

    def _seen(self, entity: str) -> Seen:
        """How it answered mx; what mx does not ask is taken to fail where everything that it asks does."""
        seen = self.incident.seen
        if entity in seen:
            return seen[entity]
        since = [one.bad_since for one in seen.values() if one.bad_since and not one.limited]
        return Seen(bad_since=max(since)) if since and len(since) == len(seen) else Seen()

    def _failed(self, since: datetime) -> tuple[datetime, str]:
        """The first failed round of a collection: the incident's own, or a later one of it alone."""
        first = self.incident.assessments[0].assessment.at
        return began(self.incident, self.now) if since <= first else (since, "the first failed round")

    def _last(self, entity: str, direction: Direction) -> datetime | None:
        return self.gateway.last_good.get(entity, {}).get(direction) if self.gateway else None

    def _good_again(self, gap: Gap) -> datetime | None:
        """The integration's own good answer where the gateway knows of any, else one that mx got."""
        failed = gap.failed_at or began(self.incident, self.now)[0]
        seen = self.incident.seen.get(gap.entity, Seen())
        good = self._last(gap.entity, gap.direction) or seen.good_at
        return good if good is not None and good > failed else None

    def _open(self, entity: str, direction: Direction) -> Gap | None:
        here = (gap for gap in self.incident.gaps if (gap.entity, gap.direction) == (entity, direction))
        return next(here, None)

    def _closed(self, entity: str, direction: Direction) -> tuple[ClosedGap, ...]:
        return tuple(
            one
            for one in self.incident.closed_gaps
            if (one.gap.entity, one.gap.direction) == (entity, direction)
        )

    def _filled(self, entity: str) -> ClosedGap | None:
        return next((one for one in reversed(self._closed(entity, "in")) if one.how == "filled"), None)

    def _settled(self, entity: str, direction: Direction, begin: Begin) -> bool:
        """It had failed already when its gap was filled or accepted: the same is not opened a second time."""
        return any(begin.failed_at and one.at >= begin.failed_at for one in self._closed(entity, direction))

    @property
    def _late(self) -> timedelta:
        """How long no good answer may come through before that tells something."""
        return timedelta(seconds=self.integration.sync_stale_s)


def _noted(there: Gap | None, begin: Begin, entity: str, direction: Direction) -> Iterator[Gap]:
    if there is None:
        yield Gap(
            id=f"{direction}:{entity}:{begin.failed_at:%Y%m%dT%H%M%S}",
            entity=entity,
            direction=direction,
            since=begin.at,
            says=begin.says,
            failed_at=begin.failed_at,
        )
        return
    wider = {"since": begin.at, "says": begin.says} if begin.at < there.since else {}
    anew = {"until": None, "failed_at": begin.failed_at} if there.until is not None else {}
    if wider or anew:
        yield there.model_copy(update={**wider, **anew})
