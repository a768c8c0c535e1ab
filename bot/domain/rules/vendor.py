"""Rules about MaintainX's platform: an outage, errors on a part of it or now and then, its rate limit."""

from bot.domain import budget_words
from bot.domain.assessment import Finding
from bot.domain.case import Case, Endpoint, limited, server_error, unanswered
from bot.domain.readings import TrafficDetail
from bot.domain.rules.wording import (
    about,
    curl,
    everyone,
    first_error,
    front_door,
    named,
    share,
    status_host,
    status_page,
    unknown_writes,
)

_PER_USER = "100 requests a minute per user, 500 per organisation"


def outage(case: Case) -> bool:
    """Every endpoint fails every time with a server error, or hangs beside one that does."""
    endpoints = case.endpoints
    return (
        bool(endpoints)
        and all(e.all(lambda s: server_error(s) or unanswered(s)) for e in endpoints)
        and any(e.any(server_error) for e in endpoints)
    )


def platform_outage(case: Case) -> Finding | None:
    """5xx everywhere: their platform is down."""
    if not outage(case):
        return None
    endpoints = case.endpoints
    if case.vendor_admits:
        vote = "their status page says so too"
    elif case.versions_work:
        vote = "their front door still answers without a key, what is behind it does not"
    else:
        vote = "their status page does not say so (yet); such pages lag by 10 minutes and more"
    return about(
        case,
        endpoints,
        rule="platform-outage",
        verdict="maintainx",
        symptom=f"server errors everywhere: {share(endpoints, server_error)} tries at {everyone(case, endpoints)}",
        cause=f"an outage of the MaintainX platform; {vote}",
        check=(
            f"look at {status_host(case)}, and ask again: `{curl(case, endpoints[0].path)}`. If it stays: hold back "
            "or buffer your writes, note the time for a backfill, and open a ticket with MaintainX support"
        ),
        also=(front_door(case), status_page(case), unknown_writes(case)),
    )


def endpoint_errors(case: Case) -> Finding | None:
    """5xx every time on some endpoints, while others work."""
    if outage(case):
        return None
    failing = tuple(e for e in case.endpoints if e.all(server_error))
    if not failing:
        return None
    return about(
        case,
        failing,
        rule="endpoint-errors",
        verdict="maintainx",
        symptom=f"{everyone(case, failing)}: every try ended in a server error, other endpoints do not fail so",
        cause="a part of the MaintainX platform is out; the request itself is the smallest there is",
        check=(
            f"`{curl(case, failing[0].path, show='-i')}` shows the answer; look at {status_host(case)}. If it stays: "
            f"pause the jobs that need {named(failing)} and report it to MaintainX support with the times"
        ),
        also=(status_page(case), front_door(case), unknown_writes(case)),
    )


def intermittent_errors(case: Case) -> Finding | None:
    """5xx on some tries at an endpoint, not on all."""
    flaky = tuple(e for e in case.where(server_error) if not e.all(server_error))
    if not flaky or outage(case):
        return None
    words = first_error(flaky, server_error)
    return about(
        case,
        flaky,
        rule="intermittent-errors",
        verdict="maintainx",
        symptom=f"{everyone(case, flaky)}: {share(flaky, server_error)} tries answered with a server error",
        cause="the MaintainX platform fails now and then"
        + (f' ("{words}")' if words else "")
        + "; without retries each failure is a lost call",
        check=(
            f"ask 20 times and count: `for i in $(seq 20); do {curl(case, flaky[0].path)}; sleep 1; done`. If it "
            "stays: retry reads with backoff (writes only where a repeat does no harm) and lower the request rate"
        ),
        also=(status_page(case), unknown_writes(case)),
    )


def rate_limited(case: Case) -> Finding | None:
    """429: too many requests, ours or somebody else's with the same user or organisation."""
    refused = case.where(limited)
    if not refused:
        return None
    seen = budget_words.rate_limited(case.traffic) if case.traffic else None
    return about(
        case,
        refused,
        rule="rate-limited",
        verdict="us",
        symptom=f"{everyone(case, refused)} answered 429, too many requests ({share(refused, limited)} tries)",
        cause=f"over MaintainX's limit ({_PER_USER}): {_whose(case.traffic)}",
        check=(
            f"`{curl(case, refused[0].path, show='-D - -o /dev/null')}` shows X-Rate-Limit-Remaining and -Reset; "
            f"{_next(case.traffic)}"
        ),
        also=(seen, *_limits(refused), unknown_writes(case) if seen else _traffic_line(case)),
    )


def _whose(traffic: TrafficDetail | None) -> str:
    """Ours or somebody else's, as far as the gateway can tell."""
    if traffic is None or not traffic.total:
        return "how many of them are the integration's is not known, as none passed the gateway"
    most = budget_words.busiest(traffic.lanes)
    sent = f"the integration sent {traffic.total} through the gateway in the last hour"
    sent += f", most of them {most[0]} ({most[1]})" if most else ""
    if told := budget_words.budget_share(traffic):
        return f"{told}; {sent}"
    return f"{sent}; if that is little, another client of the same user or organisation uses the limit up"


def _next(traffic: TrafficDetail | None) -> str:
    if traffic is None or not budget_words.others(traffic.share):
        return "count the integration's requests of the last hour by job, and slow the biggest one down first"
    return (
        "look who else uses the key's user or the organisation's other keys, and what of ours goes past the gateway; "
        "slowing our jobs down frees only our share"
    )


def _limits(refused: tuple[Endpoint, ...]) -> tuple[str, ...]:
    found = []
    for endpoint in refused:
        detail = endpoint.detail
        waits = [s.retry_after_s for s in detail.samples if s.retry_after_s is not None]
        if detail.rate_limit is not None or detail.rate_remaining is not None:
            reset = "" if detail.rate_reset_s is None else f", new window in {detail.rate_reset_s:.0f} s"
            found.append(f"limit {_told(detail.rate_limit)}, left {_told(detail.rate_remaining)}{reset}")
        if waits:
            found.append(f"Retry-After {max(waits):.0f} s")
    return tuple(dict.fromkeys(found))[:2]


def _told(number: int | None) -> str:
    return "not told" if number is None else str(number)


def _traffic_line(case: Case) -> str | None:
    reading = case.reading("traffic")
    return f"gateway: {reading.says}" if reading else None
