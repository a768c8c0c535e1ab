"""The gateway's composition root: opens everything, starts every loop, and stops without losing what is in flight."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from urllib.parse import urlsplit

from bot.accepting import stop_accepting
from bot.errors import ConfigError
from bot.gateway.edge import EdgeServer
from bot.gateway.parts import Parts
from bot.gateway.schema import FIRST, UPGRADES
from bot.gateway.settings import GatewaySettings
from bot.gateway.upstream import Upstream
from bot.journal.leader import LeaderLock
from bot.journal.sqlite import Database
from bot.ports import Clock, KeySource

_BACKLOG = 1024
_CLOSING_S = 1.0


async def serve(
    settings: GatewaySettings,
    *,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    key: KeySource | None = None,
) -> None:
    """Run the gateway until ``stop`` is set, then finish what is in flight.

    ``ready`` hears the address once requests are taken. ``key`` is the one that the gateway itself uses; without one
    it replays and polls nothing. Raises ConfigError (the port, the upstream, the buffer's key) and StoreError.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(_fewer_collections())
        lock = _alone(settings)
        stack.callback(lock.release)
        database = await stack.enter_async_context(
            Database.open(settings.database, schema=FIRST, upgrades=UPGRADES)
        )
        upstream = await stack.enter_async_context(_upstream(settings))
        parts = await Parts.open(settings, database=database, upstream=upstream, clock=clock, key=key)
        edge = EdgeServer(parts.proxy.handle, settings, parts.log)
        server = await _listen(edge, settings)
        port = server.sockets[0].getsockname()[1]
        try:
            await _refuse_loop(settings, port)
            async with asyncio.TaskGroup() as loops:
                turns = loops.create_task(parts.admission.run())
                running = [loops.create_task(loop) for loop in parts.loops()]
                ready(f"http://{_shown(settings.host)}:{port}")
                await stop.wait()
                stop_accepting(server)
                # Nothing new is begun: what is being replayed ends, the rest waits for the process that follows.
                parts.close()
                parts.forwarding.draining = True
                await _drained(parts, settings.drain_s)
                for loop in running:
                    loop.cancel()
                await parts.save()
                lock.release()
                turns.cancel()
        finally:
            stop_accepting(server)
            await asyncio.sleep(0)
            await edge.shutdown(_CLOSING_S)


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Look for cycles less often: requests leave few behind, and at the default each tenth of the time goes there."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


async def _drained(parts: Parts, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await parts.proxy.until_idle()
            await parts.replay.until_idle()
            await parts.mailroom.until_idle()
    except TimeoutError:
        parts.log.warning("stopping: requests were still in flight after %g s and are cut off", limit_s)


@asynccontextmanager
async def _upstream(settings: GatewaySettings) -> AsyncIterator[Upstream]:
    upstream = Upstream(settings)
    try:
        yield upstream
    finally:
        await upstream.close()


def _alone(settings: GatewaySettings) -> LeaderLock:
    """Leases live in one process: another one on the same file would not hear of them. Raises ConfigError."""
    lock = LeaderLock(settings.database)
    if not lock.try_acquire():
        text = (
            f"another gateway already works with {settings.database}; stop it, "
            "or give this one a database of its own (MX_GATEWAY_DATABASE_URL)"
        )
        raise ConfigError((text,))
    return lock


async def _listen(edge: EdgeServer, settings: GatewaySettings) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(
            edge, settings.host, settings.port, backlog=_BACKLOG
        )
    except OSError as error:
        text = (
            f"listening on {settings.host} port {settings.port}: {error.strerror or error}; "
            "stop what listens there, or set MX_GATEWAY_PORT to a free port"
        )
        raise ConfigError((text,)) from None


async def _refuse_loop(settings: GatewaySettings, port: int) -> None:
    """Refuse to start where what is forwarded would come back to this very gateway. Raises ConfigError."""
    text = (
        f"MAINTAINX_BASE_URL is {settings.upstream}, which is this gateway itself; "
        "set it to MaintainX (https://api.getmaintainx.com/v1) for the gateway and the bot, "
        "and to the gateway for the integration only"
    )
    if await _leads_here(settings.upstream, port):
        raise ConfigError((text,))
    to = settings.webhooks.forward_to
    if to is not None and await _leads_here(to, port):
        text = (
            "INTEGRATION_WEBHOOK_URL leads to this gateway itself; set it to the integration's own URL for webhooks, "
            "and give MaintainX's subscriptions the gateway's (/-/webhooks/EVENT)"
        )
        raise ConfigError((text,))


async def _leads_here(address: str, port: int) -> bool:
    url = urlsplit(address)
    if (url.port or (443 if url.scheme == "https" else 80)) != port or url.hostname is None:
        return False
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return False  # a name that is not known yet leads nowhere; a loop later on is seen by its headers
    return any(_is_ours(family, str(at[0])) for family, _, _, _, at in found)


def _is_ours(family: int, address: str) -> bool:
    """Whether an address is this machine's: only such a one can be bound to."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


def _shown(host: str) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"[{host}]" if ":" in host else host
