"""Google on loopback: Secret Manager v1 and Cloud Run v2 in the REST shapes that the official clients send."""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from bot.demo.cloudrun import FakeService, Refusal
from bot.demo.door import Door

_SECRET = re.compile(r"/v1/projects/([^/]+)/secrets/([^/:]+)(?:/versions/([^/:]+))?(?::(\w+))?")
_SERVICE = re.compile(r"/v2/(projects/[^/]+/locations/[^/]+/services/[^/:]+)")


@dataclass(slots=True)
class FakeVersion:
    """One version of a secret."""

    data: bytes
    state: str = "ENABLED"


class FakeGoogle:
    """One project with secrets and one Cloud Run service; every public attribute may be changed by a test."""

    def __init__(self, *, secret: str) -> None:
        self.project, self.number, self.region = "acme-plant", "1234567890", "us-central1"
        self.secret = secret
        self.secrets: dict[str, list[FakeVersion]] = {secret: []}
        self.forbidden: set[str] = set()
        """Acts that are answered 403: addVersion, access, disable, enable, get, run.get, run.update."""
        self.broken: int | None = None
        """Answer every request with this status and a page."""
        self.drop_answer_of = ""
        """The act that is done, and whose answer is then lost, once."""
        self.acts: Counter[str] = Counter()
        self.seen: list[str] = []
        """Method and target of every request."""
        self.service: FakeService
        self._door: Door

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        key: str = "demo-maintainx-key",
        version: str = "1",
        service: str = "maintainx-integration",
        secret: str = "maintainx-api-key",  # noqa: S107 - the name of a secret, as the runbook has it
        variable: str = "MAINTAINX_API_KEY",
    ) -> AsyncIterator[Self]:
        """Serve on a free port of 127.0.0.1 until the block ends; the service refers to ``version`` of the secret."""
        fake = cls(secret=secret)
        fake.put(key)
        name = f"projects/{fake.project}/locations/{fake.region}/services/{service}"
        fake.service = FakeService(name, secret=secret, variable=variable, version=version, read=fake.read)
        async with Door.open(fake._serve) as fake._door:
            yield fake

    @property
    def url(self) -> str:
        """The address that stands in for both APIs."""
        return self._door.url

    def put(self, key: str) -> str:
        """Somebody adds a version of the secret by hand; its number."""
        self.secrets[self.secret].append(FakeVersion(key.encode()))
        return str(len(self.secrets[self.secret]))

    def read(self, secret: str, version: str) -> str:
        """The text of a version, as an instance or a client with the right reads it. Raises Refusal."""
        n = self._number(secret, version)
        found = self.secrets[secret][n - 1]
        if found.state != "ENABLED":
            name = f"projects/{self.number}/secrets/{secret}/versions/{n}"
            raise Refusal(400, f"Secret Version [{name}] is in DISABLED state.", word="FAILED_PRECONDITION")
        return found.data.decode()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path_qs}")
        if self.broken is not None:
            return web.Response(status=self.broken, text="<html>Error</html>", content_type="text/html")
        try:
            body = json.loads(await request.read() or b"{}")
            answer = self._answer(request.method, request.path, request.query, body)
        except Refusal as refusal:
            error = {"code": refusal.status, "message": refusal.text, "status": refusal.word}
            return web.json_response({"error": error}, status=refusal.status)
        if self.drop_answer_of and self.drop_answer_of in request.path_qs and request.method != "GET":
            self.drop_answer_of = ""
            if request.transport is not None:
                request.transport.abort()
        return web.json_response(answer)

    def _answer(self, method: str, path: str, query: Any, body: dict[str, Any]) -> dict[str, Any]:
        if found := _SECRET.fullmatch(path):
            project, secret, version, act = found.groups()
            if project in (self.project, self.number):
                return self._secret(method, secret, version, act or "get", body)
        elif found := _SERVICE.fullmatch(path):
            return self._run(method, found.group(1), query, body)
        raise Refusal(404, f"Requested entity {path} was not found.")

    def _secret(
        self, method: str, secret: str, version: str | None, act: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        self._may(act, f"secretmanager.versions.{act}", f"projects/{self.number}/secrets/{secret}")
        if secret not in self.secrets:
            raise Refusal(404, f"Secret [projects/{self.number}/secrets/{secret}] not found.")
        match method, act, version:
            case "POST", "addVersion", None:
                try:
                    data = base64.b64decode(body["payload"]["data"], validate=True)
                except (KeyError, binascii.Error):
                    raise Refusal(400, "Invalid value at 'payload.data'") from None
                self.secrets[secret].append(FakeVersion(data))
                return self._shown(secret, len(self.secrets[secret]))
            case "GET", "access", str():
                data = self.read(secret, version).encode()
                payload = {"data": base64.b64encode(data).decode()}
                return {
                    "name": self._shown(secret, self._number(secret, version))["name"],
                    "payload": payload,
                }
            case "POST", "disable" | "enable", str():
                n = self._number(secret, version)
                self.secrets[secret][n - 1].state = f"{act.upper()}D"
                return self._shown(secret, n)
            case "GET", "get", str():
                return self._shown(secret, self._number(secret, version))
            case _:
                raise Refusal(404, "Method not found.")

    def _number(self, secret: str, version: str) -> int:
        made = self.secrets.get(secret, [])
        n = len(made) if version == "latest" else int(version) if version.isdecimal() else 0
        if not 1 <= n <= len(made):
            name = f"projects/{self.number}/secrets/{secret}/versions/{version}"
            raise Refusal(404, f"Secret Version [{name}] not found.")
        return n

    def _shown(self, secret: str, n: int) -> dict[str, Any]:
        return {
            "name": f"projects/{self.number}/secrets/{secret}/versions/{n}",
            "createTime": "2026-11-23T12:00:00Z",
            "state": self.secrets[secret][n - 1].state,
            "etag": f'"{n}"',
        }

    def _run(self, method: str, name: str, query: Any, body: dict[str, Any]) -> dict[str, Any]:
        act = {"GET": "get", "PATCH": "update"}.get(method, method)
        self._may(f"run.{act}", f"run.services.{act}", name)
        if name != self.service.name:
            raise Refusal(404, f"Resource '{name.rpartition('/')[2]}' of kind 'SERVICE' does not exist.")
        if method == "GET":
            return self.service.look()
        mask = [part.strip() for part in query.get("updateMask", "").split(",")]
        operation = self.service.change(body, mask)
        typed = {"@type": "type.googleapis.com/google.cloud.run.v2.Service"}
        return {"name": operation, "done": False, "metadata": {**typed, **self.service.document}}

    def _may(self, act: str, permission: str, resource: str) -> None:
        self.acts[act] += 1
        if act in self.forbidden:
            says = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
            raise Refusal(403, says)
