"""Ask the gateway what passed it in the last hour, by status and lane, and who uses MaintainX's limit up."""

from dataclasses import dataclass

from bot.domain.budget_words import rate_limited, unknown_writes
from bot.domain.gateway import GatewayStatus, Traffic
from bot.domain.readings import LatestTraffic, Reading, Status, TrafficDetail
from bot.errors import OutsideError
from bot.ports import Gateway
from bot.probes.words import count, duration

_WINDOW_S = 3600
_LATEST_S = 600
"""Where the hour has a 429, these minutes tell whether it is so now."""
_TELLING = 20
"""Of fewer answers the slowest one would be the p95."""


@dataclass(frozen=True, slots=True)
class TrafficProbe:
    """``GET /-/status`` of the gateway. An idle gateway is an answer; what bypasses it stays unseen."""

    gateway: Gateway | None

    async def read(self, *, samples: int) -> Reading:  # noqa: ARG002 - the gateway counts for itself
        if self.gateway is None:
            says = "no gateway is configured: set MX_GATEWAY_URL to where `mx gateway` listens"
            return _reading(Status.UNKNOWN, says, None)
        try:
            status = GatewayStatus.from_json(await self.gateway.status(window_s=_WINDOW_S))
            latest = await self._latest() if status.traffic.rate_limited else None
        except OutsideError as problem:
            return _reading(Status.UNKNOWN, str(problem), None)
        traffic = status.traffic
        detail = TrafficDetail(
            window_s=round(traffic.window_s) or _WINDOW_S,
            total=traffic.total,
            by_status=traffic.by_status,
            lanes=traffic.lanes,
            budget_left=status.budget_left,
            fates=traffic.fates,
            latest=latest,
            share=status.share,
            mode=status.mode,
            last_good=status.last_good,
        )
        return _reading(Status.OK, _says(traffic, detail, mode=status.mode), detail)

    async def _latest(self) -> LatestTraffic:
        assert self.gateway is not None
        traffic = GatewayStatus.from_json(await self.gateway.status(window_s=_LATEST_S)).traffic
        return LatestTraffic(window_s=_LATEST_S, by_status=traffic.by_status, lanes=traffic.lanes)


def _says(traffic: Traffic, detail: TrafficDetail, *, mode: str) -> str:
    if not traffic.total:
        return f'nothing passed the gateway in the last hour; mode "{mode}"'
    by_status = ", ".join(f"{n} x {code}" for code, n in sorted(traffic.by_status.items()))
    by_lane = ", ".join(f"{lane.lane} {sum(lane.by_status.values())}" for lane in traffic.lanes)
    p95 = traffic.latency.p95_ms if traffic.answered >= _TELLING else None
    parts = (
        rate_limited(detail),
        f"{count(traffic.total, 'request')} in the last hour",
        by_status,
        by_lane,
        p95 is not None and f"95% answered within {duration(p95)}",
        unknown_writes(detail),
        f'mode "{mode}"',
    )
    return "; ".join(part for part in parts if part)


def _reading(status: Status, says: str, detail: TrafficDetail | None) -> Reading:
    return Reading(probe="traffic", target="gateway traffic", status=status, says=says, detail=detail)
