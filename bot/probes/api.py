"""Ask one collection of the MaintainX API with the key, several times, so that "intermittent" is measured."""

import asyncio
import json
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.addresses import shown
from bot.domain.readings import HttpDetail, Reading, Sample, Status
from bot.maintainx import COLLECTIONS, RateHeaders, key_headers, rate_headers
from bot.ports import KeySource
from bot.probes.exchange import Exchange, Line, Wire
from bot.probes.spending import Spending
from bot.probes.words import duration

_APART_S = 0.5
_OK = 200
_LIMITED = 429


@dataclass(frozen=True, slots=True)
class ApiProbe:
    """``GET {base}{path}?limit=1``: samples half a second apart inside one deadline, none after a 429."""

    base_url: str
    path: str
    key: KeySource
    wire: Wire
    spending: Spending
    org_id: str | None = None
    slow_ms: float = 2000.0
    deadline_s: float = 10.0

    async def read(self, *, samples: int) -> Reading:
        url = f"{self.base_url.rstrip('/')}{self.path}?limit=1"
        headers = key_headers(self.key.current(), org_id=self.org_id)
        if isinstance(headers, str):
            return self._reading(url, [(Sample(at_ms=0.0, error=headers), None)])
        taken: dict[int, tuple[Sample, Exchange]] = {}
        began = asyncio.get_running_loop().time()
        enough = asyncio.Event()
        async with self.spending.told(), self.wire.line() as line, asyncio.TaskGroup() as group:

            async def take(number: int) -> None:
                """One sample at its time, unless a 429 said before that more would only make it worse."""
                try:
                    async with asyncio.timeout_at(began + number * _APART_S):
                        await enough.wait()
                    return
                except TimeoutError:
                    pass
                self.spending.count()
                taken[number] = await self._sample(line, url, headers, began=began)
                if taken[number][0].code == _LIMITED:
                    enough.set()

            for number in range(max(1, samples)):
                if number and number * _APART_S >= self.deadline_s:
                    break
                group.create_task(take(number))
        return self._reading(url, [taken[number] for number in sorted(taken)])

    async def _sample(
        self, line: Line, url: str, headers: Mapping[str, str], *, began: float
    ) -> tuple[Sample, Exchange]:
        at_ms = (asyncio.get_running_loop().time() - began) * 1000
        exchange = await line.get(url, until=began + self.deadline_s, headers=headers)
        return exchange.sample(at_ms=round(at_ms)), exchange

    def _reading(self, url: str, taken: list[tuple[Sample, Exchange | None]]) -> Reading:
        samples = tuple(sample for sample, _ in taken)
        odd = [e for _, e in taken if e is not None and e.code == _OK and not self._promised(e.body)]
        rates = [rate_headers(e.headers) for _, e in taken if e is not None and e.code is not None]
        rate = next(
            (r for r in reversed(rates) if r.limit is not None or r.remaining is not None), RateHeaders()
        )
        times = [s.ms for s in samples if s.ms is not None]
        ms = round(statistics.median(times), 1) if times else None
        good = [s for s in samples if s.code == _OK]
        if odd or len(good) < len(samples):
            status = Status.FAILING
        else:
            status = Status.SLOW if ms is not None and ms > self.slow_ms else Status.OK
        return Reading(
            probe="api",
            target=self.path,
            status=status,
            ms=ms,
            says=_says(samples, ms=ms, slow_ms=self.slow_ms, odd=odd),
            detail=HttpDetail(
                url=shown(url),
                samples=samples,
                rate_limit=rate.limit,
                rate_remaining=rate.remaining,
                rate_reset_s=rate.reset_s,
                body_ok=not odd,
            ),
        )

    def _promised(self, body: bytes) -> bool:
        """The list that the API document promises is there."""
        try:
            parsed = json.loads(body)
        except ValueError:
            return False
        name = COLLECTIONS.get(self.path)
        return isinstance(parsed, dict) and (
            isinstance(parsed.get(name), list) if name else any(isinstance(v, list) for v in parsed.values())
        )


def _says(samples: tuple[Sample, ...], *, ms: float | None, slow_ms: float, odd: list[Exchange]) -> str:
    total = len(samples)
    outcomes = Counter(_outcome(sample) for sample in samples)
    parts = [f"{n} of {total}: {what}" if total > 1 else what for what, n in outcomes.most_common()]
    if any(s.timed_out for s in samples):
        waited = max(s.timing.total or 0.0 for s in samples if s.timed_out)
        parts.append(f"waited for {duration(waited)}")
    if odd:
        shape = "an HTML page" if odd[0].html else "not the list that the API document promises"
        parts.append(f"the body is {shape}")
    if ms is not None:
        parts.append(f"{'median ' if total > 1 else ''}{duration(ms)}")
    if ms is not None and ms > slow_ms:
        parts.append(f"slow is over {duration(slow_ms)}")
    if any(s.code == _LIMITED for s in samples):
        parts.append("not asked again after the 429")
    return "; ".join(parts)


def _outcome(sample: Sample) -> str:
    if sample.code is None and sample.timed_out and sample.error:
        # All tries end at one deadline, so they differ in how long each has waited, which says nothing.
        return sample.error.partition(" after ")[0]
    if sample.code is None:
        return sample.error or "no answer"
    if sample.code != _OK and sample.html:
        return f"HTTP {sample.code} (an HTML page)"
    return f"HTTP {sample.code}" + (f" ({sample.error})" if sample.error else "")
