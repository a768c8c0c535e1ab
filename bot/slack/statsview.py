"""``/mx stats``: how fast incidents were answered, in columns that a phone shows."""

from bot.domain import stats_words
from bot.domain.stats import MONTHS
from bot.domain.stats import stats as reckon
from bot.slack import blocks
from bot.slack.edge import Asked, Edge
from bot.slack.limits import escape, link
from bot.slack.verbs import Misused

_LONGEST = 120


async def stats(edge: Edge, _asked: Asked, words: str) -> blocks.Message:
    """The last months, this one included, of every integration; only the asker sees them."""
    if words and not (words.isdecimal() and len(words) < 4 and 1 <= int(words) <= _LONGEST):  # noqa: PLR2004 - digits
        raise Misused(f"Stats take a number of months, from 1 to {_LONGEST}.")
    months = int(words) if words else MONTHS
    incidents = (await edge.timeline.book()).incidents()
    found = reckon(incidents, calendar=edge.duty.calendar, now=edge.clock.now(), months=months)
    said = escape(stats_words.opening(found))
    if not found.counted:
        return blocks.private(said)
    table = blocks.preformatted(stats_words.columns(found))
    legend = blocks.context(escape(stats_words.legend()))
    url = edge.pages.list()
    page = [blocks.context(link(url, "Every incident and its months, on a page"))] if url else []
    return blocks.private(said, [blocks.section(said), table, legend, *page])
