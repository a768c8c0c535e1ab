"""The gateway's composition root: opens everything, starts every loop, and stops without losing what is in flight."""

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from urllib.parse import urlsplit

from bot.errors import ConfigError
from bot.gateway.admin import Admin
from bot.gateway.admission import Admission
from bot.gateway.budget import Budget
from bot.gateway.edge import EdgeServer
from bot.gateway.health import Health
from bot.gateway.leases import SCHEMA, Effect, Leases
from bot.gateway.limiter import Limiter
from bot.gateway.proxy import Proxy
from bot.gateway.settings import GatewaySettings
from bot.gateway.traffic import Traffic
from bot.gateway.traffic_store import UPGRADE, TrafficStore
from bot.gateway.upstream import Upstream
from bot.journal.leader import LeaderLock
from bot.journal.sqlite import Database
from bot.ports import Clock

_BACKLOG = 1024
_CLOSING_S = 1.0


async def serve(
    settings: GatewaySettings, *, clock: Clock, stop: asyncio.Event, ready: Callable[[str], None]
) -> None:
    """Run the gateway until ``stop`` is set, then finish what is in flight.

    ``ready`` hears the address once requests are taken. Raises ConfigError (the port, the upstream) and StoreError.
    """
    log = logging.getLogger("mx.gateway")
    budget = Budget(user_limit=settings.user_limit, organisation_limit=settings.organisation_limit)
    admission = Admission(Limiter(budget, max_wait_s=settings.max_wait_s, room=settings.max_waiting), clock)
    traffic = Traffic()

    def in_force(effect: Effect) -> None:
        admission.apply(rate_per_s=effect.rate_per_s, paused=frozenset(effect.paused_jobs))

    async with AsyncExitStack() as stack:
        stack.enter_context(_fewer_collections())
        lock = _alone(settings)
        stack.callback(lock.release)
        database = await stack.enter_async_context(Database.open(settings.database, schema=SCHEMA + UPGRADE))
        upstream = await stack.enter_async_context(_upstream(settings))
        leases = Leases(database, clock, in_force)
        await leases.load()
        history = TrafficStore(database, traffic, clock, on_trouble=lambda error: log.error("%s", error))
        await history.load()
        health = Health(upstream.name, clock)
        admin = Admin(
            settings,
            clock=clock,
            leases=leases,
            admission=admission,
            budget=budget,
            traffic=traffic,
            history=history,
            health=health,
        )
        proxy = Proxy(
            settings,
            clock=clock,
            upstream=upstream,
            leases=leases,
            admission=admission,
            budget=budget,
            traffic=traffic,
            health=health,
            admin=admin,
            log=log,
        )
        edge = EdgeServer(proxy.handle, settings, log)
        server = await _listen(edge, settings)
        port = server.sockets[0].getsockname()[1]
        try:
            await _refuse_loop(settings, port)
            async with asyncio.TaskGroup() as loops:
                turns = loops.create_task(admission.run())
                expiry = loops.create_task(leases.run_expiry(on_trouble=lambda error: log.error("%s", error)))
                saving = loops.create_task(history.run())
                ready(f"http://{_shown(settings.host)}:{port}")
                await stop.wait()
                server.close()
                # From here on a following process may take the port and the leases over.
                leases.close()
                expiry.cancel()
                saving.cancel()
                await history.save()
                lock.release()
                proxy.draining = True
                await _drained(proxy, settings.drain_s, log)
                turns.cancel()
                await history.save()
        finally:
            server.close()
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


async def _drained(proxy: Proxy, limit_s: float, log: logging.Logger) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await proxy.until_idle()
    except TimeoutError:
        log.warning("stopping: requests were still in flight after %g s and are cut off", limit_s)


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
    """Refuse to start where the upstream is this very gateway. Raises ConfigError."""
    url = urlsplit(settings.upstream)
    if (url.port or (443 if url.scheme == "https" else 80)) != port or url.hostname is None:
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return  # a name that is not known yet leads nowhere; a loop later on is caught by Via
    if any(_is_ours(family, str(address[0])) for family, _, _, _, address in found):
        text = (
            f"MAINTAINX_BASE_URL is {settings.upstream}, which is this gateway itself; "
            "set it to MaintainX (https://api.getmaintainx.com/v1) for the gateway and the bot, "
            "and to the gateway for the integration only"
        )
        raise ConfigError((text,))


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
