"""The integration's import endpoint: it keeps rows by id, says which it has, and can be told to lose some."""

import json
from collections import Counter
from typing import Any

from aiohttp import web


class Importer:
    """Takes ``{"entity", "since", "rows"}``; a row that comes twice is there once."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        """What was imported, by collection and id."""
        self.loses: set[str] = set()
        """Ids that it takes and does not keep."""
        self.confirms = True
        """Whether it answers which ids it has."""
        self.status = 200
        """Anything but a 2xx: it takes nothing."""
        self.batches: list[dict[str, Any]] = []
        """Each request without its rows, with their number."""
        self.seen: Counter[str] = Counter()
        """How often each id came."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer ``POST /import``."""
        given = json.loads(await request.read())
        if self.status >= 300:  # noqa: PLR2004 - HTTP
            return web.json_response({"error": "not now"}, status=self.status)
        rows = given.pop("rows")
        self.batches.append({**given, "rows": len(rows)})
        table = self.rows.setdefault(given["entity"], {})
        for row in rows:
            number = str(row["id"])
            self.seen[number] += 1
            if number not in self.loses:
                table[number] = row
        if not self.confirms:
            return web.json_response({"ok": True})
        missing = [row["id"] for row in rows if str(row["id"]) in self.loses]
        return web.json_response(
            {"found": [r["id"] for r in rows if r["id"] not in missing], "missing": missing}
        )
