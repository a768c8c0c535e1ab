"""The names that Slack gives to every block and every element that the app left without one."""

import secrets
from collections.abc import Iterable
from typing import Any

Json = Any
"""Block Kit JSON, already checked."""


def with_ids(blocks: Iterable[Json]) -> tuple[Json, ...]:
    """The blocks, each with a block_id, each control with an action_id."""
    return tuple(_named(block) for block in blocks)


def _named(block: Json) -> Json:
    named = {"block_id": secrets.token_urlsafe(4), **block}
    if isinstance(block.get("elements"), list) and block["type"] in {"actions", "context_actions"}:
        named["elements"] = [{"action_id": secrets.token_urlsafe(4), **each} for each in block["elements"]]
    for key in ("accessory", "element"):
        if isinstance(block.get(key), dict) and block[key].get("type") != "image":
            named[key] = {"action_id": secrets.token_urlsafe(4), **block[key]}
    return named
