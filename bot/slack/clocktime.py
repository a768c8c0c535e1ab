"""A time of day as people in Slack read it."""

from datetime import datetime, tzinfo


def clock(at: datetime, zone: tzinfo) -> str:
    """A time of day with its zone: ``14:05 UTC``."""
    return f"{at.astimezone(zone):%H:%M %Z}"
