"""The Docker Engine API over its Unix socket, as far as one container needs it: look at it, start it anew.

Paths carry no version: every engine (and Podman's service) answers them in its own version, and these answers have
kept their shape.
"""

import asyncio
import errno
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import quote

import httpx
from pydantic import JsonValue

from bot.domain.readings import Made, ServiceState
from bot.errors import OutsideError

SOCKET = "/var/run/docker.sock"
DEADLINE_S = 5.0
STOP_S = 10
"""What a container is given to end by itself before it is killed."""

_NEVER = "0001-01-01"
_LONGEST_ERROR = 300
_MOST_NAMES = 10


class DockerHost:
    """One container behind one socket; implements ``ServiceHost``. A connection per question."""

    def __init__(self, name: str, *, socket: str = SOCKET, deadline_s: float = DEADLINE_S) -> None:
        self._name = name
        self._socket = socket
        self._deadline_s = deadline_s

    async def look(self) -> ServiceState:
        found = await self._inspect()
        state, host = _table(found.get("State")), _table(found.get("HostConfig"))
        used, whole = await self._memory() if state.get("Running") else (None, None)
        running = state.get("Status") == "running"
        limit = _count(host.get("Memory")) or whole
        return ServiceState(
            runs_in="docker",
            name=self._name,
            state=str(state.get("Status") or "unknown"),
            running=running,
            life=_life(state),
            since=_time(state.get("StartedAt")) if running else None,
            ended=None if running else _time(state.get("FinishedAt")),
            exit_code=None if running else _count(state.get("ExitCode")),
            oom_killed=state.get("OOMKilled") is True,
            restarts=_count(found.get("RestartCount")) or 0,
            policy=str(_table(host.get("RestartPolicy")).get("Name") or "no"),
            memory_used=used,
            memory_limit=limit,
            error=str(state.get("Error") or "")[:_LONGEST_ERROR],
        )

    async def restart(self) -> str:
        await self._ask(
            "POST", f"{self._path}/restart?t={STOP_S}", doing="restarting", deadline_s=STOP_S + 20.0
        )
        return f"Docker has restarted the container {self._name}"

    async def made_with(self) -> Made:
        found = await self._inspect()
        given = _table(found.get("Config")).get("Env")
        names = (str(entry).partition("=")[0] for entry in given) if isinstance(given, list) else ()
        return Made(variables=tuple(names), at=_time(found.get("Created")))

    @property
    def _path(self) -> str:
        return f"/containers/{quote(self._name, safe='')}"

    async def _inspect(self) -> Mapping[str, JsonValue]:
        return _table(await self._ask("GET", f"{self._path}/json", doing="looking at"))

    async def _memory(self) -> tuple[int | None, int | None]:
        """Bytes in use and the limit; neither where the engine does not say: a look is of use without them."""
        try:
            found = _table(
                await self._ask(
                    "GET", f"{self._path}/stats?stream=false&one-shot=true", doing="measuring the memory of"
                )
            )
        except OutsideError:
            return None, None
        memory = _table(found.get("memory_stats"))
        used = _count(memory.get("usage"))
        parts = _table(memory.get("stats"))
        given_back = _count(parts.get("inactive_file")) or _count(parts.get("total_inactive_file")) or 0
        return (max(0, used - given_back) if used is not None else None), _count(memory.get("limit"))

    async def _ask(
        self, method: str, path: str, *, doing: str, deadline_s: float | None = None, names: bool = True
    ) -> JsonValue:
        within = self._deadline_s if deadline_s is None else deadline_s
        asking = f"{doing} the container {self._name} through {self._socket}"
        transport = httpx.AsyncHTTPTransport(uds=self._socket, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        try:
            async with asyncio.timeout(within), httpx.AsyncClient(transport=transport, timeout=None) as http:  # noqa: S113 - the block has its own limit
                answer = await http.request(method, f"http://docker{path}")
        except TimeoutError:
            raise OutsideError(
                f"{asking}: no answer within {within:g} s; see whether Docker itself is well (`docker info`)"
            ) from None
        except httpx.ConnectError as error:
            raise OutsideError(f"{asking}: {_no_way(error)}", permanent=True) from None
        except httpx.HTTPError as error:
            raise OutsideError(
                f"{asking}: the connection broke ({type(error).__name__}); is it Docker that listens there?"
            ) from None
        return await self._content(answer, asking=asking, names=names)

    async def _content(self, answer: httpx.Response, *, asking: str, names: bool) -> JsonValue:
        try:
            content: JsonValue = answer.json() if answer.content else None
        except ValueError:
            content = None
            if answer.is_success:
                raise OutsideError(
                    f"{asking}: the answer is not JSON; is it Docker that listens there?", permanent=True
                ) from None
        if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
            return content
        said = str(_table(content).get("message") or f"HTTP {answer.status_code}")[:_LONGEST_ERROR]
        if answer.status_code == HTTPStatus.NOT_FOUND and names:
            raise OutsideError(f"{asking}: {said}. {await self._there_is()}", permanent=True)
        if answer.status_code == HTTPStatus.CONFLICT:
            raise OutsideError(f"{asking}: {said}; somebody else is at it, look with `docker ps -a`")
        raise OutsideError(f"{asking}: {said}", permanent=not answer.is_server_error)

    async def _there_is(self) -> str:
        """Which containers there are, for a name that is none."""
        try:
            found = await self._ask(
                "GET", "/containers/json?all=true", doing="listing what is beside", names=False
            )
        except OutsideError:
            return "List the containers with `docker ps -a`"
        rows = found if isinstance(found, list) else []
        lists = [_table(row).get("Names") for row in rows]
        names = [str(each[0]).removeprefix("/") for each in lists if isinstance(each, list) and each]
        if not names:
            return (
                "There is no container at all; set service_container in mx.toml, and docker_socket if need be"
            )
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return f"There is: {', '.join(sorted(names)[:_MOST_NAMES])}{more}; set service_container in mx.toml"


def _no_way(error: BaseException) -> str:
    """What the operating system said of the socket, and what to do."""
    step: BaseException | None = error
    while step is not None and not (isinstance(step, OSError) and step.errno):
        step = step.__cause__ or step.__context__
    match step.errno if isinstance(step, OSError) else None:
        case errno.EACCES | errno.EPERM:
            return "permission denied; add mx's user to the group that owns the socket (mostly docker) and start mx anew"
        case errno.ENOENT:
            return "there is no such socket; is Docker installed here? Else set docker_socket in mx.toml"
        case errno.ECONNREFUSED:
            return "nobody listens there; start Docker (`systemctl start docker`)"
        case _:
            return f"the socket cannot be used ({error}); is docker_socket in mx.toml the path of a socket?"


def _life(state: Mapping[str, JsonValue]) -> str:
    started = str(state.get("StartedAt") or "")
    return "" if started.startswith(_NEVER) else started


def _time(value: JsonValue) -> datetime | None:
    """Go's RFC 3339 with nanoseconds; None for its zero time."""
    if not isinstance(value, str) or not value or value.startswith(_NEVER):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        return None


def _count(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _table(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}
