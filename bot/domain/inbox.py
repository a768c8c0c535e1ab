"""The gateway's inbox as the bot sees it: what waits for the integration, and how far polling is. Pure."""

from datetime import datetime

from bot.domain.view import View


class ForwardingLook(View):
    """Whether what comes in is sent on; ``state`` is off, paused, going, trying or stuck."""

    of = "webhooks"

    state: str = "going"
    delivered: int = 0
    says: str = ""


class PollingLook(View):
    """Whether MaintainX is asked for what changed, and what that brought."""

    of = "webhooks"

    on: bool = False
    found: int = 0
    """Since the gateway's start."""
    asked_at: datetime | None = None
    """When a round last came to its end."""
    says: str = ""
    """What is in the way; empty where nothing is."""


class Inbox(View):
    """Deliveries on their way to the integration."""

    of = "webhooks"

    waiting: int = 0
    kept: int = 0
    """Those that the integration would not have, and a person decides about."""
    full: bool = False
    last_received_at: datetime | None = None
    forwarding: ForwardingLook = ForwardingLook()
    polling: PollingLook = PollingLook()


def inbox_words(mail: Inbox) -> str:
    """What waits at the gateway for the integration: "12 webhooks wait, 3 are kept for a person"."""
    parts = [f"{mail.waiting} webhook{' waits' if mail.waiting == 1 else 's wait'}"]
    parts += [f"{mail.kept} kept for a person"] if mail.kept else []
    parts += ["the inbox is full"] if mail.full else []
    return ", ".join(parts)
