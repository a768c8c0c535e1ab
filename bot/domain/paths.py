"""The paths that an integration calls against those that the vendor's OpenAPI document has. Pure."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Self
from urllib.parse import urlsplit

from pydantic import JsonValue

from bot.domain.readings import Frozen
from bot.domain.view import View
from bot.errors import OutsideError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
NEAREST = 3
OTHER = "other"
"""The path under which the gateway counts what is beyond its table."""

_ALIKE = 0.6
_GONE = ("404", "405", "410")
_VERSION = re.compile(r"/v\d+(?=/|$)")


class CalledPath(Frozen):
    """How often one lane called one path in the last hour, by what was answered."""

    method: str
    path: str
    """With ``{id}`` in the place of numbers."""
    lane: str
    by_status: dict[str, int] = {}

    @property
    def count(self) -> int:
        """Calls that MaintainX answered."""
        return sum(self.by_status.values())

    @property
    def gone(self) -> int:
        """Answers that say that there is no such path or method."""
        return sum(self.by_status.get(status, 0) for status in _GONE)


class CalledPaths(View):
    """``GET /-/paths``: what the integration calls, the most called first."""

    of = "paths"

    window_s: float = 0.0
    paths: tuple[CalledPath, ...] = ()

    def of_lane(self, lane: str) -> int:
        """Calls of one lane in all."""
        return sum(called.count for called in self.paths if called.lane == lane)


class Document(Frozen):
    """The paths of an OpenAPI document from the host's root on, each with its methods in upper case."""

    paths: dict[str, tuple[str, ...]]

    @classmethod
    def from_json(cls, value: JsonValue, *, base_path: str) -> Self:
        """Read the document; ``base_path`` stands where it names no server. Raises OutsideError."""
        found = value.get("paths") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(found, dict) or not found:
            raise OutsideError(
                "the document is no OpenAPI document with paths; let openapi_url in mx.toml name the vendor's",
                permanent=True,
            )
        base = _base(value.get("servers"), base_path)
        return cls(
            paths={
                tidy(base + path): tuple(sorted(method.upper() for method in item if method in METHODS))
                for path, item in found.items()
                if isinstance(item, dict) and path.startswith("/")
            }
        )

    def methods(self, path: str) -> frozenset[str] | None:
        """The methods that the path has; None where there is no such path."""
        segments = path.split("/")
        fits = [known for known in self.paths if _fits(segments, known.split("/"))]
        return frozenset(method for known in fits for method in self.paths[known]) if fits else None

    def elsewhere(self, path: str) -> tuple[str, ...]:
        """Documented paths that differ from this one in the version prefix alone."""
        bare = _VERSION.sub("", path, count=1).split("/")
        return tuple(
            known for known in self.paths if _fits(bare, _VERSION.sub("", known, count=1).split("/"))
        )

    def nearest(self, path: str) -> tuple[str, ...]:
        """The documented paths that look most like it."""
        return tuple(get_close_matches(path, self.paths, n=NEAREST, cutoff=_ALIKE))


class MissingPath(Frozen):
    """A call that the document does not have, and what it has instead."""

    called: CalledPath
    methods: tuple[str, ...] = ()
    """The methods that the path does have; empty: there is no such path."""
    elsewhere: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """The lane, the call, how often it was made and what to look at: one line."""
        called = self.called
        line = f"{called.lane} calls {called.method} {called.path}: "
        if called.count:
            line += f"{called.count} in the last hour, {called.gone} of them answered 404, 405 or 410"
        else:
            line += "it is asked in every triage"
        if self.methods:
            return f"{line}; the document has this path for {', '.join(self.methods)} alone"
        if self.elsewhere:
            return f"{line}; the document has it as {', '.join(self.elsewhere)}: another version's prefix"
        if self.nearest:
            return f"{line}; the nearest in the document: {', '.join(self.nearest)}"
        return f"{line}; nothing in the document looks like it"


def missing(called: Iterable[CalledPath], document: Document) -> tuple[MissingPath, ...]:
    """The calls that the document does not have, those that were answered "gone" most often first."""
    found = []
    for one in called:
        path = tidy(one.path)
        if one.path == OTHER:
            continue
        methods = document.methods(path)
        asked = "GET" if one.method == "HEAD" else one.method
        if methods is None:
            elsewhere = document.elsewhere(path)
            nearest = () if elsewhere else document.nearest(path)
            found.append(MissingPath(called=one, elsewhere=elsewhere, nearest=nearest))
        elif asked not in methods:
            found.append(MissingPath(called=one, methods=tuple(sorted(methods))))
    return tuple(sorted(found, key=lambda one: (-one.called.gone, -one.called.count, one.called.path)))


def tidy(path: str) -> str:
    """A path without query and trailing slash, with one slash in the place of several."""
    return "/" + "/".join(part for part in path.partition("?")[0].split("/") if part)


def _fits(called: list[str], known: list[str]) -> bool:
    return len(called) == len(known) and all(
        theirs == ours or (theirs.startswith("{") and theirs.endswith("}"))
        for ours, theirs in zip(called, known, strict=True)
    )


def _base(servers: JsonValue, base_path: str) -> str:
    """The path of the first server that the document names."""
    first = servers[0] if isinstance(servers, list) and servers else None
    url = first.get("url") if isinstance(first, Mapping) else None
    return urlsplit(url).path.rstrip("/") if isinstance(url, str) and url else base_path.rstrip("/")
