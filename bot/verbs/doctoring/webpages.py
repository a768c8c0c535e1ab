"""The bot's own pages of incidents: whether anybody can be led to them, and let in."""

from bot.config import Settings
from bot.engine import pages_of
from bot.ports import Clock
from bot.verbs.doctoring.check import Check, note


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """Only the settings are looked at: whether people reach the address depends on where they are."""
    bot = settings.bot
    missing = pages_of(bot, clock).missing
    if missing:
        lacking = " and ".join(missing)
        found = f"{lacking} not set: there is no link to a page of an incident anywhere"
        if bot.link_secret is None:
            found += ", and the pages show nothing"
        return [note("incident pages", found, _MOVES[bot.link_secret is None, bot.public_url is None])]
    assert bot.public_url is not None
    good = f"at {bot.public_url.rstrip('/')}/incidents, by links that are good for {bot.link_days:g} days"
    if bot.public_url.startswith("https://"):
        return [Check("incident pages", good)]
    return [
        note(
            "incident pages",
            f"{good}; over http:// whoever is in between reads them, and the links too",
            "put HTTPS before the bot, and say https:// in MX_PUBLIC_URL",
        )
    ]


_SIGNED = "MX_LINK_SECRET to 16 characters or more that nobody can guess (openssl rand -hex 32)"
_URL = "MX_PUBLIC_URL to the address by which people reach the bot"
_MOVES = {
    (True, True): f"set {_URL}, and {_SIGNED}",
    (True, False): f"set {_SIGNED}",
    (False, True): f"set {_URL}",
}
