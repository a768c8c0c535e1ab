"""The step ``http``: one request of a team's own playbook, and the one that takes it back."""

import asyncio
import stat
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.outgoing import Answered, Lost, ask, place
from bot.ports import StepContext, StepResult
from bot.steps import values

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_LONGEST_TOKEN = 64 * 1024
_SECRET_NAMES = ("authorization", "cookie", "token", "secret", "password", "api-key", "apikey")


def _url(value: JsonValue) -> str | None:
    instead = "write an address that begins with http:// or https://, without a name or password in it"
    if not isinstance(value, str) or any(c.isspace() for c in value):
        return instead
    try:
        parts = urlsplit(value)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return instead
    return None if known and "@" not in parts.netloc else instead


def _headers(value: JsonValue) -> str | None:
    if not isinstance(value, dict):
        return 'write a table of texts, such as { Accept = "application/json" }'
    for name, text in value.items():
        if any(word in name.lower() for word in _SECRET_NAMES):
            return f"{name} carries a secret, and a playbook's values are shown: write bearer_file with the path of a file that holds it"
        if not isinstance(text, str) or not text.isprintable() or not text.isascii():
            return f"let {name} be a text of printable ASCII"
        if "${" in text:
            return f"variables of the environment are not read here: write {name} out, or use bearer_file"
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            return "let a header's name be letters, digits and hyphens"
    return None


def _codes(value: JsonValue) -> str | None:
    if isinstance(value, list) and value and all(type(v) is int and 100 <= v <= 599 for v in value):  # noqa: PLR2004 - HTTP
        return None
    return "write a list of HTTP statuses, such as [200, 204]"


def _anything(value: JsonValue) -> str | None:
    return "write what to send" if value is None else None


def _path(value: JsonValue) -> str | None:
    return None if isinstance(value, str) and value.startswith("/") else "write the whole path of a file"


def _text(value: JsonValue) -> str | None:
    return None if isinstance(value, str) else "write a text"


_KEYS: Mapping[str, values.Check] = {
    "method": values.one_of(*METHODS),
    "url": _url,
    "headers": _headers,
    "bearer_file": _path,
    "json": _anything,
    "body": _text,
    "expect": _codes,
    "undo_method": values.one_of(*METHODS),
    "undo_url": _url,
    "undo_json": _anything,
    "check_url": _url,
}


class HttpStep:
    """Sends what the playbook says; what that changes is known to those who wrote it, not to mx."""

    kind = "http"

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        found = values.faults(table, keys=_KEYS, required=("method", "url"))
        if "json" in table and "body" in table:
            found = (*found, "body: there is json too; write one of them")
        found += tuple(
            f"{key}: there is no undo_url to send it to; add one, or leave it out"
            for key in ("undo_method", "undo_json")
            if key in table and "undo_url" not in table
        )
        return found

    async def plan(self, context: StepContext) -> PlannedStep:
        table = context.values
        back = _back(table)
        warnings = []
        if trouble := await asyncio.to_thread(_file_trouble, table.get("bearer_file")):
            warnings.append(trouble)
        if context.undoes is not None:
            says = f"send {back}"
            undo_says: str | None = "run the playbook again"
        else:
            says = f"send {table['method']} {place(str(table['url']))}"
            undo_says = f"send {back}" if back else None
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(table),
            says=says,
            touches="what it changes is not known to mx: it is your own request",
            undo_says=undo_says,
            warnings=tuple(warnings),
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        table = context.values
        body = table.get("body")
        return await self._send(
            table,
            str(table["method"]),
            str(table["url"]),
            json=table.get("json"),
            content=str(body).encode() if body is not None else None,
            expect=table.get("expect"),
        )

    async def observe(self, context: StepContext) -> StepResult | None:
        table = context.values
        url = table.get("check_url")
        if not isinstance(url, str):
            return None
        answer, says = await self._exchange(table, "GET", url)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise OutsideError(says)  # that tells nothing about the change: look again
        on = answer.good
        if context.undoes is None:
            again = "" if on else ". It is not on: run it again"
            return StepResult(outcome="done" if on else "failed", says=says + again)
        again = ". It is still on: undo it again" if on else ""
        return StepResult(outcome="failed" if on else "done", says=says + again)

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        table = context.values
        url = table.get("undo_url")
        if not isinstance(url, str):
            return StepResult(outcome="failed", says="it cannot be taken back: the playbook has no undo_url")
        method = str(table.get("undo_method", "DELETE"))
        return await self._send(table, method, url, json=table.get("undo_json"), content=None, expect=None)

    async def _send(
        self,
        table: Mapping[str, JsonValue],
        method: str,
        url: str,
        *,
        json: JsonValue,
        content: bytes | None,
        expect: JsonValue,
    ) -> StepResult:
        answer, says = await self._exchange(table, method, url, json=json, content=content)
        good = answer.status in expect if isinstance(expect, list) else answer.good
        if good:
            return StepResult(outcome="done", says=says, evidence=(f"HTTP {answer.status}",))
        wanted = " or ".join(str(code) for code in expect) if isinstance(expect, list) else "a 2xx"
        onward = (
            f"; it points to {place(answer.location)}, and mx follows no redirect here"
            if answer.location
            else ""
        )
        return StepResult(
            outcome="failed",
            says=f"{says}; the playbook expects {wanted}{onward}",
            evidence=(f"HTTP {answer.status}",),
        )

    async def _exchange(
        self,
        table: Mapping[str, JsonValue],
        method: str,
        url: str,
        *,
        json: JsonValue = None,
        content: bytes | None = None,
    ) -> tuple[Answered, str]:
        """The answer and its sentence. Raises OutsideError."""
        doing = f"sending {method} {place(url)}"
        given = table.get("headers")
        headers = {name: str(text) for name, text in given.items()} if isinstance(given, dict) else {}
        token = ""
        if isinstance(path := table.get("bearer_file"), str):
            token = await asyncio.to_thread(_token, path)
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = await ask(method, url, doing=doing, headers=headers, json=json, content=content)
        except Lost as lost:
            raise Lost(f"{lost}. Look at {urlsplit(url).hostname} whether it was done") from None
        said = answer.says(4096)
        if token:
            said = said.replace(token, "[redacted]")
        said = said if len(said) <= 200 else f"{said[:199]}…"  # noqa: PLR2004 - as the documentation says
        return answer, f"{method} {place(url)} answered {answer.status}" + (f": {said}" if said else "")


def _back(table: Mapping[str, JsonValue]) -> str:
    url = table.get("undo_url")
    return f"{table.get('undo_method', 'DELETE')} {place(url)}" if isinstance(url, str) else ""


def _token(path: str) -> str:
    """The file's token. Raises OutsideError, which never holds any of it."""
    if trouble := _file_trouble(path):
        raise OutsideError(trouble, permanent=True)
    with Path(path).open("rb") as file:
        raw = file.read(_LONGEST_TOKEN)
    token = raw.decode("ascii", errors="replace").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise OutsideError(
            f"reading the token in {path}: it is empty or no token; write the token alone on one line",
            permanent=True,
        )
    return token


def _file_trouble(path: JsonValue) -> str | None:
    if not isinstance(path, str):
        return None
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            return f"reading the token in {path}: it is no file; name the file that holds it"
        with Path(path).open("rb"):
            pass
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        return f"reading the token in {path}: {why}; let mx's user read that file"
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"reading the token in {path}: others may read it too (mode {stat.S_IMODE(found.st_mode):o}); chmod 600 it"
    return None
