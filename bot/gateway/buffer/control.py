"""What a person wants of the replay, kept over restarts: started, paused, resumed, cancelled; and how far it is."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from bot.errors import Conflict, MxError
from bot.gateway.buffer.buffer import Buffer
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
_RECENT_S = 60.0


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
        self._database = database
        self._buffer = buffer
        self._clock = clock
        self._is = _Standing()
        self._done = 0
        self._rejected = 0
        self._recent: deque[float] = deque()
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
            control._rejected = settled.get("rejected", 0)
            control._done = settled.get("delivered", 0) + control._rejected
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

    async def run(self, *, on_trouble: Callable[[Exception], None]) -> None:
        """Carry out what the gateway itself wants of the replay, for ever."""
        while True:
            self._woken.clear()
            wanted = self._wanted
            try:
                if wanted == "pause":
                    await self.pause_by_itself("writes are buffered again")
                elif wanted == "start" and not self._buffering:
                    await self._start_by_itself()
                if self._wanted == wanted:  # else something else is wanted since
                    self._wanted = ""
            except MxError as error:
                on_trouble(error)
                await self._clock.sleep(1.0)
                continue
            await self._woken.wait()

    async def _start_by_itself(self) -> None:
        action: Action = "resume" if self._is.state == "paused" else "start"
        if self._is.state != "running" and self._buffer.tally.moving:
            await self.act(action, actor=GATEWAY, reason="MaintainX answers again", has_key=True)

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
            self._done = self._rejected = 0
            self._recent.clear()
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
        parts = [f"{self._done - self._rejected} delivered"]
        parts += [f"{self._rejected} rejected by MaintainX"] if self._rejected else []
        parts += [f"{tally.of('parked')} parked for a person"] if tally.of("parked") else []
        parts += [f"{tally.of('waiting')} waiting behind those"] if tally.of("waiting") else []
        says = f"{', '.join(parts)}, in {duration(took)}"
        await self._become("done", says, what="replay_finished", actor=GATEWAY)

    def one_done(self, *, rejected: bool) -> int:
        """One more is delivered or rejected; how many were rejected so far."""
        self.trouble = ""
        self._done += 1
        self._rejected += rejected
        self._recent.append(self._clock.monotonic())
        return self._rejected

    def json(self, *, rate_per_s: float) -> dict[str, JsonValue]:
        """Progress as the contract shows it; ``rate_per_s`` is the pace it may go at."""
        tally = self._buffer.tally
        left = tally.of("waiting") + tally.of("sending") + tally.of("unknown")
        return {
            "state": self._is.state,
            "total": self._done + left + tally.of("parked"),
            "done": self._done,
            "left": left,
            "parked": tally.of("parked"),
            "rate_per_min": round(self._per_minute(), 1),
            "eta_s": self._eta_s(left, rate_per_s) if self._is.state == "running" else None,
            "oldest": tally.oldest.isoformat() if tally.oldest and tally.of("waiting") else None,
            "by": self._is.actor,
            "says": self.trouble or self._is.says,
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

    def _per_minute(self) -> float:
        now = self._clock.monotonic()
        while self._recent and self._recent[0] <= now - _RECENT_S:
            self._recent.popleft()
        if not self._recent:
            return 0.0
        return len(self._recent) * 60.0 / max(1.0, min(_RECENT_S, now - self._recent[0]))

    def _eta_s(self, left: int, rate_per_s: float) -> float | None:
        found = self._per_minute() / 60.0
        rate = min(rate_per_s, found) if found and len(self._recent) > 2 else rate_per_s  # noqa: PLR2004 - a rate needs some
        return round(left / rate, 1) if rate else None

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
            self.changed.set()


def duration(seconds: float) -> str:
    """A length of time as people say it: "40 s", "3 minutes", "2 h 10 min"."""
    if seconds < 90:  # noqa: PLR2004 - up to there seconds say more
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004
