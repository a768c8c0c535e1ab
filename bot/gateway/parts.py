"""The gateway's parts, put together: who knows whom, what is told of a change, and which loops there are."""

import logging
from collections.abc import Coroutine
from typing import Self

from bot.errors import MxError
from bot.gateway.admin import Admin
from bot.gateway.admission import Admission
from bot.gateway.asking import Asking
from bot.gateway.budget import Budget
from bot.gateway.buffer.buffer import Buffer
from bot.gateway.buffer.control import Control
from bot.gateway.buffer.intake import Intake
from bot.gateway.buffer.replay import Replay
from bot.gateway.buffer.routes import BufferRoutes
from bot.gateway.buffer.writes import Write
from bot.gateway.feed import Feed
from bot.gateway.forwarding import Forwarding
from bot.gateway.health import Health
from bot.gateway.keyring import Callers, CurrentKey
from bot.gateway.lastgood import LastGood
from bot.gateway.leases import Effect, Leases
from bot.gateway.limiter import Limiter
from bot.gateway.modes import Modes
from bot.gateway.outage import Outage
from bot.gateway.policy_routes import PolicyRoutes
from bot.gateway.proxy import Proxy
from bot.gateway.retrying import Retries
from bot.gateway.settings import GatewaySettings
from bot.gateway.traffic import Traffic
from bot.gateway.traffic_store import TrafficStore
from bot.gateway.upstream import Upstream
from bot.gateway.webhooks.mailroom import Mailroom
from bot.journal.disk import look
from bot.journal.sqlite import Database
from bot.ports import Clock, KeySource

_SAVE_EVERY_S = 60.0


class Parts:
    """Everything that handles requests, made once at the start by ``open``."""

    admission: Admission
    forwarding: Forwarding
    proxy: Proxy
    replay: Replay
    mailroom: Mailroom

    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        self.log = logging.getLogger("mx.gateway")
        self._settings = settings
        self._clock = clock
        self._leases: Leases
        self._buffer: Buffer
        self._control: Control
        self._outage: Outage
        self._modes: Modes
        self._callers: Callers
        self._asking: Asking
        self._history: TrafficStore
        self._retries = Retries(
            share=settings.retry_share, tries=settings.retry_tries, longest_s=settings.max_wait_s
        )

    @classmethod
    async def open(
        cls,
        settings: GatewaySettings,
        *,
        database: Database,
        upstream: Upstream,
        clock: Clock,
        key: KeySource | None,
    ) -> Self:
        """Take up from the disk what was so before the restart. Raises ConfigError and StoreError."""
        parts = cls(settings, clock)
        current = CurrentKey(key)
        budget = Budget(user_limit=settings.user_limit, organisation_limit=settings.organisation_limit)
        limiter = Limiter(budget, max_wait_s=settings.max_wait_s, room=settings.max_waiting)
        admission = parts.admission = Admission(limiter, budget, clock)
        traffic, health = Traffic(), Health(upstream.name, clock)
        history = parts._history = TrafficStore(database, traffic, clock, on_trouble=parts._trouble)
        await history.load()
        last_good = LastGood(settings.buffer.stale_paths)
        feed = await Feed.open(database)
        callers = parts._callers = await Callers.open(database, clock)
        buffer = parts._buffer = await Buffer.open(database, settings=settings.buffer, clock=clock)
        control = parts._control = await Control.open(database, buffer, clock=clock)
        asking = parts._asking = Asking(
            upstream, admission=admission, budget=budget, key=current, callers=callers, clock=clock
        )
        outage = parts._outage = Outage(
            database, settings=settings.buffer, on_change=parts._judged, clock=clock
        )

        await outage.load()

        def settled(write: Write, what: str) -> None:
            traffic.note(write.lane, "replayed", what, now=clock.monotonic())

        replay = parts.replay = Replay(
            buffer,
            control,
            asking,
            settings=settings.buffer,
            limit=lambda: budget.limit,
            settled=settled,
            outage=outage,
            clock=clock,
            log=parts.log,
        )
        mailroom = parts.mailroom = await Mailroom.open(
            settings, database=database, asking=asking, clock=clock, log=parts.log
        )
        disk = look(settings.database, setting="MX_GATEWAY_DATABASE_URL", platform=settings.platform)
        modes = parts._modes = Modes(
            buffer=buffer, control=control, replay=replay, outage=outage, disk=disk.model_dump()
        )
        leases = parts._leases = Leases(database, clock, parts._in_force)
        await leases.load()
        intake = Intake(
            settings.buffer,
            buffer=buffer,
            callers=callers,
            key=current,
            must_queue=modes.must_queue,
            stall_s=settings.stall_s,
            clock=clock,
        )
        forwarding = parts.forwarding = Forwarding(
            settings,
            clock=clock,
            upstream=upstream,
            admission=admission,
            budget=budget,
            traffic=traffic,
            health=health,
            outage=outage,
            callers=callers,
            retries=parts._retries,
            last_good=last_good,
            holds_up=lambda one: modes.holds_up(one.request.method, one.request.raw_path),
            log=parts.log,
        )
        policy = PolicyRoutes(
            settings,
            clock=clock,
            leases=leases,
            feed=feed,
            modes=modes,
            mailroom=mailroom,
            admission=admission,
            budget=budget,
            traffic=traffic,
            history=history,
            health=health,
        )
        buffered = BufferRoutes(
            database=database,
            buffer=buffer,
            control=control,
            replay=replay,
            asking=asking,
            key=current,
            clock=clock,
        )
        parts.proxy = Proxy(
            settings,
            clock=clock,
            upstream=upstream,
            leases=leases,
            modes=modes,
            admission=admission,
            intake=intake,
            forwarding=forwarding,
            callers=callers,
            retries=parts._retries,
            last_good=last_good,
            traffic=traffic,
            admin=Admin(settings, {**policy.routes(), **buffered.routes(), **mailroom.routes()}),
        )
        return parts

    def loops(self) -> list[Coroutine[None, None, None]]:
        """What runs until the process stops, beside the admission."""
        return [
            self._leases.run_expiry(on_trouble=self._trouble),
            self.replay.run(),
            self._control.run(on_trouble=self._trouble, has_key=lambda: self._asking.has_key),
            self._outage.run(self._asking, on_trouble=self._trouble),
            self._history.run(),
            self._keep_house(),
            *self.mailroom.loops(),
        ]

    def close(self) -> None:
        """Begin nothing new; what is in flight may end."""
        self._leases.close()
        self._control.close()
        self.mailroom.close()

    async def save(self) -> None:
        """Write down what is kept in memory between times."""
        await self._history.save()
        try:
            await self._callers.save()
        except MxError as error:
            self._trouble(error)

    async def _keep_house(self) -> None:
        while True:
            await self._clock.sleep(_SAVE_EVERY_S)
            await self.save()
            try:
                await self._buffer.forget()
                await self.mailroom.forget()
            except MxError as error:
                self._trouble(error)

    def _trouble(self, error: Exception) -> None:
        self.log.error("%s", error)

    def _in_force(self, effect: Effect) -> None:
        self.admission.apply(rate_per_s=effect.rate_per_s, paused=frozenset(effect.paused_jobs))
        self._retries.on = effect.retry
        self.mailroom.switch(poll=effect.poll, paused=effect.forward == "paused")
        self._apply(effect)

    def _judged(self) -> None:
        """The circuit opened or closed."""
        self._apply(None)
        wanted = self._settings.buffer.auto_replay and self._modes.effect.buffer == "auto"
        if wanted and not self._outage.down:
            self._control.want_start()

    def _apply(self, effect: Effect | None) -> None:
        if self._modes.look_again(effect):
            self._control.hold(buffering=self._modes.buffering)
