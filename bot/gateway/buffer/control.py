"""What a person wants of the replay, kept over restarts: started, paused, resumed, cancelled; and how far it is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from bot.errors import Conflict, MxError
from bot.gateway.buffer.buffer import Buffer
from bot.gateway.buffer.progress import Progress, duration
from bot.gateway.feed import GATEWAY, report
from bot.journal.sqlite import Database
from bot.ports import Clock

ReplayState = Literal["idle", "running", "paused", "done"]
Action = Literal["start", "pause", "resume", "cancel"]

_FROM: dict[Action, tuple[ReplayState, ...]] = {
    "start": ("idle", "done"),
    "pause": ("running",),
    "resume": ("paused",),
    "cancel": ("running", "paused"),
}
_TO: dict[Action, ReplayState] = {
    "start": "running",
    "pause": "paused",
    "resume": "running",
    "cancel": "idle",
}
_TOLD: dict[Action, str] = {
    "start": "replay_started",
    "pause": "replay_paused",
    "resume": "replay_resumed",
    "cancel": "replay_cancelled",
}


@dataclass(frozen=True, slots=True)
class _Standing:
    """The row that is kept."""

    state: ReplayState = "idle"
    actor: str = ""
    says: str = ""
    began_at: datetime | None = None


class Control:
    """The replay's state. Every change is on the disk before it is answered; raises StoreError."""

    def __init__(self, database: Database, buffer: Buffer, *, clock: Clock) -> None:
        self.changed = asyncio.Event()
        """Set at every change; whoever waits clears it."""
        self.trouble = ""
        """Why nothing moves just now, though it is running."""
        self.term = 0
        """Counts starts and resumes: what was waited for before them is waited for no longer."""
        self._database = database
        self._buffer = buffer
        self._clock = clock
        self._is = _Standing()
        self._progress = Progress()
        self._buffering = False
        self._wanted: Literal["", "pause", "start"] = ""
        """What the gateway itself wants, until it is written down."""
        self._woken = asyncio.Event()
        self._closed = False

    @classmethod
    async def open(cls, database: Database, buffer: Buffer, *, clock: Clock) -> "Control":
        """Take up what was wanted before the restart. Raises StoreError."""
        control = cls(database, buffer, clock=clock)
        [(state, actor, says, began_at)] = await database.read(
            "SELECT state, actor, says, began_at FROM replay"
        )
        began = datetime.fromisoformat(began_at) if began_at else None
        control._is = _Standing(state, actor, says, began)
        if began is not None and state in ("running", "paused"):
            rows = await database.read(
                "SELECT state, count(*) FROM buffered WHERE settled_at >= ? GROUP BY state", (began_at,)
            )
            settled = {str(row[0]): int(row[1]) for row in rows}
            rejected = settled.get("rejected", 0)
            control._progress = Progress(done=settled.get("delivered", 0) + rejected, rejected=rejected)
        return control

    @property
    def state(self) -> ReplayState:
        """The contract's word for it."""
        return self._is.state

    @property
    def buffering(self) -> bool:
        """Whether writes are being buffered."""
        return self._buffering

    @property
    def working(self) -> bool:
        """Whether writes may be sent now."""
        return self._is.state == "running" and not (
            self._buffering or self._closed or self._wanted == "pause"
        )

    async def may_work(self) -> None:
        """Wait until writes may be sent."""
        while not self.working:
            self.changed.clear()
            await self.changed.wait()

    def close(self) -> None:
        """Begin nothing new: the process ends, and the next one goes on."""
        self._closed = True
        self.changed.set()

    def hold(self, *, buffering: bool) -> None:
        """Writes are buffered from now on, or no longer. A replay that ran is paused: a person goes on with it."""
        self._buffering = buffering
        if buffering and self._is.state == "running":
            self._wanted = "pause"
        self.changed.set()
        self._woken.set()

    def want_start(self) -> None:
        """MaintainX is back, and the configuration says that nobody needs to be asked."""
        self._wanted = "start"
        self._woken.set()

    async def run(self, *, on_trouble: Callable[[Exception], None], has_key: Callable[[], bool]) -> None:
        """Carry out what the gateway itself wants of the replay, for ever."""
        while True:
            self._woken.clear()
            wanted = self._wanted
            try:
                if wanted == "pause":
                    await self.pause_by_itself("writes are buffered again")
                elif wanted == "start" and not self._buffering:
                    await self._start_by_itself(has_key=has_key())
                if self._wanted == wanted:  # else something else is wanted since
                    self._wanted = ""
            except MxError as error:
                on_trouble(error)
                await self._clock.sleep(1.0)
                continue
            await self._woken.wait()

    async def _start_by_itself(self, *, has_key: bool) -> None:
        if self._is.state == "running" or not self._buffer.tally.moving or await self._held_by_a_person():
            return
        action: Action = "resume" if self._is.state == "paused" else "start"
        await self.act(action, actor=GATEWAY, reason="MaintainX answers again", has_key=has_key)

    async def _held_by_a_person(self) -> bool:
        """Whether somebody has paused this replay, or cancelled it with the same writes waiting."""
        rows = await self._database.read(
            "SELECT what, actor, at FROM event WHERE what IN ('replay_paused', 'replay_cancelled', 'replay_started')"
            " ORDER BY n DESC LIMIT 1"
        )
        if not rows or rows[0][1] == GATEWAY or rows[0][0] == "replay_started":
            return False
        oldest = self._buffer.tally.oldest
        return self._is.state == "paused" or (oldest is not None and oldest.isoformat() < str(rows[0][2]))

    async def act(self, action: Action, *, actor: str, reason: str, has_key: bool) -> None:
        """Do what a person asks. Raises Conflict with what is in the way."""
        if self._is.state not in _FROM[action]:
            raise Conflict(self._not_now(action))
        if action in ("start", "resume"):
            if self._buffering:
                raise Conflict("writes are being buffered; end that first, then start the replay")
            if not has_key:
                raise Conflict(
                    "the gateway has no MaintainX key to send with; set MAINTAINX_API_KEY or MAINTAINX_API_KEY_FILE for it"
                )
        tally = self._buffer.tally
        if action == "start":
            if not (tally.moving or tally.of("waiting")):
                parked = tally.of("parked")
                raise Conflict(
                    "nothing waits to be replayed"
                    + (f"; {parked} parked, see `mx buffer list --state unknown`" if parked else "")
                )
            self._progress = Progress()
            self._is = _Standing(self._is.state, self._is.actor, self._is.says, self._clock.now())
            tally.stuck = False
        waiting = tally.of("waiting") + tally.of("sending") + tally.of("unknown")
        says = f"{waiting} writes are left" + (f": {reason}" if reason else "")
        await self._become(_TO[action], says, what=_TOLD[action], actor=actor)

    async def pause_by_itself(self, says: str) -> None:
        """Something is in the way that a person must mend."""
        if self._is.state == "running":
            await self._become("paused", says, what="replay_paused", actor=GATEWAY)

    async def finish(self) -> None:
        """Nothing is left that could be sent."""
        if self._is.state != "running":
            return
        tally = self._buffer.tally
        took = (self._clock.now() - self._is.began_at).total_seconds() if self._is.began_at else 0.0
        parts = [f"{self._progress.done - self._progress.rejected} delivered"]
        parts += [f"{self._progress.rejected} rejected by MaintainX"] if self._progress.rejected else []
        parts += [f"{tally.of('parked')} parked for a person"] if tally.of("parked") else []
        parts += [f"{tally.of('waiting')} waiting behind those"] if tally.of("waiting") else []
        says = f"{', '.join(parts)}, in {duration(took)}"
        await self._become("done", says, what="replay_finished", actor=GATEWAY)

    def one_done(self, *, rejected: bool) -> int:
        """One more is delivered or rejected; how many were rejected so far."""
        self.trouble = ""
        self._progress.one_done(self._clock.monotonic(), rejected=rejected)
        return self._progress.rejected

    def json(self, *, rate_per_s: float) -> dict[str, JsonValue]:
        """Progress as the contract shows it; ``rate_per_s`` is the pace it may go at."""
        tally = self._buffer.tally
        left = tally.of("waiting") + tally.of("sending") + tally.of("unknown")
        now = self._clock.monotonic()
        return {
            "state": self._is.state,
            "total": self._progress.done + left + tally.of("parked"),
            "done": self._progress.done,
            "left": left,
            "parked": tally.of("parked"),
            "rate_per_min": round(self._progress.per_minute(now), 1),
            "eta_s": self._progress.eta_s(left, now, at_most_per_s=rate_per_s)
            if self._is.state == "running"
            else None,
            "oldest": tally.oldest.isoformat() if tally.oldest and tally.of("waiting") else None,
            "by": self._is.actor,
            "says": (self.trouble if self._is.state == "running" else "") or self._is.says,
        }

    def dry_run(self, *, rate_per_s: float) -> dict[str, JsonValue]:
        """What a start would do."""
        tally = self._buffer.tally
        total = tally.of("waiting") + tally.of("sending") + tally.of("unknown")
        eta_s = total / rate_per_s
        since = f", oldest {tally.oldest:%H:%M} UTC" if tally.oldest and tally.of("waiting") else ""
        says = f"{total} writes{since}, about {duration(eta_s)} at {rate_per_s * 60:.0f} a minute"
        if tally.of("parked"):
            says += f"; {tally.of('parked')} would be parked"
        return {
            **self.json(rate_per_s=rate_per_s),
            "dry_run": True,
            "total": total,
            "rate_per_min": round(rate_per_s * 60, 1),
            "eta_s": round(eta_s, 1),
            "to_look_for": tally.of("unknown"),
            "says": says,
        }

    def _not_now(self, action: Action) -> str:
        match self._is.state:
            case "running":
                return f"the replay is running already, started by {self._is.actor}; pause or cancel it"
            case "paused":
                return f"the replay is paused ({self._is.says}); resume or cancel it"
            case _:
                return f"no replay is running, so there is nothing to {action}; start one"

    async def _become(self, state: ReplayState, says: str, *, what: str, actor: str) -> None:
        now = self._clock.now()
        by = self._is.actor if actor == GATEWAY and self._is.actor else actor
        standing = _Standing(state, by, says, self._is.began_at)
        began = standing.began_at.isoformat() if standing.began_at else None
        was, self._is = (
            self._is,
            standing,
        )  # in force at once: nothing more is begun while the disk is at work
        try:
            async with self._database.write() as tx:
                await tx.execute(
                    "UPDATE replay SET state = ?, actor = ?, says = ?, began_at = ?", (state, by, says, began)
                )
                await report(tx, now, actor=actor, what=what, says=says)
        except BaseException:
            self._is = was
            raise
        finally:
            self.trouble = ""
            self.term += state == "running"
            self.changed.set()
