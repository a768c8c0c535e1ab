"""The timeline's file: whether it takes a write, nobody changed it, and its disk is kept; and the rounds beside it."""

import asyncio

from bot.config import Settings
from bot.domain.backlog import Disk
from bot.errors import MxError
from bot.journal.disk import look
from bot.ports import Clock
from bot.samples import Samples
from bot.scrub import Scrubber
from bot.timeline import Timeline
from bot.verbs.doctoring.check import Check, note

_VERIFY_S = 10.0


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """The store, its disk, the rounds' samples."""
    found = [await _timeline(settings, clock)]
    judged = look(settings.bot.database, setting="DATABASE_URL", platform=settings.platform)
    found.append(disk("timeline's disk", judged))
    if found[0].state == "ok":
        found.append(await _samples(settings, clock))
    return found


def disk(what: str, judged: Disk) -> Check:
    """What the disk under a file keeps; where nobody knows it is said, and is no fault."""
    found, _, next_move = judged.says.partition("; ")
    if judged.keeps is False:
        return Check(what, found, next_move or "mount a volume that is kept, and put the file on it")
    return Check(what, judged.says or "not told by this gateway")


async def _timeline(settings: Settings, clock: Clock) -> Check:
    path = settings.bot.database
    try:
        async with Timeline.open(path, clock=clock, scrub=Scrubber()) as timeline:
            await timeline.touch()
            try:
                async with asyncio.timeout(_VERIFY_S):
                    found = await timeline.verify()
            except TimeoutError:
                said = f"{path} can be written; it is too long to check all of it within {_VERIFY_S:g} s"
                return note("timeline", said, "check it at leisure: mx timeline verify")
    except MxError as error:
        return Check(
            "timeline", str(error), "until then nothing is recorded; mx triage without --record works"
        )
    if not found.ok:
        return Check("timeline", found.fault or "changed", "keep a copy of the file and look who changed it")
    return Check("timeline", f"{found.head_seq} facts in {path}, none changed; it can be written")


async def _samples(settings: Settings, clock: Clock) -> Check:
    keep_s = settings.bot.watching.samples_keep_s
    name = settings.served
    try:
        async with Samples.open(settings.bot.database, clock=clock, keep_s=keep_s) as samples:
            latest = await samples.latest(name, 1)
    except MxError as error:
        return Check(
            "rounds",
            str(error),
            "let mx's user read and write that file; charts and rounds in a row are in it",
        )
    if not latest:
        return Check("rounds", f"none of {name} yet; they are kept for {keep_s / 3600:g} hours")
    ago = (clock.now() - latest[0].at).total_seconds()
    return Check(
        "rounds", f"the latest of {name} was {max(0, ago):.0f} s ago; kept for {keep_s / 3600:g} hours"
    )
