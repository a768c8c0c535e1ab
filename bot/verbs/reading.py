"""What the verbs that look into the timeline share: it has to be there, and so has the incident that is meant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.clock import SystemClock
from bot.config import Settings
from bot.domain.book import Book
from bot.domain.incident import Incident
from bot.errors import Refused
from bot.scrub import Scrubber
from bot.timeline import Timeline


def there(database: Path) -> Path:
    """The timeline's file. Raises Refused where there is none: to look at one must not make an empty one."""
    if not database.exists():
        raise Refused(
            f"There is no timeline at {database}. If it is elsewhere, set DATABASE_URL or go to the folder of its "
            "mx.toml; else `mx triage --record` begins one."
        )
    return database


@asynccontextmanager
async def open_timeline(settings: Settings) -> AsyncIterator[Timeline]:
    """The timeline that is there already. Raises Refused and StoreError."""
    database = there(settings.bot.database)
    async with Timeline.open(database, clock=SystemClock(), scrub=Scrubber(settings.secrets)) as timeline:
        yield timeline


def incident_in(book: Book, name: str | None) -> Incident:
    """The incident of that name; without a name the open one, else the latest. Raises Refused with those there are."""
    open_ones = book.open_incidents()
    found = book.incident(name) if name else (open_ones[-1] if open_ones else book.latest())
    if found is not None:
        return found
    known = ", ".join(one.id for one in book.incidents()[-5:])
    if not known:
        raise Refused("There is no incident yet. `mx triage --record` opens one where something is wrong.")
    raise Refused(f"There is no incident {name}. The latest ones: {known}.")
