"""The mailroom: inbox, forwarding and polling put together, as the rest of the gateway sees them."""

import logging
from collections.abc import Coroutine, Mapping
from typing import Self

from pydantic import JsonValue

from bot.gateway.asking import Asking
from bot.gateway.buffer.sealing import Seal
from bot.gateway.routes import Routes
from bot.gateway.settings import GatewaySettings
from bot.gateway.webhooks.forwarder import Forwarder
from bot.gateway.webhooks.inbox import Inbox
from bot.gateway.webhooks.polling import Polling
from bot.gateway.webhooks.routes import WebhookRoutes
from bot.journal.sqlite import Database
from bot.ports import Clock


class Mailroom:
    """Everything about MaintainX's webhooks, made once at the start by ``open``."""

    def __init__(
        self,
        settings: GatewaySettings,
        *,
        inbox: Inbox,
        database: Database,
        asking: Asking,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self._settings = settings.webhooks
        self._inbox = inbox
        self._forwarder = Forwarder(inbox, settings.webhooks, clock=clock, log=log)
        self._polling = Polling(
            database,
            inbox,
            asking,
            settings=settings.webhooks,
            organisation=settings.organisation,
            clock=clock,
            log=log,
        )
        self._routes = WebhookRoutes(inbox, settings.webhooks, clock=clock, log=log)

    @classmethod
    async def open(
        cls,
        settings: GatewaySettings,
        *,
        database: Database,
        asking: Asking,
        clock: Clock,
        log: logging.Logger,
    ) -> Self:
        """Take up what waited before the restart. Raises StoreError."""
        inbox = await Inbox.open(database, settings.webhooks, seal=Seal(settings.buffer.key), clock=clock)
        mailroom = cls(settings, inbox=inbox, database=database, asking=asking, clock=clock, log=log)
        await mailroom._polling.load()
        return mailroom

    def routes(self) -> Routes:
        """Its routes under ``/-/``."""
        return self._routes.routes()

    def loops(self) -> list[Coroutine[None, None, None]]:
        """What runs until the process stops."""
        return [self._forwarder.run(), self._polling.run()]

    def switch(self, *, poll: bool, paused: bool = False) -> None:
        """Leases have changed."""
        self._polling.switch(on=poll)
        self._forwarder.hold(on=paused)

    def close(self) -> None:
        """Forward nothing new; what is being sent may end."""
        self._forwarder.close()

    async def until_idle(self) -> None:
        """Wait until nothing is being sent."""
        await self._forwarder.until_idle()

    async def forget(self) -> None:
        """Delete what need not be remembered. Raises StoreError."""
        await self._inbox.forget()

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``."""
        inbox = self._inbox
        return {
            "secret": bool(self._settings.secrets),
            "last_received_at": inbox.last_received.isoformat() if inbox.last_received else None,
            **self._routes.json(),
            "waiting": inbox.counts.get("waiting", 0),
            "kept": inbox.counts.get("kept", 0),
            "bytes": inbox.held_bytes,
            "limit_bytes": self._settings.max_bytes,
            "full": inbox.full,
            "forwarding": self._forwarder.json(),
            "polling": self._polling.json(),
        }

    def figures(self) -> Mapping[str, tuple[str, float | None]]:
        """For ``/-/metrics``."""
        counts, routes = self._inbox.counts, self._routes
        return {
            "mx_gateway_webhooks_received_total": ("Webhooks taken, duplicates included.", routes.received),
            "mx_gateway_webhooks_duplicates_total": ("Webhooks that were there already.", routes.duplicates),
            "mx_gateway_webhooks_rejected_total": ("Webhooks without a good signature.", routes.refused),
            "mx_gateway_webhooks_polled_total": (
                "Changes that polling found and delivered.",
                self._polling.found,
            ),
            "mx_gateway_webhooks_delivered_total": (
                "Webhooks that the integration took.",
                self._forwarder.delivered,
            ),
            "mx_gateway_webhooks_waiting": (
                "Webhooks on their way to the integration.",
                counts.get("waiting", 0),
            ),
            "mx_gateway_webhooks_kept": ("Webhooks that wait for a person.", counts.get("kept", 0)),
        }
