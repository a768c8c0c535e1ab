"""What rules share: a finding about endpoints, the numbers as evidence, the command that checks."""

from collections.abc import Callable, Iterable

from bot.domain import budget_words
from bot.domain.addresses import front_page, shown, shown_host
from bot.domain.assessment import Finding, Severity, Verdict
from bot.domain.case import Case, Endpoint
from bot.domain.gateway import listed
from bot.domain.readings import Sample
from bot.domain.severity import endpoint_severity, worst


def about(
    case: Case,
    endpoints: tuple[Endpoint, ...],
    *,
    rule: str,
    verdict: Verdict,
    symptom: str,
    cause: str,
    check: str,
    also: Iterable[str | None] = (),
) -> Finding:
    """A finding about endpoints: as grave as the worst of them, each with its numbers as evidence."""
    return Finding(
        rule=rule,
        severity=worst(endpoint_severity(case, endpoint) for endpoint in endpoints) or Severity.SEV4,
        verdict=verdict,
        symptom=symptom,
        cause=cause,
        check=check,
        evidence=(
            # The telling numbers first: a card shows the beginning only.
            *(line for line in also if line),
            *(f"{endpoint.path}: {endpoint.says}" for endpoint in endpoints),
        ),
    )


def named(endpoints: Iterable[Endpoint]) -> str:
    """``/users, /workorders and /assets``."""
    return listed(tuple(endpoint.path for endpoint in endpoints))


def everyone(case: Case, endpoints: tuple[Endpoint, ...]) -> str:
    """``all 4 endpoints``, ``/users and /assets``."""
    if len(endpoints) == len(case.endpoints) > 1:
        return f"all {len(endpoints)} endpoints"
    return named(endpoints)


def share(endpoints: Iterable[Endpoint], want: Callable[[Sample], bool]) -> str:
    """``5 of 12`` tries."""
    found = tuple(endpoints)
    return f"{sum(e.count(want) for e in found)} of {sum(len(e.samples) for e in found)}"


def first_error(endpoints: Iterable[Endpoint], want: Callable[[Sample], bool]) -> str | None:
    """What the first such try was told."""
    return next((s.error for e in endpoints for s in e.samples if want(s) and s.error), None)


def front_door(case: Case) -> str | None:
    """What the vote without a key said."""
    reading = case.reading("versions")
    return f"/versions without a key: {reading.says}" if reading else None


def status_page(case: Case) -> str | None:
    """What the vendor says of itself."""
    reading = case.reading("status_page")
    return f"status page: {reading.says}" if reading else None


def unknown_writes(case: Case) -> str | None:
    """What an outage leaves behind at the gateway: writes of which nobody knows whether they arrived."""
    found = budget_words.unknown_writes(case.traffic)
    return f"gateway: {found} in the last hour, look for each before it is sent again" if found else None


def base(case: Case) -> str:
    """The base URL, fit to show."""
    return shown(case.integration.base_url.rstrip("/"))


def host(case: Case) -> str:
    """The API's host."""
    return shown_host(case.integration.base_url)


def status_host(case: Case) -> str:
    """Where a person looks at the vendor's status page."""
    return front_page(case.integration.status_url)


def curl(
    case: Case, path: str, *, show: str = '-o /dev/null -w "HTTP %{http_code} in %{time_total} s\\n"'
) -> str:
    """The command that asks one endpoint by hand; the key stays in its variable or file."""
    key = _key_in_shell(case.key.source if case.key else "")
    org = case.integration.org_id
    organisation = f' -H "x-organization-id: {org}"' if org else ""
    return f'curl -sS --max-time 30 {show} -H "Authorization: Bearer {key}"{organisation} "{base(case)}{path}?limit=1"'


def _key_in_shell(source: str) -> str:
    """How a shell finds the key, by the name of its place: a file, a variable, or mx.toml, from which one copies it."""
    if "/" in source:
        return f"$(tr -d '[:space:]' < {source})"
    return "$KEY_FROM_MX_TOML" if source.startswith("api_key") else "$MAINTAINX_API_KEY"


def key_length(source: str) -> str:
    """How a person measures the key without showing it."""
    if "/" in source:
        return f"`wc -c < {source}`"
    return f"the length of {source}" if source.startswith("api_key") else f"`echo ${{#{source}}}`"


def measure(url: str) -> str:
    """The command that shows in which phase the time goes."""
    return (
        'curl -sS --max-time 30 -o /dev/null -w "DNS %{time_namelookup} connect %{time_connect} TLS %{time_appconnect} '
        f'first byte %{{time_starttransfer}} total %{{time_total}} s\\n" "{url}"'
    )
