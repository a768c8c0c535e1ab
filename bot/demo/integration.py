"""The integration of the story: a service with a health page whose jobs call MaintainX, and retry greedily."""

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web

from bot.demo.door import Door, beside, wall_clock
from bot.demo.healthpage import HealthShape, shown
from bot.demo.importing import Importer
from bot.demo.jobs import CRITICAL_JOB, JOBS, Job, Result, words_of
from bot.demo.receiver import Receiver

MOST_PER_S = 200.0
"""Calls that a job makes in a real second, however fast time passes: what two cores carry beside everything else."""


class FakeIntegration:
    """A service like the runbook's. It calls ``base_url`` (the gateway or MaintainX itself) until the block ends."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        jobs: tuple[Job, ...],
        names_its_jobs: bool,
        log: Path | None,
        retries: int,
        memory_s: float,
        up_since_s: float,
        state_file: Path | None,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        speed: Callable[[], float],
    ) -> None:
        self.base_url = base_url
        self.shape: HealthShape = "checks"
        """What ``/health`` looks like: the three known shapes, plain text, HTML, a crash, or no answer."""
        self.log_path = log
        self.state_path = state_file
        """Where it notes when its last sync ended, as the runbook's does."""
        self.notes_syncs = True
        """False: a sync ends without reading to the end, and its record stays as it is."""
        self.failing: dict[str, str] = {}
        """More checks of its health page that fail, with their words."""
        self.health_delay_s = 0.0
        """Real seconds before the health page answers."""
        self.webhooks = Receiver(now)
        """What MaintainX's webhooks told it."""
        self.imports = Importer()
        """What a backfill brought."""
        self.results: deque[Result] = deque(maxlen=20_000)
        self.skipped: Counter[str] = Counter()
        """Calls that were due while all of a job's connections were waiting."""
        self._key = key
        self._jobs = {job.name: job for job in jobs}
        self._rates = {job.name: job.rate_per_s for job in jobs}
        self._changed = {job.name: asyncio.Event() for job in jobs}
        self._names, self._retries, self._memory_s = names_its_jobs, retries, memory_s
        self._now, self._monotonic, self._speed = now, monotonic, speed
        self._started = monotonic() - up_since_s
        self._door: Door
        self._session: aiohttp.ClientSession

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        base_url: str,
        key: str = "demo-maintainx-key",
        jobs: tuple[Job, ...] = JOBS,
        names_its_jobs: bool = True,
        log: Path | None = None,
        retries: int = 3,
        timeout_s: float = 10.0,
        memory_s: float = 60.0,
        up_since_s: float = 0.0,
        state_file: Path | None = None,
        now: Callable[[], datetime] = wall_clock,
        monotonic: Callable[[], float] = time.monotonic,
        speed: Callable[[], float] = lambda: 1.0,
    ) -> AsyncIterator[Self]:
        """Run the jobs and serve ``/health`` and ``/ready`` on a free port of 127.0.0.1.

        ``memory_s`` is how far back the health page looks; ``up_since_s`` is how long it claims to be up already.
        Rates are per second of ``monotonic``, ``speed`` of which pass in a real one; ``hurry`` tells of a change.
        """
        fake = cls(
            base_url=base_url,
            key=key,
            jobs=jobs,
            names_its_jobs=names_its_jobs,
            log=log,
            retries=retries,
            memory_s=memory_s,
            up_since_s=up_since_s,
            state_file=state_file,
            now=now,
            monotonic=monotonic,
            speed=speed,
        )
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        async with (
            Door.open(fake._serve) as fake._door,
            aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as fake._session,
            beside(*(fake._run(job) for job in jobs)),
        ):
            fake._write("INFO", "main", f"listening, {len(jobs)} jobs scheduled")
            yield fake

    @property
    def url(self) -> str:
        """The service's address."""
        return self._door.url

    @property
    def health_url(self) -> str:
        """The address of ``/health``."""
        return f"{self._door.url}/health"

    @property
    def webhook_url(self) -> str:
        """Where it takes webhooks; ``{event}`` stands for the event's name."""
        return f"{self._door.url}/webhooks/{{event}}"

    @property
    def import_url(self) -> str:
        """Where it takes rows that it missed."""
        return f"{self._door.url}/import"

    def refuse(self, *, refused: bool = True) -> None:
        """Stop, or begin again, to take connections for the health page and webhooks; the jobs go on."""
        if refused:
            self._door.shut()
        else:
            self._door.unshut()

    @property
    def shows_itself(self) -> bool:
        """Its health page answers, with its checks."""
        return self.shape == "checks" and self._door.is_open

    def take_key(self, key: str) -> None:
        """New instances have taken over that were started with this key; what the old ones met is not theirs."""
        self._write("INFO", "main", "started, the key was read anew")
        self._key = key
        self.results.clear()
        self._started = self._monotonic()

    def hurry(self) -> None:
        """Time passes at another speed from now on, or has jumped."""
        for changed in self._changed.values():
            changed.set()

    def set_rate(self, job: str, rate_per_s: float) -> None:
        """Make this job call so often; 0 stops it."""
        self._rates[job] = rate_per_s
        self._changed[job].set()

    def set_pace(self, rates: Mapping[str, float]) -> None:
        """A new usual pace of these jobs, in calls per second."""
        for job, rate in rates.items():
            self._jobs[job] = replace(self._jobs[job], rate_per_s=rate)
        self.end_storm()

    def start_storm(self, rate_per_s: float, *, job: str = "asset-sync") -> None:
        """A job goes wild: a full re-sync that somebody started in the middle of the day."""
        self._write("WARN", job, f"full re-sync requested, {rate_per_s:g} pages per second")
        self.set_rate(job, rate_per_s)

    def end_storm(self) -> None:
        """All jobs at their usual pace."""
        for job in self._jobs.values():
            self.set_rate(job.name, job.rate_per_s)

    def counts(self, window_s: float = 60.0, *, job: str | None = None) -> Counter[int | None]:
        """Calls of the last seconds by status; None is a network error."""
        since = self._monotonic() - window_s
        return Counter(r.status for r in tuple(self.results) if r.at >= since and job in (None, r.job))

    def health(self) -> tuple[int, Mapping[str, object]]:
        """What the ``checks`` shape says now: 200 or 503, derived from the last calls' results."""
        recent = [r for r in tuple(self.results) if r.at >= self._monotonic() - self._memory_s][-20:]
        wrong = [r for r in recent if not r.ok]
        ok = len(wrong) * 3 <= len(recent)
        api = "ok" if ok else f"error: {wrong[-1].status or wrong[-1].error}"
        known = "configured" if self._key else "missing"
        checks = {"server": "ok", "apiKey": known, "maintainxApi": api, **self.failing}
        body = {
            "status": "healthy" if (ok := ok and not self.failing) else "degraded",
            "checks": checks,
            "uptime": round(self._monotonic() - self._started, 1),
            "timestamp": self._now().isoformat(),
        }
        return (200 if ok else 503), body

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/webhooks/") and request.method == "POST":
            return await self.webhooks.answer(request)
        if request.path == "/import" and request.method == "POST":
            return await self.imports.answer(request)
        if request.path == "/ready":
            return web.json_response({"ready": self.health()[0] == 200})  # noqa: PLR2004 - HTTP
        if request.path != "/health":
            return web.Response(status=404, text="Cannot GET " + request.path)
        await asyncio.sleep(self.health_delay_s)
        status, body = self.health()
        if self.shape == "silent":
            await self._door.closing.wait()
            return web.Response(status=500)
        return shown(self.shape, status, body, results=tuple(self.results))

    async def _run(self, job: Job) -> None:
        """Make the job's calls at its rate; at most eight at once, as the service's pool has it."""
        waiting: set[int] = set()
        turn = 0
        async with asyncio.TaskGroup() as calls:
            while True:
                rate, changed = self._rates[job.name], self._changed[job.name]
                real = min(rate * self._speed(), MOST_PER_S)
                try:
                    async with asyncio.timeout(1.0 / real if real > 0 else None):
                        await changed.wait()
                    changed.clear()
                    continue
                except TimeoutError:
                    pass  # a call is due
                if len(waiting) >= 8:  # noqa: PLR2004 - the pool
                    self.skipped[job.name] += 1
                    continue
                turn += 1
                waiting.add(turn)
                calls.create_task(self._call(job, turn, waiting))

    async def _call(self, job: Job, turn: int, waiting: set[int]) -> None:
        try:
            method, path = job.calls[turn % len(job.calls)]
            since = (self._now() - timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
            for attempt in range(1, self._retries + 2):
                result = await self._ask(job, method, path.format(since=since), attempt)
                if result.ok:
                    self._note_sync(job)
                    return
                await asyncio.sleep(0.1)  # greedy: no backoff, and no look at Retry-After
        finally:
            waiting.discard(turn)

    async def _ask(self, job: Job, method: str, path: str, attempt: int) -> Result:
        headers = {"Authorization": f"Bearer {self._key}", "User-Agent": "acme-maintainx-sync/2.4"}
        if self._names and job.names_itself:
            headers["X-MX-Job"] = job.name
        body = {"title": "Inspect the filler", "priority": "LOW"} if method == "POST" else None
        status, error, says = None, None, ""
        try:
            async with self._session.request(
                method, self.base_url + path, headers=headers, json=body
            ) as answer:
                status = answer.status
                says = words_of(await answer.text(errors="replace"))
        except TimeoutError:
            error = "timeout"
        except aiohttp.ClientError as fault:
            error = type(fault).__name__
        result = Result(self._monotonic(), job.name, status, error)
        self.results.append(result)
        if not result.ok:
            tries = f"(attempt {attempt} of {self._retries + 1})"
            self._write(
                "ERROR", job.name, f"{method} {path.partition('?')[0]} -> {status or error} {says} {tries}"
            )
        return result

    def _note_sync(self, job: Job) -> None:
        """The job that must not stop writes down when it ended, whole or not at all."""
        if self.state_path is None or not self.notes_syncs or job.name != CRITICAL_JOB:
            return
        fresh = self.state_path.with_suffix(".new")
        fresh.write_text(json.dumps({"lastSyncAt": self._now().isoformat()}), "utf-8")
        fresh.replace(self.state_path)

    def _write(self, level: str, who: str, text: str) -> None:
        if self.log_path is None:
            return
        at = self._now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        line = f"{at}Z {level} [{who}] {' '.join(text.split())}\n"
        if self._key:
            line = line.replace(self._key, "***")
        with self.log_path.open("a", encoding="utf-8") as log:
            log.write(line)
