"""The step ``paths``: what the integration calls against the vendor's published document; it only reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import JsonValue

from bot.domain.gateway import ROUTE
from bot.domain.integration import Integration
from bot.domain.mitigation import PlannedStep
from bot.domain.paths import CalledPath, CalledPaths, Document, MissingPath, missing, tidy
from bot.errors import OutsideError
from bot.outgoing import ask, place
from bot.ports import Gateway, StepContext, StepResult
from bot.steps import values

MOST_BYTES = 8 * 1024 * 1024
DEADLINE_S = 20.0
TRIAGE = "mx's own triage"
"""Stands where a lane stands for what no request of the integration has called yet."""

_MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is called, what of it the document does not have, and what could not be asked."""

    document: str
    """Where the document was found."""
    called: CalledPaths
    missing: tuple[MissingPath, ...]
    hidden: tuple[CalledPath, ...] = ()
    """Collections that are in the document and answer 404 all the same."""
    notes: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """The outcome in a sentence."""
        number = len(self.missing)
        if not number:
            return f"every path that is called is in the document at {self.document}"
        calls = "1 call is" if number == 1 else f"{number} calls are"
        return f"{calls} not in the document at {self.document}"

    def lines(self) -> tuple[str, ...]:
        """The difference, a line each."""
        found = [one.says for one in self.missing]
        found += [
            f"{one.lane} calls {one.method} {one.path}: {one.gone} of {one.count} answered 404, although the "
            "document has it: the key's user may not be allowed to see it"
            for one in self.hidden
        ]
        more = [f"and {len(found) - _MOST_LINES} more"] if len(found) > _MOST_LINES else []
        return (*found[:_MOST_LINES], *more, *self.notes)


class PathsStep:
    """Shows which called paths the vendor's document does not have, and what it has instead."""

    kind = "paths"

    def __init__(self, gateway: Gateway, integrations: Mapping[str, Integration]) -> None:
        self._gateway = gateway
        self._integrations = integrations

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys={})

    async def plan(self, context: StepContext) -> PlannedStep:
        about = self._integrations.get(context.integration)
        where = place(document_url(about)) if about else "the vendor's document"
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(context.values),
            says=f"compare the paths that are called with the document at {where}",
            undo_says="",
            waits=True,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        found = await self.compare(context)
        return StepResult(
            outcome="done" if found.called.paths or found.missing else "inconclusive",
            says=found.says,
            evidence=found.lines(),
        )

    async def observe(self, context: StepContext) -> StepResult | None:
        return await self.act(context, {})

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        return None

    async def compare(self, context: StepContext) -> Comparison:
        """Read the document and what is called. Raises OutsideError."""
        about = self._integrations.get(context.integration)
        if about is None:
            raise OutsideError(
                f"mx knows no integration {context.integration} here; name it in mx.toml", permanent=True
            )
        base_path = urlsplit(about.base_url).path
        document = await _document(about, base_path=base_path)
        called = CalledPaths()
        notes: tuple[str, ...] = ()
        try:
            called = CalledPaths.from_json(await self._gateway.paths())
        except OutsideError as error:
            notes = (f"what the integration calls is not known: {error}",)
        else:
            notes = () if called.paths else (ROUTE,)
        gone = missing(called.paths, document)
        known = {(one.called.method, tidy(one.called.path)) for one in gone}
        asked = missing(_asked(context, base_path), document)
        lost = {id(one.called) for one in gone}
        return Comparison(
            document=place(document_url(about)),
            called=called,
            missing=(*gone, *(one for one in asked if (one.called.method, one.called.path) not in known)),
            hidden=tuple(
                one for one in called.paths if one.gone and "{" not in one.path and id(one) not in lost
            ),
            notes=notes,
        )


def document_url(about: Integration) -> str:
    """Where the vendor's document is."""
    return about.openapi_url or f"{about.base_url.rstrip('/')}/openapi.json"


async def _document(about: Integration, *, base_path: str) -> Document:
    """The vendor's document; it is public, so no key is sent. Raises OutsideError."""
    url = document_url(about)
    doing = f"reading the vendor's document at {place(url)}"
    answer = await ask(
        "GET",
        url,
        doing=doing,
        headers={"Accept": "application/json"},
        deadline_s=DEADLINE_S,
        most_bytes=MOST_BYTES,
    )
    if not answer.good:
        raise OutsideError(
            f"{doing}: it answered {answer.status}; let openapi_url in mx.toml name where it is",
            permanent=True,
        )
    if not answer.whole:
        raise OutsideError(
            f"{doing}: it is longer than 8 MiB; let openapi_url in mx.toml name the document itself",
            permanent=True,
        )
    try:
        found: JsonValue = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise OutsideError(
            f"{doing}: it is not JSON; let openapi_url in mx.toml name the JSON document", permanent=True
        ) from None
    return Document.from_json(found, base_path=base_path)


def _asked(context: StepContext, base_path: str) -> tuple[CalledPath, ...]:
    """The endpoints that the latest triage asked: the integration's own, by its configuration."""
    assessment = context.about.assessment if context.about else None
    return tuple(
        CalledPath(method="GET", path=tidy(base_path + reading.target), lane=TRIAGE)
        for reading in (assessment.readings if assessment else ())
        if reading.probe == "api" and reading.target.startswith("/")
    )
