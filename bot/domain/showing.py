"""What was shown to people and where: the report, the card, and what could not be shown. Pure."""

from bot.domain.fact import Address, Fact


class ReportRequested(Fact):
    """Somebody asked for the report; the report follower posts it once."""

    kind = "report_requested"
    request: str
    address: Address = Address()


class ReportPosted(Fact):
    """The report was posted."""

    kind = "report_posted"
    request: str
    says: str
    channel: str | None = None
    message: str | None = None
    version: int | None = None
    """Up to which of the incident's facts it tells; None from a version of before that was written."""
    canvas: str | None = None
    """The id of the canvas that holds it, where the workspace has one."""
    notes: tuple[str, ...] = ()
    """What its message says went otherwise than it should: a broken template, no canvas."""


class CardPosted(Fact):
    """The incident's card stands at this place in Slack and is kept true by editing it."""

    kind = "card_posted"
    channel: str
    message: str
    """Slack's ``ts`` of the message."""


class DeliveryFailed(Fact):
    """Something could not be shown where it belongs; ``says`` tells the person what to type."""

    kind = "delivery_failed"
    what: str
    channel: str | None
    code: str
    says: str


AnyShowing = ReportRequested | ReportPosted | CardPosted | DeliveryFailed
