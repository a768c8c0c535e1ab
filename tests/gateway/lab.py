"""A gateway between a raw client and an upstream that records every byte, in a thread of its own: one for many tests."""

import asyncio
import re
from collections.abc import Coroutine, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.gateway.strict import Request, read_requests
from tests.gateway.wires import OK, RawUpstream, RunningGateway, gateway, upstream

T = TypeVar("T")

_LIMIT_S = 20.0
"""After this long something hangs; what a busy machine needs is far less."""


@dataclass
class Recorder:
    """The upstream's side: every byte, and the requests that a strict reader finds in them."""

    whole: list[Request] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    faults: list[bytes] = field(default_factory=list)
    """What the gateway sent that is no HTTP."""
    begun: dict[int, bytes] = field(default_factory=dict)
    """By connection: the beginning of a request that is not whole, or never became so."""

    def forget(self) -> None:
        for kept in (self.whole, self.raw, self.faults, self.begun):
            kept.clear()

    @property
    def seen(self) -> list[Request]:
        """Every request of which at least the head arrived."""
        return self.whole + [r for data in self.begun.values() for r in read_requests(data).requests]

    async def __call__(
        self, up: RawUpstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        data, number = b"", up.connections
        while more := await reader.read(65536):
            self.raw += more
            data += more
            stream = read_requests(data)
            self.whole += stream.whole
            data = data[stream.used :]
            self.begun[number] = data
            if stream.end == "bad":
                self.faults.append(data)
            for request in stream.whole:
                writer.write(OK.partition(b"ok")[0] if request.method == b"HEAD" else OK)
            await writer.drain()


@dataclass(frozen=True)
class Answer:
    """A final answer of the gateway as it stood on the wire."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@dataclass
class Lab:
    """Runs one raw client at a time against the gateway."""

    loop: asyncio.AbstractEventLoop
    gateway: RunningGateway
    upstream: RawUpstream
    recorder: Recorder

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the lab's thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_LIMIT_S + 10)

    def send(self, *parts: bytes) -> bytes:
        """Send raw bytes, each part as a segment of its own, on a new connection; all that came back until its end."""
        return self.run(self._send(parts))

    async def _send(self, parts: tuple[bytes, ...]) -> bytes:
        self.recorder.forget()
        back = bytearray()
        async with (
            asyncio.timeout(_LIMIT_S),
            self.gateway.connected() as (reader, writer),
            asyncio.TaskGroup() as group,
        ):
            # Read all the while: a reset by a server that has answered and closed would take the answer away.
            reading = group.create_task(_collect(reader, back))
            for part in parts:
                if reading.done():
                    break
                writer.write(part)
                await asyncio.sleep(0.002 if len(parts) > 1 else 0)
        await asyncio.sleep(0.002)  # what is on its way to the upstream arrives
        return bytes(back)


async def _collect(reader: asyncio.StreamReader, into: bytearray) -> None:
    try:
        while data := await reader.read(65536):
            into += data
    except ConnectionError:
        pass  # what was answered before is what counts


def read_answers(raw: bytes, methods: list[bytes]) -> list[Answer]:
    """The final answers in what came back; asserts that nothing else is in it. ``methods``: of the requests."""
    found: list[Answer] = []
    while raw:
        head, blank, raw = raw.partition(b"\r\n\r\n")
        start = re.fullmatch(rb"HTTP/1\.1 (\d{3}) [^\r\n]*", head.split(b"\r\n")[0])
        assert blank, head
        assert start, head
        status = int(start[1])
        if status == 100:
            continue
        lines = [line.partition(b": ") for line in head.split(b"\r\n")[1:]]
        headers = {name.lower(): value for name, _, value in lines}
        assert len(headers) == len(lines), head
        # To a HEAD there is no body; but one whose bytes could not be read was not known for a HEAD to the gateway.
        head_asked = status >= 400 or methods[len(found) : len(found) + 1] == [b"HEAD"]
        bare = head_asked and not raw.startswith(b"{")
        length = 0 if bare else int(headers[b"content-length"])
        assert len(raw) >= length, (head, raw)
        found.append(Answer(status, headers, raw[:length]))
        raw = raw[length:]
    return found


@contextmanager
def lab(folder: Path, **settings: Any) -> Iterator[Lab]:
    """Start a gateway and its upstream. They never wait long, so that no test has to."""
    recorder, started = Recorder(), Future[Lab]()
    stop = asyncio.Event()
    given = {"user_limit": 1_000_000, "organisation_limit": 1_000_000, "answer_s": 5.0, **settings}

    async def work() -> None:
        async with upstream(behaviour=recorder) as up, gateway(up.url, folder, **given) as running:
            started.set_result(Lab(asyncio.get_running_loop(), running, up, recorder))
            await stop.wait()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(asyncio.run, work())
        both: tuple[Future[Any], ...] = (running, started)
        wait(both, timeout=_LIMIT_S, return_when=FIRST_COMPLETED)
        if running.done():
            running.result()
        made = started.result(0)
        try:
            yield made
        finally:
            made.loop.call_soon_threadsafe(stop.set)
            running.result(_LIMIT_S)
