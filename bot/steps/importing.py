"""How rows get into the integration: posted to its import URL, or written to its import command, page by page."""

import asyncio
import json
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol

import httpx

from bot.domain.integration import Integration
from bot.errors import OutsideError
from bot.maintainx import host_of
from bot.maintainx_pages import moment
from bot.ports import Clock

LIMIT_S = 120.0
"""How long one page may take."""
_TRIES = 4
_SEEN = 300
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Batch:
    """One page of rows, about which incident and collection it is, and since when the walk goes."""

    incident: str
    entity: str
    since: datetime
    rows: Sequence[Mapping[str, Any]]

    @property
    def ids(self) -> frozenset[str]:
        """The ids of its rows."""
        return frozenset(str(row["id"]) for row in self.rows if row.get("id") is not None)


@dataclass(frozen=True, slots=True)
class Taken:
    """Of a page's ids, those that the integration has; ``confirmed``: it said so one by one."""

    found: frozenset[str]
    confirmed: bool


class Import(Protocol):
    """Where rows are handed to."""

    async def take(self, batch: Batch) -> Taken:
        """Hand a page over. Raises OutsideError where the integration did not take it."""
        ...


def import_of(integration: Integration, clock: Clock) -> Import:
    """What the settings say. Raises OutsideError with the key to set where they say nothing."""
    if integration.import_url:
        return ImportUrl(integration.import_url, clock)
    if integration.import_command:
        return ImportCommand(integration.import_command)
    raise OutsideError(
        "there is nowhere to hand the missed rows to; set import_url or import_command in mx.toml under "
        f"[integrations.{integration.name}], then run it again. Nothing was read yet",
        permanent=True,
    )


@dataclass(frozen=True, slots=True)
class ImportUrl:
    """Posts ``{"incident", "entity", "since", "rows"}``; a 2xx means taken, ``found`` and ``missing`` say what of it."""

    url: str
    clock: Clock

    async def take(self, batch: Batch) -> Taken:
        where = f"handing rows of {batch.entity} to {host_of(self.url)}"
        content = {
            "incident": batch.incident,
            "entity": batch.entity,
            "since": moment(batch.since),
            "rows": list(batch.rows),
        }
        says = ""
        async with httpx.AsyncClient(
            timeout=LIMIT_S, mounts={f"all://{host}": None for host in _LOOPBACK}
        ) as http:
            for attempt in range(_TRIES):
                if attempt:
                    await self.clock.sleep(2.0**attempt)
                try:
                    answer = await http.post(self.url, json=content)
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    says = (
                        f"no answer ({type(error).__name__})"  # it is taken by id, so once more does no harm
                    )
                    continue
                if answer.is_success:
                    return _taken(batch, _objects([answer.content]))
                says = f"it answered {answer.status_code}"
                if not answer.is_server_error and answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                    raise OutsideError(f"{where}: {says}; look at the integration's log", permanent=True)
        raise OutsideError(f"{where}: {says}, {_TRIES} times in a row; look whether the integration is up")


@dataclass(frozen=True, slots=True)
class ImportCommand:
    """Runs a command for each page: rows on its standard input, one JSON object a line; exit code 0 means taken.

    ``{entity}``, ``{incident}`` and ``{since}`` in its arguments are filled in.
    """

    argv: tuple[str, ...]
    limit_s: float = LIMIT_S

    async def take(self, batch: Batch) -> Taken:
        doing = f"handing rows of {batch.entity} to `{self.argv[0]}`"
        known = {"entity": batch.entity, "incident": batch.incident, "since": moment(batch.since)}
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in batch.rows).encode()
        try:
            process = await asyncio.create_subprocess_exec(
                *(_filled(part, known) for part in self.argv),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
            raise OutsideError(f"{doing}: {why}; look at import_command in mx.toml", permanent=True) from None
        try:
            async with asyncio.timeout(self.limit_s):
                out, said = await process.communicate(rows)
        except TimeoutError:
            raise OutsideError(f"{doing}: not done after {self.limit_s:g} s and ended") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            words = " ".join(said.decode("utf-8", "replace").split())[-_SEEN:]
            told = f": {words}" if words else ""
            raise OutsideError(f"{doing}: it ended with exit code {process.returncode}{told}", permanent=True)
        return _taken(batch, _objects(out.splitlines()))


def _filled(part: str, known: Mapping[str, str]) -> str:
    for name, value in known.items():
        part = part.replace(f"{{{name}}}", value)
    return part


def _objects(texts: Iterable[bytes]) -> list[Mapping[str, Any]]:
    """The JSON objects among these; an integration may print or answer other things beside."""
    found: list[Mapping[str, Any]] = []
    for text in texts:
        with suppress(ValueError, RecursionError):
            given = json.loads(text)
            if isinstance(given, dict):
                found.append(given)
    return found


def _taken(batch: Batch, told: Iterable[Mapping[str, Any]]) -> Taken:
    """What the integration says that it has; where it says nothing of ids, all that it took."""
    found, missing, any_found, any_missing = set[str](), set[str](), False, False
    for one in told:
        if "found" in one:
            any_found = True
            found |= _ids(one["found"])
        if "missing" in one:
            any_missing = True
            missing |= _ids(one["missing"])
    if any_found:
        return Taken(batch.ids & (found - missing), confirmed=True)
    return Taken(batch.ids - missing, confirmed=any_missing)


def _ids(value: Any) -> set[str]:
    return {str(one) for one in (value if isinstance(value, list) else [value])}
