"""Rules about the way to MaintainX: a phase that broke off or timed out, and answers that come slowly."""

from collections import Counter
from collections.abc import Mapping

from bot.domain.assessment import Finding, Verdict
from bot.domain.case import OK, Case, Endpoint, unanswered
from bot.domain.readings import Phase, Status
from bot.domain.rules.vendor import outage
from bot.domain.rules.wording import (
    about,
    base,
    everyone,
    first_error,
    front_door,
    host,
    measure,
    share,
    status_host,
    status_page,
    unknown_writes,
)

_REACHING: frozenset[Phase] = frozenset(("dns", "connect", "tls"))
_CHECKS: Mapping[Phase, str] = {
    "dns": "`getent hosts {name}` here and `dig {name} @1.1.1.1`: if only the second answers, it is this machine's "
    "resolver",
    "connect": "`{measure}` here and from another network: if only here it hangs, look at the firewall, the proxy "
    "settings (HTTPS_PROXY, NO_PROXY) and the route (`traceroute {name}`)",
    "tls": "`openssl s_client -connect {name}:443 -servername {name} </dev/null` shows whose certificate answers: "
    "a proxy that opens TLS needs its CA in SSL_CERT_FILE",
    "first_byte": "`{measure}` shows the waiting as first byte; run it from another network too, and look at {page}",
    "body": "`{measure}` shows an answer that begins and does not end; run it from another network too",
}


def network(case: Case) -> Finding | None:
    """No answer: the phase in which it broke off says where to look."""
    lost = case.where(unanswered)
    if not lost or outage(case):
        return None
    phase = _usual_phase(lost)
    verdict = _blame(case, phase=phase)
    timed_out = any(s.timed_out for e in lost for s in e.samples)
    return about(
        case,
        lost,
        rule="network",
        verdict=verdict,
        symptom=f"{everyone(case, lost)}: {share(lost, unanswered)} tries "
        f"{'timed out' if timed_out else 'got no answer'} ({first_error(lost, unanswered)})",
        cause=_why(case, lost, phase=phase, verdict=verdict),
        check=_CHECKS[phase].format(
            name=host(case).partition(":")[0],
            measure=measure(f"{base(case)}{lost[0].path}?limit=1"),
            page=status_host(case),
        ),
        also=(front_door(case), status_page(case), unknown_writes(case)),
    )


def _usual_phase(lost: tuple[Endpoint, ...]) -> Phase:
    phases = Counter(s.failed_phase for e in lost for s in e.samples if s.failed_phase is not None)
    return phases.most_common(1)[0][0]


def _blame(case: Case, *, phase: Phase) -> Verdict:
    """Whose fault it is, told by the phase in which it broke off.

    Never reached: the network, unless the vendor says otherwise. Reached but silent: them, if anything of theirs
    still answers us; when nothing answers at all, it is our own way out.
    """
    if case.vendor_admits:
        return "maintainx"
    if phase in _REACHING:
        return "network"
    return "maintainx" if _some_answer(case) or case.versions_work or case.status_page_reached else "network"


def _why(case: Case, lost: tuple[Endpoint, ...], *, phase: Phase, verdict: Verdict) -> str:
    name = host(case)
    if case.vendor_admits:
        return f"an outage at MaintainX: the vendor's status page says so, and {name} does not answer"
    if verdict == "maintainx":
        return (
            f"{name} takes the connection and then stays silent, while {_proof(case, lost)}: "
            "their side, not the way there"
        )
    if not case.status_page_reached and case.versions_work is not True:
        return (
            f"the network of this machine: neither {name} nor the vendor's status page is reached "
            "(DNS, proxy, firewall or the line itself)"
        )
    if case.versions_work or _some_answer(case):
        return f"an unsteady way to {name}: some connections come about, others do not (packet loss, a full NAT table)"
    steps = {
        "dns": "its name is not found",
        "connect": "no connection comes about",
        "tls": "TLS is not agreed on",
    }
    return f"the way to {name}: {steps.get(phase, 'nothing comes back')}, though other hosts are reached from here"


def _proof(case: Case, lost: tuple[Endpoint, ...]) -> str:
    if len(lost) < len(case.endpoints):
        return "other endpoints answer"
    if case.versions_work:
        return "the front door answers without a key"
    return (
        "some tries are answered" if _some_answer(case) else "the vendor's other hosts are reached from here"
    )


def _some_answer(case: Case) -> bool:
    return any(sample.code == OK for endpoint in case.endpoints for sample in endpoint.samples)


def slow(case: Case) -> Finding | None:
    """Good answers that take too long."""
    sluggish = tuple(e for e in case.endpoints if e.status is Status.SLOW)
    if not sluggish:
        return None
    limit = case.integration.slow_ms / 1000
    longest = max(e.ms or 0.0 for e in sluggish) / 1000
    phase, part = _where_time_goes(sluggish)
    way = phase in _REACHING
    verdict: Verdict = "network" if way else "maintainx"
    words = {
        "dns": "looking up the name",
        "connect": "connecting",
        "tls": "agreeing on TLS",
        "body": "the body",
    }
    return about(
        case,
        sluggish,
        rule="slow",
        verdict=verdict,
        symptom=f"slow answers from {everyone(case, sluggish)}: up to {longest:.1f} s (slow is over {limit:g} s)",
        cause=(
            f"{part:.0%} of the time goes into {words.get(phase, 'waiting for the first byte')}: "
            + ("the way there, not their servers" if way else "their servers take that long")
        ),
        check=f"`{measure(f'{base(case)}{sluggish[0].path}?limit=1')}` shows the phase (without a key it ends in 401, "
        f"which is fine here); look at {status_host(case)}, and lower the number of parallel requests",
        also=(front_door(case), status_page(case)),
    )


def _where_time_goes(sluggish: tuple[Endpoint, ...]) -> tuple[Phase, float]:
    """The phase that takes most of the time, and its share."""
    timings = [sample.timing for endpoint in sluggish for sample in endpoint.samples]
    total = sum(timing.total or 0.0 for timing in timings)
    sums: dict[Phase, float] = {
        "dns": sum(timing.dns or 0.0 for timing in timings),
        "connect": sum(timing.connect or 0.0 for timing in timings),
        "tls": sum(timing.tls or 0.0 for timing in timings),
        "first_byte": sum(timing.first_byte or 0.0 for timing in timings),
    }
    sums["body"] = max(0.0, total - sum(sums.values()))
    phase = max(sums, key=lambda name: sums[name])
    return (phase, min(1.0, sums[phase] / total)) if total else ("first_byte", 1.0)
