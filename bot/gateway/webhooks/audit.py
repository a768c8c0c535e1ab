"""MaintainX's audit events in a sentence: who changed a token, a user, a role, the sign-on or a webhook. Pure.

Ids alone are told, never a name, an e-mail address, an IP or a URL: what stands in a feed is read by many. What each
body holds is in the ``x-webhooks`` of the vendor's own document.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_ID = re.compile(r"[0-9]{1,20}")
_WORD = re.compile(r"[A-Z][A-Z_]{0,40}")
"""MaintainX's own names of roles, settings and events; what a customer calls something is not told."""

Fields = Mapping[str, Any]


def sentence(event: str, body: bytes) -> str:
    """``user 7 revoked an API token``; empty for what is no such event."""
    tell = _TOLD.get(event) or (_role if event.startswith("ROLE_") else None)
    if tell is None:
        return ""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    fields: Fields = given if isinstance(given, dict) else {}
    actor = _number(fields, "actorId")
    return f"{f'user {actor}' if actor else 'somebody'} {tell(fields)}"


def _simply(words: str) -> Callable[[Fields], str]:
    return lambda _: words


def _about_user(words: str) -> Callable[[Fields], str]:
    return lambda fields: words.format(_named(fields, "targetUserId", "user"))


def _role(fields: Fields) -> str:
    return f"changed {_named(fields, 'roleId', 'role')}"


def _users_role(fields: Fields) -> str:
    old, new = _word(fields, "oldRole"), _word(fields, "newRole")
    how = f" from {old} to {new}" if old and new else ""
    return f"changed the role of {_named(fields, 'targetUserId', 'user')}{how}"


def _sign_on(fields: Fields) -> str:
    what = _word(fields, "configType")
    return "changed the single sign-on" + (f" ({what})" if what else "")


def _new_webhook(fields: Fields) -> str:
    kind = _word(fields, "webhookType")
    return f"created {_named(fields, 'webhookId', 'webhook')}" + (f" for {kind}" if kind else "")


def _named(fields: Fields, name: str, kind: str) -> str:
    number = _number(fields, name)
    return f"{kind} {number}" if number else f"a {kind}"


def _number(fields: Fields, name: str) -> str:
    found = fields.get(name)
    if isinstance(found, bool) or not isinstance(found, int | str) or not _ID.fullmatch(str(found)):
        return ""
    return str(found)


def _word(fields: Fields, name: str) -> str:
    found = fields.get(name)
    return found if isinstance(found, str) and _WORD.fullmatch(found) else ""


_TOLD: Mapping[str, Callable[[Fields], str]] = {
    "API_TOKEN_CREATED": _simply("created an API token"),
    "API_TOKEN_REVOKED": _simply("revoked an API token"),
    "CONNECTOR_TOKEN_REVOKED": _simply("revoked a connector's token"),
    "USER_REMOVED": _about_user("removed {}"),
    "USER_PERMISSIONS_CHANGED": _about_user("changed the permissions of {}"),
    "USER_ROLE_CHANGED": _users_role,
    "ROLE_CREATED": lambda fields: f"created {_named(fields, 'roleId', 'role')}",
    "ROLE_ARCHIVED": lambda fields: f"archived {_named(fields, 'roleId', 'role')}",
    "SSO_CONFIG_CHANGED": _sign_on,
    "WEBHOOK_ARCHIVED": lambda fields: f"archived {_named(fields, 'webhookId', 'webhook')}",
    "WEBHOOK_CREATED": _new_webhook,
}
