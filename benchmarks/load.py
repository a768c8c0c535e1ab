"""An upstream and a load generator in few lines of asyncio, each a process of its own on the core the proxy leaves."""

import asyncio
import json
import re
import socket
import sys
import time
from typing import cast

import uvloop

BODY = json.dumps(
    {"workOrders": [{"id": n, "title": f"Pump {n}", "status": "OPEN"} for n in range(22)]}
).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)
REQUEST = (
    b"GET /v1/workorders?limit=100 HTTP/1.1\r\nHost: gateway:8081\r\nAccept: application/json\r\n"
    b"Authorization: Bearer 0123456789abcdef\r\nUser-Agent: bench\r\n\r\n"
)
WRITE_BODY = json.dumps({"title": "Replace the seal on pump 7", "description": "x" * 300, "priority": "HIGH"})
WRITE = (
    b"POST /v1/workorders HTTP/1.1\r\nHost: gateway:8081\r\nAccept: application/json\r\n"
    b"Authorization: Bearer 0123456789abcdef\r\nUser-Agent: bench\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(WRITE_BODY), WRITE_BODY.encode())
)
REQUESTS = {"read": REQUEST, "write": WRITE}
_LENGTH = re.compile(rb"Content-Length: (\d+)")


class Upstream(asyncio.Protocol):
    """Answers each request with the same kilobyte."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer."""

    def __init__(self, request: bytes, done: list[int]) -> None:
        self.request = request
        self.done = done
        self.left = 0
        self.seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.left:
            self.seen += data
            head, found, body = self.seen.partition(b"\r\n\r\n")
            if not found:
                return
            length = _LENGTH.search(head)
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")) or length is None:
                sys.exit(f"the proxy answered {head[:80]!r}")
            self.left = int(length[1]) - len(body)
            self.seen = b""
        else:
            self.left -= len(data)
        if self.left == 0:
            self.done[0] += 1
            self.transport.write(self.request)


async def upstream() -> None:
    """Serve until standard input closes; the port is printed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def drive(port: int, connections: int, seconds: float, kind: str = "read") -> None:
    """Ask as fast as answers come; prints requests and seconds."""
    request = REQUESTS[kind]
    done = [0]
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: Client(request, done), "127.0.0.1", port)
        for _ in range(connections)
    ]
    started, before = time.perf_counter(), done[0]
    await asyncio.sleep(seconds)
    print(done[0] - before, time.perf_counter() - started, flush=True)
    for transport, _ in opened:
        transport.abort()


def latencies(port: int, count: int) -> None:
    """One connection, one request after the other; prints p50 and p99 in milliseconds."""
    took = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            started = time.perf_counter()
            sock.sendall(REQUEST)
            seen = b""
            while not seen.endswith(BODY[-16:]):
                if not (data := sock.recv(65536)):
                    sys.exit("the proxy closed the connection")
                seen += data
            took.append(time.perf_counter() - started)
    took.sort()
    print(took[len(took) // 2] * 1000, took[len(took) * 99 // 100] * 1000, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["upstream"]:
            uvloop.run(upstream())
        case ["drive", port, connections, seconds]:
            uvloop.run(drive(int(port), int(connections), float(seconds)))
        case ["drive", port, connections, seconds, kind]:
            uvloop.run(drive(int(port), int(connections), float(seconds), kind))
        case ["latency", port, count]:
            latencies(int(port), int(count))
        case _:
            sys.exit("say: upstream, drive PORT CONNECTIONS SECONDS, or latency PORT COUNT")
